import { createMta } from '../app/compose.ts'
import { type ControlServer, demandNobody, serveControl } from '../app/control.ts'
import { controlActions, reloadFrom } from '../app/control-actions.ts'
import { Faulty } from '../app/control-session.ts'
import type { Mta } from '../app/mta.ts'
import { Unavailable } from '../app/unfit.ts'
import type { Loaded } from '../config/load.ts'
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
  const fit = await loadOrExit(file, io)
  const { settings, modules } = fit
  const clock = systemClock()
  const log = logOf(settings, clock, io)
  let mta: Mta | undefined
  let controls: readonly ControlServer[] = []
  const ending = untilEnd({ clock, log, drain: settings.queue.drain })
  try {
    mta = await createMta(settings, { clock, log, modules })
    await demandAlone(settings)
    await mta.start()
    controls = await serveControls(mta, settings, { clock, log, file, io, ending })
  } catch (error) {
    ending.forget()
    await closeAll(controls)
    await mta?.stop()
    const fault = await startFault(error, fit)
    // Settings that are wrong are told as they are by `smail check`, whatever it is that shows it.
    if (fault.code === EXIT.config) throw fault
    log.event('error', 'cannot-start', { why: fault.message })
    return fault.code
  }
  const drops = collecting(mta, settings, { clock, log })
  await greet(mta, settings, io)
  try {
    return await ending.of(
      mta,
      () => reload(mta, () => load(file, io), log),
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

/** The sockets that settings ask for, by the name of their setting. */
const socketsOf = ({ control }: Settings): readonly { key: 'socket' | 'submission'; path: string; mode: number }[] => [
  { key: 'socket', path: control.socket, mode: control.mode },
  ...(control.submission === undefined ? [] : [{ key: 'submission', path: control.submission, mode: 0o666 } as const]),
]

/** Asked before anything begins: an instance beside another one would take connections and mail before it fails. */
const demandAlone = async (settings: Settings): Promise<void> => {
  for (const { key, path } of socketsOf(settings)) await forSocket(key, path, () => demandNobody(path))
}

const forSocket = async <T>(key: string, path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw new Unavailable(['control', key], path, error)
  }
}

const serveControls = async (mta: Mta, settings: Settings, { clock, log, file, io, ending }: Around) => {
  const actions = controlActions(mta, { clock, load: () => load(file, io), end: ending.ask })
  const servers: ControlServer[] = []
  try {
    for (const { key, path, mode } of socketsOf(settings)) {
      const options = { path, mode, actions, clock, log, everyone: key === 'submission' }
      servers.push(await forSocket(key, path, () => serveControl(options)))
    }
    return servers
  } catch (error) {
    await closeAll(servers)
    throw error
  }
}

const closeAll = async (servers: readonly ControlServer[]): Promise<void> => {
  await Promise.all(servers.map((server) => server.close()))
}

const reload = async (mta: Mta, read: () => Promise<Loaded>, log: Log): Promise<void> => {
  try {
    await reloadFrom(mta, read)
  } catch (error) {
    if (error instanceof Faulty) {
      for (const fault of error.details) log.event('error', 'settings-fault', { fault })
    }
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
