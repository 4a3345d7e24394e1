import type { Instant } from '../mail/instant.ts'
import type { Disk } from './disk.ts'
import {
  type AboutPartial,
  type Completion,
  type Found,
  type PartialBody,
  type Partials,
  PER_OPENING,
} from './partials.ts'
import { type MessageId, SpoolError } from './spool.ts'
import type { CompletionRow, Writes } from './sqlite-calls.ts'
import { SqlitePartial } from './sqlite-partial.ts'
import type { Thread } from './sqlite-thread.ts'

const FILES_AT_ONCE = 500

/** What partials need of their spool. */
export interface PartialHome {
  readonly disk: Disk
  readonly folder: string
  readonly writer: Thread<Writes>
  /** Those that are not yet closed. */
  readonly open: Set<SqlitePartial>
  /** A name that no other file has or had. */
  nextFile(): string
}

/**
 * Partials in SQLite. Each opening writes a file of its own, and the row says how many of its octets count: so nothing is
 * ever appended or cut, and who has lost a partial, even in another process, spoils nothing with what it still writes.
 */
export class SqlitePartials implements Partials {
  readonly #home: PartialHome

  constructor(home: Omit<PartialHome, 'open'>) {
    this.#home = { ...home, open: new Set() }
  }

  async find(name: string, now: Instant, mostOfAll: number = Number.POSITIVE_INFINITY): Promise<Found | undefined> {
    const file = this.#home.nextFile()
    const { out } = await this.#home.writer.call('findPartial', { name, file, now, mostOfAll })
    if (!out) return undefined
    if (out.message !== null) return { is: 'complete', id: out.message, octets: out.octets, note: out.note }
    const { note, room, files, left } = out
    await this.#remove(left)
    return { is: 'partial', partial: new SqlitePartial(this.#home, { name, note, file, files, room, mostOfAll }) }
  }

  async begin(name: string, about: AboutPartial): Promise<PartialBody> {
    const { note, expires, owner, most, mostOfAll = Number.POSITIVE_INFINITY } = about
    const { mostPartials = Number.POSITIVE_INFINITY } = about
    const file = this.#home.nextFile()
    const cost = PER_OPENING + Buffer.byteLength(note)
    const bounds = { most: Math.floor(most), mostOfAll, mostPartials, expires: Math.round(expires) }
    const row = { name, file, note, owner, cost, ...bounds }
    const { room, files } = (await this.#home.writer.call('beginPartial', row)).out
    await this.#remove(files)
    return new SqlitePartial(this.#home, { name, note, file, files: [], room, mostOfAll })
  }

  async drop(name: string): Promise<void> {
    await this.#remove((await this.#home.writer.call('dropPartial', { name, file: null })).out)
  }

  async forget(name: string): Promise<void> {
    await this.#home.writer.call('forgetPartial', { name })
  }

  /** Removes what has expired, and files of nobody. */
  async sweep(now: Instant): Promise<void> {
    const { disk, folder, writer } = this.#home
    for (let isMore = true; isMore; ) {
      const { out } = await writer.call('sweepPartials', { now })
      await this.#remove(out.files)
      isMore = out.isMore
    }
    // A file is made after the row that names it: one that no row names is nobody's, however new.
    const names = await disk.names(folder)
    for (let at = 0; at < names.length; at += FILES_AT_ONCE)
      await this.#remove((await writer.call('orphansOfPartials', { files: names.slice(at, at + FILES_AT_ONCE) })).out)
  }

  /** Lets go of all files. */
  async close(): Promise<void> {
    await Promise.all([...this.#home.open].map((partial) => partial.close()))
  }

  /** What cannot be removed now is swept later. */
  async #remove(files: readonly string[]): Promise<void> {
    const { disk, folder } = this.#home
    for (const file of files) await disk.remove(`${folder}/${file}`).catch(() => {})
  }
}

/** Throws `SpoolError` for a partial of another spool, or one that is over. */
export const completionRow = (message: MessageId, { partial, until, octets, note }: Completion): CompletionRow => ({
  ...own(partial).completion(message, until, octets),
  note: note ?? null,
})

/** That a partial became a message which is kept now. */
export const completed = async ({ partial }: Completion): Promise<void> => own(partial).completed()

const own = (partial: Completion['partial']): SqlitePartial => {
  if (partial instanceof SqlitePartial) return partial
  throw new SpoolError('invalid', `The partial ${partial.name} is not of this spool`)
}
