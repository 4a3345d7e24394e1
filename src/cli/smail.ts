import { hint } from '../config/wording.ts'
import { EXIT, Exit } from './exit.ts'
import { complain, type Io, print } from './io.ts'
import { exitOf } from './reach.ts'
import { type Given, helpText, readOptions, type Usage } from './usage.ts'

interface Command {
  readonly usage: Usage
  run(given: Given, io: Io): Promise<number>
}

/** Each is loaded when it is asked for: most of a command's time is spent loading what it needs. */
const COMMANDS: Readonly<Record<string, readonly [does: string, load: () => Promise<Command>]>> = {
  run: ['run the server', async () => import('./run.ts').then((m) => ({ usage: m.runUsage, run: m.run }))],
  check: ['check settings', async () => import('./check.ts').then((m) => ({ usage: m.checkUsage, run: m.check }))],
  settings: [
    'say what can be set',
    async () => import('./settings.ts').then((m) => ({ usage: m.settingsUsage, run: m.settings })),
  ],
  explain: [
    'say what becomes of mail for an address',
    async () => import('./explain.ts').then((m) => ({ usage: m.explainUsage, run: m.explain })),
  ],
  queue: [
    'look into the queue, and change it',
    async () => import('./queue.ts').then((m) => ({ usage: m.queueUsage, run: m.queue })),
  ],
  convert: [
    'convert a message as a host of 7-bit or 8-bit mail needs it',
    async () => import('./convert.ts').then((m) => ({ usage: m.convertUsage, run: m.convert })),
  ],
  track: [
    'say what became of tracked mail',
    async () => import('./track.ts').then((m) => ({ usage: m.trackUsage, run: m.track })),
  ],
  password: [
    'make a line for a file of passwords',
    async () => import('./password.ts').then((m) => ({ usage: m.passwordUsage, run: m.password })),
  ],
  extensions: [
    'list the SMTP extensions',
    async () => import('./extensions.ts').then((m) => ({ usage: m.extensionsUsage, run: m.extensions })),
  ],
  status: [
    'say how the running instance is',
    async () => import('./instance.ts').then((m) => ({ usage: m.statusUsage, run: m.status })),
  ],
  reload: [
    'have it read its settings anew',
    async () => import('./instance.ts').then((m) => ({ usage: m.reloadUsage, run: m.reload })),
  ],
  drain: [
    'have it finish what is under way, and end',
    async () => import('./instance.ts').then((m) => ({ usage: m.drainUsage, run: m.drain })),
  ],
  stop: ['have it end', async () => import('./instance.ts').then((m) => ({ usage: m.stopUsage, run: m.stop }))],
}

/** The command `smail`. Never rejects; the exit code is one of sysexits(3). */
export const smail = async (argv: readonly string[], io: Io): Promise<number> => {
  const [name, ...rest] = argv
  try {
    if (name === undefined) {
      complain(io, overview().trimEnd())
      return EXIT.usage
    }
    if (name === '--help' || name === '-h' || name === 'help') {
      await print(io, rest[0] !== undefined && name === 'help' ? helpText((await command(rest[0])).usage) : overview())
      return EXIT.ok
    }
    if (name === '--version') {
      await print(io, `smail ${await version()}\n`)
      return EXIT.ok
    }
    const { usage, run } = await command(name)
    const given = readOptions(rest, usage)
    if (given.has('help')) {
      await print(io, helpText(usage))
      return EXIT.ok
    }
    return await run(given, io)
  } catch (error) {
    const { code, message } = exitOf(error)
    complain(io, code === EXIT.config ? message : `smail: ${message}`)
    return code
  }
}

const command = async (name: string): Promise<Command> => {
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!found) {
    const names = Object.keys(COMMANDS)
    throw new Exit(EXIT.usage, `there is no command ${name}${hint(name, names) || `; there are ${names.join(', ')}`}`)
  }
  return found[1]()
}

const version = async (): Promise<string> => {
  const { readFile } = await import('node:fs/promises')
  return JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')).version
}

const overview = (): string => {
  const rows = Object.entries(COMMANDS).map(([name, [does]]) => `  ${name.padEnd(10)}  ${does}\n`)
  return `usage: smail COMMAND [options]\n\n${rows.join('')}\nsmail COMMAND --help says more.\n`
}
