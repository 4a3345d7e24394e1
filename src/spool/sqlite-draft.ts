import { type Disk, type DiskFile, fromDisk } from './disk.ts'
import { type Draft, type MessageId, type MessageRecord, SpoolError } from './spool.ts'

/** Where a spool has its large bodies: those being written, and those that messages have. */
export interface Folders {
  readonly drafts: string
  readonly bodies: string
}

/** A body that is ready to be committed: its octets, or a file of the draft's name that is durable. */
export type ReadyBody = { readonly data: Uint8Array } | { readonly file: MessageId }

/** What a draft needs of its spool. */
export interface DraftHome {
  readonly disk: Disk
  readonly folders: Folders
  /** Bodies up to so many octets stay in memory and go into the row. */
  readonly inlineUpTo: number
  keep(draft: SqliteDraft, record: MessageRecord): Promise<void>
}

const SMALL_CHUNK = 16_384

/**
 * A draft that is in memory while it is small, and in a file of its own from then on: the file is made durable and gets
 * its final name before the row that says so.
 */
export class SqliteDraft implements Draft {
  readonly id: MessageId
  readonly home: DraftHome
  #octets = 0
  /** Not yet in the file, if there is one. */
  #buffer: Buffer = Buffer.alloc(0)
  #buffered = 0
  #file: DiskFile | undefined
  #isMoved = false
  /** Disk operations, one after the other. */
  #disk: Promise<void> = Promise.resolve()
  #failure: SpoolError | undefined
  #state: 'open' | 'committing' | 'committed' | 'aborted' = 'open'
  #committing: Promise<unknown> = Promise.resolve()

  constructor(id: MessageId, home: DraftHome) {
    this.id = id
    this.home = home
  }

  get octets(): number {
    return this.#octets
  }

  write(chunk: Uint8Array): Promise<void> | void {
    this.#mustBeOpen()
    this.#octets += chunk.length
    if (!this.#file && this.#octets <= this.home.inlineUpTo) return this.#collect(chunk)
    return this.#next(async () => {
      this.#file ??= await this.home.disk.create(this.#draftPath)
      if (chunk.length >= SMALL_CHUNK || this.#buffered + chunk.length > this.home.inlineUpTo) await this.#empty()
      if (chunk.length >= SMALL_CHUNK) await this.#file.write(chunk)
      else this.#collect(chunk)
    })
  }

  async *body(): AsyncIterable<Uint8Array> {
    this.#mustBeOpen()
    await this.#disk
    if (!this.#file) {
      if (this.#buffered > 0) yield Uint8Array.from(this.#buffer.subarray(0, this.#buffered))
      return
    }
    const to = this.#octets
    await this.#next(() => this.#empty())
    try {
      yield* this.home.disk.read(this.#isMoved ? this.#bodyPath : this.#draftPath, 0, to)
    } catch (error) {
      throw fromDisk(error)
    }
  }

  async commit(record: MessageRecord): Promise<void> {
    await this.during(() => this.home.keep(this, record))
  }

  /** Runs what commits this draft, alone or with a settlement: over when it succeeds, open again when it fails. */
  async during(commits: () => Promise<void>): Promise<void> {
    this.#mustBeOpen()
    this.#state = 'committing'
    const committing = commits()
    this.#committing = committing.catch(() => {})
    try {
      await committing
      this.#state = 'committed'
      this.#buffer = Buffer.alloc(0)
    } catch (error) {
      this.#state = 'open'
      throw error
    }
  }

  /** Makes the body durable where it is in a file. */
  async ready(): Promise<ReadyBody> {
    await this.#disk
    if (this.#failure) throw this.#failure
    if (!this.#file) return { data: this.#buffer.subarray(0, this.#buffered) }
    await this.#next(() => this.#move())
    return { file: this.id }
  }

  async abort(): Promise<void> {
    await this.#committing
    if (this.#state !== 'open') return
    this.#state = 'aborted'
    this.#buffer = Buffer.alloc(0)
    await this.#disk.catch(() => {})
    if (!this.#file) return
    await this.#file.close().catch(() => {})
    // What cannot be removed now is swept later.
    await this.home.disk.remove(this.#isMoved ? this.#bodyPath : this.#draftPath).catch(() => {})
  }

  get #draftPath(): string {
    return `${this.home.folders.drafts}/${this.id}`
  }

  get #bodyPath(): string {
    return `${this.home.folders.bodies}/${this.id}`
  }

  #collect(chunk: Uint8Array): void {
    const needed = this.#buffered + chunk.length
    if (needed > this.#buffer.length) {
      const room = Math.min(Math.max(needed, 2 * this.#buffer.length, 4096), Math.max(needed, this.home.inlineUpTo))
      const larger = Buffer.allocUnsafeSlow(room)
      this.#buffer.copy(larger, 0, 0, this.#buffered)
      this.#buffer = larger
    }
    this.#buffer.set(chunk, this.#buffered)
    this.#buffered = needed
  }

  async #empty(): Promise<void> {
    if (this.#buffered === 0) return
    await this.#file?.write(this.#buffer.subarray(0, this.#buffered))
    this.#buffered = 0
  }

  async #move(): Promise<void> {
    if (this.#isMoved || !this.#file) return
    await this.#empty()
    await this.#file.sync()
    await this.#file.close()
    await this.home.disk.rename(this.#draftPath, this.#bodyPath)
    this.#isMoved = true
    await this.home.disk.syncFolder(this.home.folders.bodies)
  }

  /** After a failure nothing more is tried: what a failed write or sync has left in the file, nobody knows. */
  #next(step: () => Promise<void>): Promise<void> {
    const tried = this.#disk.then(() => (this.#failure ? undefined : step()))
    const next = tried.catch((error: unknown) => {
      this.#failure = fromDisk(error)
    })
    this.#disk = next
    return next.then(() => {
      if (this.#failure) throw this.#failure
    })
  }

  #mustBeOpen(): void {
    if (this.#state !== 'open') throw new SpoolError('invalid', `The draft ${this.id} was ${this.#state}`)
  }
}
