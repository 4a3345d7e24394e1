import { createMta } from '../app/compose.ts'
import { type ControlServer, serveControl } from '../app/control.ts'
import { controlActions } from '../app/control-actions.ts'
import type { Mta } from '../app/mta.ts'
import type { Settings } from '../config/settings.ts'
import { type Clock, systemClock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { jsonLog, prettyLog } from '../observe/log-lines.ts'
import { lineWriter } from '../observe/log-writer.ts'
import { collecting } from './collecting.ts'
import { EXIT, Exit } from './exit.ts'
import { type Io, print } from './io.ts'
import { type Ending, untilEnd } from './lifetime.ts'
import { load, loadOrExit } from './settled.ts'
import { startFault } from './start-fault.ts'
import { CONFIG, type Given, type Usage } from './usage.ts'

export const runUsage: Usage = {
  name: 'run',
  line: 'smail run [--config FILE]',
  does: `Runs the server in the foreground; the log goes to standard error.

SIGTERM and SIGINT finish what is under way and end it, with exit code 0; a second one ends it at once.
SIGHUP has it read its settings anew; when they are wrong the old ones stay in force.`,
  options: { config: CONFIG },
}

export const run = async (given: Given, io: Io): Promise<number> => {
  if (given.words.length > 0) throw new Exit(EXIT.usage, `usage: ${runUsage.line}`)
  const file = given.text('config')
  const settings = await loadOrExit(file, io)
  const clock = systemClock()
  const log = logOf(settings, clock, io)
  let mta: Mta | undefined
  let controls: readonly ControlServer[] = []
  const ending = untilEnd({ clock, log, drain: settings.queue.drain })
  try {
    mta = await createMta(settings, { clock, log })
    await mta.start()
    controls = await serveControls(mta, settings, { clock, log, file, io, ending })
  } catch (error) {
    ending.forget()
    await closeAll(controls)
    await mta?.stop()
    const { code, message } = startFault(error)
    log.event('error', 'cannot-start', { why: message })
    return code
  }
  const drops = collecting(mta, settings, { clock, log })
  await greet(mta, settings, io)
  try {
    return await ending.of(
      mta,
      () => reload(mta, file, io, log),
      async () => {
        await drops.stop()
        await closeAll(controls)
      },
    )
  } finally {
    ending.forget()
  }
}

const logOf = ({ log: { format, level } }: Settings, clock: Clock, io: Io): Log => {
  const terminal = 'isTTY' in io.stderr && io.stderr.isTTY === true
  const write = lineWriter(io.stderr)
  const options = { clock, least: level }
  if (format === 'json' || (format === 'auto' && !terminal)) return jsonLog(write, options)
  return prettyLog(write, terminal && !io.env['NO_COLOR'], options)
}

interface Around {
  readonly clock: Clock
  readonly log: Log
  readonly file: string | undefined
  readonly io: Io
  readonly ending: Ending
}

const serveControls = async (mta: Mta, settings: Settings, { clock, log, file, io, ending }: Around) => {
  const { control, domains, hostname } = settings
  const actions = controlActions(mta, {
    clock,
    load: () => load(file, io),
    end: ending.ask,
    domain: () => domains[0] ?? hostname,
  })
  const servers = [await serveControl({ path: control.socket, mode: control.mode, actions, clock, log })]
  if (control.submission === undefined) return servers
  try {
    servers.push(await serveControl({ path: control.submission, mode: 0o666, actions, clock, log, everyone: true }))
  } catch (error) {
    await closeAll(servers)
    throw error
  }
  return servers
}

const closeAll = async (servers: readonly ControlServer[]): Promise<void> => {
  await Promise.all(servers.map((server) => server.close()))
}

const reload = async (mta: Mta, file: string | undefined, io: Io, log: Log): Promise<void> => {
  try {
    const loaded = await load(file, io)
    if ('faults' in loaded) {
      for (const fault of loaded.faults) log.event('error', 'settings-fault', { fault })
      log.event('error', 'reload-refused', { why: 'the settings are wrong, the old ones stay in force' })
      return
    }
    await mta.reload(loaded.settings)
  } catch (error) {
    log.event('error', 'reload-refused', { why: (error as Error).message })
  }
}

/** What a newcomer needs to know next. */
const greet = async (mta: Mta, settings: Settings, io: Io): Promise<void> => {
  const { listeners } = await mta.status()
  const near = listeners.find(({ protocol, address }) => protocol === 'smtp' && /^(127\.|\[::1\])/.test(address))
  await print(io, `smail: ready; stop it with Ctrl-C or SIGTERM\n`)
  if (near) await print(io, `smail: try: swaks --to ${settings.postmaster} --server ${near.address}\n`)
}
