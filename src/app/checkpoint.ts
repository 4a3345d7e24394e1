import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { count, size, time } from '../config/leaves.ts'
import type { ListenerSettings, Settings } from '../config/settings.ts'
import { checkpoint, type KeptPartials } from '../extensions/index.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Extension } from '../smtp/extension.ts'
import { type Spool, SpoolError } from '../spool/spool.ts'

const HOUR = 3_600_000

export const checkpointSettings: z.ZodType<CheckpointSettings> = z.strictObject({
  from: size().prefault('64KiB').describe('Messages of so many octets are sent so that they can be gone on with.'),
  every: size(1).prefault('1MiB').describe('Octets of a message under way that a crash may cost at most.'),
  keep: time(HOUR).prefault('3d').describe('How long from its beginning a message that broke off is kept.'),
  partials: count(1, 1_000_000).default(100).describe('Messages that one client may have broken off.'),
  room: size(1).prefault('200MiB').describe('Octets that those of one client may take.'),
  total: size(1).prefault('2GiB').describe('Octets that those of all clients may take.'),
})

interface CheckpointSettings {
  readonly from: number
  readonly every: number
  readonly keep: number
  readonly partials: number
  readonly room: number
  readonly total: number
}

const settingsOf = (block: unknown): CheckpointSettings => {
  // It has been read already, or nobody has written any.
  return typeof block === 'object' && block !== null && 'from' in block
    ? (block as CheckpointSettings)
    : checkpointSettings.parse({})
}

/** What the server's side needs of the rest of the program. */
export interface CheckpointStore {
  readonly partials: KeptPartials
  now(): number
}

/** What the client's side needs. */
export interface CheckpointNames {
  readonly domain: string
  secret(): Uint8Array
}

/** For a listener. Nothing where line ends are changed on the way in: octets could not be counted as the client does. */
export const checkpointServer = (
  { extensions, protocol, 'bare-newlines': bareNewlines }: ListenerSettings,
  store: CheckpointStore | undefined,
): Extension[] => {
  if (store === undefined || protocol === 'lmtp' || bareNewlines === 'normalize') return []
  const { every, keep, partials: mostPartials, room: most, total: mostOfAll } = settingsOf(extensions['checkpoint'])
  return [checkpoint({ server: { ...store, limits: { every, keep, mostPartials, most, mostOfAll } } })]
}

/** For a transport. */
export const checkpointClient = (block: unknown, names: CheckpointNames): Extension =>
  checkpoint({ client: { ...names, from: settingsOf(block).from } })

/** The spool's partials, whichever spool is open; what cannot be kept is told in the log. */
export const spoolPartials = (spool: () => Pick<Spool, 'partials'>, clock: Clock, log: Log): CheckpointStore => {
  const telling = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error
      log.event('warn', 'checkpoint-failed', { why: error.message })
      throw error
    }
  }
  return {
    now: () => clock.now(),
    partials: {
      find: (...asked) => telling(() => spool().partials.find(...asked)),
      begin: (...asked) => telling(() => spool().partials.begin(...asked)),
      forget: (name) => telling(() => spool().partials.forget(name)),
    },
  }
}

const SECRET = 32

/** Octets that nobody else knows, kept beside the spool. Where they cannot be kept they last as long as the program. */
export const lastingSecret = ({ spool }: Pick<Settings, 'spool'>): (() => Uint8Array) => {
  let secret: Uint8Array | undefined
  return () => {
    secret ??= (spool.driver === 'memory' ? undefined : kept(join(spool.path, 'secret'))) ?? randomBytes(SECRET)
    return secret
  }
}

const kept = (path: string): Uint8Array | undefined => {
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
    writeFileSync(path, randomBytes(SECRET), { flag: 'wx', mode: 0o600, flush: true })
  } catch {
    // It is there already, or cannot be.
  }
  try {
    const found = readFileSync(path)
    return found.length === SECRET ? found : undefined
  } catch {
    return undefined
  }
}
