import { type Disk, type DiskFile, fromDisk } from './disk.ts'
import { type Draft, type MessageId, type MessageRecord, SpoolError } from './spool.ts'

/** Where a spool has its large bodies: those being written, those that messages have, and partials. */
export interface Folders {
  readonly drafts: string
  readonly bodies: string
  readonly partials: string
}

/** A body that is ready to be committed: its octets, or a file of the draft's name that is durable. */
export type ReadyBody = { readonly data: Uint8Array } | { readonly file: MessageId }

/** What a draft needs of its spool. */
export interface DraftHome {
  readonly disk: Disk
  readonly folders: Folders
  /** Bodies up to so many octets stay in memory and go into the row. */
  readonly inlineUpTo: number
  /** Blocks that are free to be filled. */
  readonly blocks: Buffer[]
  keep(draft: SqliteDraft, record: MessageRecord): Promise<void>
}

/** What is written to a file at once. While one such block is on its way, the next is filled. */
const BLOCK = 262_144
const SPARE_BLOCKS = 16
const NOTHING = Buffer.alloc(0)

/**
 * A draft that is in memory while it is small, and in a file of its own from then on: the file is made durable and gets
 * its final name before the row that says so.
 */
export class SqliteDraft implements Draft {
  readonly id: MessageId
  readonly home: DraftHome
  #octets = 0
  /** What is not yet on its way to the file, if there is to be one. */
  #buffer: Buffer = NOTHING
  #buffered = 0
  #file: DiskFile | undefined
  #isLarge = false
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
    this.#isLarge ||= this.#octets > this.home.inlineUpTo
    if (!this.#isLarge) return this.#collect(chunk)
    if (chunk.length >= BLOCK) {
      this.#handOver()
      return this.#next((file) => file.write(chunk))
    }
    if (this.#buffered + chunk.length <= BLOCK) return this.#collect(chunk)
    const before = this.#disk
    this.#handOver()
    this.#collect(chunk)
    return before.then(() => this.#mustBeWhole())
  }

  async *body(): AsyncIterable<Uint8Array> {
    this.#mustBeOpen()
    if (!this.#isLarge) {
      if (this.#buffered > 0) yield Uint8Array.from(this.#buffer.subarray(0, this.#buffered))
      return
    }
    const to = this.#octets
    this.#handOver()
    await this.#next(async () => {})
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
      this.#buffer = NOTHING
    } catch (error) {
      this.#state = 'open'
      throw error
    }
  }

  /** Makes the body durable where it is in a file. */
  async ready(): Promise<ReadyBody> {
    if (!this.#isLarge) return { data: this.#buffer.subarray(0, this.#buffered) }
    this.#handOver()
    await this.#next((file) => this.#move(file))
    return { file: this.id }
  }

  async abort(): Promise<void> {
    await this.#committing
    if (this.#state !== 'open') return
    this.#state = 'aborted'
    this.#buffer = NOTHING
    await this.#disk
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
      const room = this.#isLarge
        ? BLOCK
        : Math.max(needed, Math.min(2 * this.#buffer.length, this.home.inlineUpTo), 4096)
      const larger = (room === BLOCK && this.home.blocks.pop()) || Buffer.allocUnsafeSlow(room)
      larger.set(this.#buffer.subarray(0, this.#buffered))
      this.#buffer = larger
    }
    this.#buffer.set(chunk, this.#buffered)
    this.#buffered = needed
  }

  /** Sends the buffer on its way to the file. */
  #handOver(): void {
    if (this.#buffered === 0) return
    const [buffer, octets] = [this.#buffer, this.#buffered]
    this.#buffer = NOTHING
    this.#buffered = 0
    // Whoever writes or commits next is told of a failure.
    void this.#next(async (file) => {
      await file.write(buffer.subarray(0, octets))
      if (buffer.length === BLOCK && this.home.blocks.length < SPARE_BLOCKS) this.home.blocks.push(buffer)
    }).catch(() => {})
  }

  async #move(file: DiskFile): Promise<void> {
    if (this.#isMoved) return
    await file.sync()
    await file.close()
    await this.home.disk.rename(this.#draftPath, this.#bodyPath)
    this.#isMoved = true
    await this.home.disk.syncFolder(this.home.folders.bodies)
  }

  /** After a failure nothing more is tried: what a failed write or sync has left in the file, nobody knows. */
  #next(step: (file: DiskFile) => Promise<void>): Promise<void> {
    this.#disk = this.#disk
      .then(async () => {
        if (this.#failure) return
        this.#file ??= await this.home.disk.create(this.#draftPath)
        await step(this.#file)
      })
      .catch((error: unknown) => {
        this.#failure = fromDisk(error)
      })
    return this.#disk.then(() => this.#mustBeWhole())
  }

  #mustBeWhole(): void {
    if (this.#failure) throw this.#failure
  }

  #mustBeOpen(): void {
    if (this.#state !== 'open') throw new SpoolError('invalid', `The draft ${this.id} was ${this.#state}`)
  }
}
