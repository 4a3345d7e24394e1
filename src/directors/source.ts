import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Misconfigured } from '../mail/misconfigured.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'

/** A text that may change while we run: a file. */
export interface Source {
  /** As messages name it. */
  readonly name: string
  /** Differs whenever the text may differ. Undefined: there is no such file. */
  stamp(): Promise<string | undefined>
  /** Throws `Misconfigured` when there is nothing fit to be read. */
  read(): Promise<string>
}

/** What a file was read as. `faults` are whole messages, `FILE:LINE: what is wrong`; with any, `value` is incomplete. */
export interface Parsed<T> {
  readonly value: T
  readonly faults: readonly string[]
}

const MOST_OCTETS = 16 * 1024 * 1024
const MOST_FAULTS = 20
const LOOK_AGAIN = 1000

const code = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error)

/** Of a file: what it may be refused for. */
export interface FileOwner {
  readonly uid: number
  readonly gid: number
  readonly mode: number
}

/**
 * A UTF-8 file of at most 16 MiB that not everyone may write: whoever can, would have everyone's mail. `demand` may throw
 * `Misconfigured` for what else is wrong with whom it belongs to.
 */
export const fileSource = (path: string, demand: (found: FileOwner) => void = () => {}): Source => ({
  name: path,
  async stamp() {
    try {
      const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
      return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
    } catch (error) {
      if (code(error) === 'ENOENT') return undefined
      throw new Misconfigured(`${path}: cannot be read (${code(error)})`)
    }
  },
  async read() {
    try {
      // Without O_NONBLOCK, opening a pipe would wait for its writer.
      await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const found = await file.stat()
      const { mode, size } = found
      if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Misconfigured(`${path}: is not a regular file`)
      if ((mode & 0o002) !== 0)
        throw new Misconfigured(`${path}: can be written by anyone; take that right away (chmod o-w)`)
      demand(found)
      if (size > MOST_OCTETS) throw new Misconfigured(`${path}: is larger than ${MOST_OCTETS} octets`)
      return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile())
    } catch (error) {
      if (error instanceof Misconfigured) throw error
      if (error instanceof TypeError) throw new Misconfigured(`${path}: is not UTF-8 text`)
      throw new Misconfigured(
        `${path}: ${code(error) === 'ENOENT' ? 'does not exist' : `cannot be read (${code(error)})`}`,
      )
    }
  },
})

/** A text that never changes. */
export const textSource = (name: string, text: string): Source => ({
  name,
  stamp: async () => '',
  read: async () => text,
})

export interface KeepOptions {
  readonly clock: Clock
  readonly log: Log
  /** A file that is not there counts as empty. */
  readonly optional?: boolean
  /** While what is there now is of no use, asking throws why: what an earlier version said may be right no more. */
  readonly strict?: boolean
}

/**
 * Reads a source now, which throws `Misconfigured`, and again when it was asked for and has changed (looked at no more
 * than once a second). A later version with faults is logged and the last good one stays in force, unless it is `strict`.
 */
export const keep = async <T>(
  source: Source,
  parse: (text: string, file: string) => Parsed<T>,
  { clock, log, optional = false, strict = false }: KeepOptions,
): Promise<() => Promise<T>> => {
  const load = async (stamp: string | undefined): Promise<T> => {
    const { value, faults } = parse(stamp === undefined && optional ? '' : await source.read(), source.name)
    if (faults.length === 0) return value
    const more = faults.length > MOST_FAULTS ? [`${source.name}: and ${faults.length - MOST_FAULTS} more`] : []
    throw new Misconfigured([...faults.slice(0, MOST_FAULTS), ...more].join('\n'))
  }
  let stamp = await source.stamp()
  let good = await load(stamp)
  let looked = clock.now()
  let complaint: string | undefined

  const look = async (): Promise<void> => {
    try {
      const found = await source.stamp()
      if (found === stamp && !(strict && complaint !== undefined)) return
      // Taken before the text is read: what is written meanwhile is found at the next look.
      stamp = found
      good = await load(found)
      complaint = undefined
      log.event('info', 'file-reread', { file: source.name })
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      if (why !== complaint) log.event('error', 'file-unusable', { file: source.name, why })
      complaint = why
    }
  }

  let looking: Promise<void> | undefined
  return async () => {
    if (looking === undefined && clock.now() - looked >= LOOK_AGAIN) {
      looked = clock.now()
      looking = look().finally(() => {
        looking = undefined
      })
    }
    await looking
    if (strict && complaint !== undefined) throw new Misconfigured(complaint)
    return good
  }
}
