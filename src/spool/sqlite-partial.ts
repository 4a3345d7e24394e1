import type { Instant } from '../mail/instant.ts'
import { type DiskFile, fromDisk } from './disk.ts'
import type { PartialBody } from './partials.ts'
import { LeaseLost, type MessageId, SpoolError } from './spool.ts'
import type { CompletionRow } from './sqlite-calls.ts'
import type { PartialHome } from './sqlite-partials.ts'

/** A file with octets of a partial, all of them durable. */
interface Part {
  readonly file: string
  readonly octets: number
}

/** A partial as it is opened. `file` is to be made; `files` are those of earlier openings. */
export interface Opening {
  readonly name: string
  readonly note: string
  readonly file: string
  readonly files: readonly Part[]
  /** Octets that may be written. */
  readonly room: number
  readonly mostOfAll: number
}

const BLOCK = 65_536

/** A partial, whose octets of this opening go to a file of their own: durable, with its name, before the row counts them. */
export class SqlitePartial implements PartialBody {
  readonly name: string
  readonly note: string
  readonly #home: PartialHome
  readonly #file: string
  readonly #files: readonly Part[]
  /** The octet that this opening began at. */
  readonly #from: number
  readonly #mostOfAll: number
  #room: number
  /** Octets of this opening: given, and of those durable. */
  #written = 0
  #synced = 0
  /** What is not yet on its way to the file. */
  #chunks: Uint8Array[] = []
  #waiting = 0
  #handle: DiskFile | undefined
  #isNamed = false
  /** Disk operations, one after the other. */
  #disk: Promise<void> = Promise.resolve()
  #failure: Error | undefined
  #isOver = false

  constructor(home: PartialHome, { name, note, file, files, room, mostOfAll }: Opening) {
    this.name = name
    this.note = note
    this.#home = home
    this.#file = file
    this.#files = files
    this.#from = files.reduce((sum, { octets }) => sum + octets, 0)
    this.#room = room
    this.#mostOfAll = mostOfAll
    home.open.add(this)
  }

  get offset(): number {
    return this.#from + this.#synced
  }

  write(chunk: Uint8Array): Promise<void> | void {
    this.#mustBeOpen()
    if (this.#written - this.#synced + chunk.length > this.#room)
      throw new SpoolError('full', `No room for the partial ${this.name}`)
    this.#written += chunk.length
    this.#chunks.push(Uint8Array.from(chunk))
    this.#waiting += chunk.length
    if (this.#waiting < BLOCK) return
    this.#handOver()
    return this.#next(async () => {})
  }

  async sync(): Promise<number> {
    this.#mustBeOpen()
    const octets = this.#written
    if (octets === this.#synced) return this.offset
    this.#handOver()
    await this.#next(async (file) => {
      await file.sync()
      if (!this.#isNamed) await this.#home.disk.syncFolder(this.#home.folder)
      this.#isNamed = true
    })
    const { out: room } = await this.#call(() =>
      this.#home.writer.call('syncPartial', {
        name: this.name,
        file: this.#file,
        octets,
        mostOfAll: this.#mostOfAll,
      }),
    )
    this.#synced = octets
    this.#room = room
    return this.offset
  }

  async *body(): AsyncIterable<Uint8Array> {
    this.#mustBeOpen()
    const { disk, folder } = this.#home
    for (const { file, octets } of [...this.#files, { file: this.#file, octets: this.#synced }]) {
      let at = 0
      try {
        if (octets > 0)
          for await (const chunk of disk.read(`${folder}/${file}`, 0, octets)) {
            at += chunk.length
            yield chunk
          }
      } catch (error) {
        throw fromDisk(error)
      }
      if (at !== octets) throw new SpoolError('broken', `${file} of a partial ends at ${at} of ${octets} octets`)
    }
  }

  async complete(id: MessageId, until: Instant, octets?: number): Promise<void> {
    const row = this.completion(id, until, octets)
    await this.#call(() => this.#home.writer.call('completePartial', row))
    await this.completed()
  }

  /** What the database is to be told. Throws when it is over. */
  completion(message: MessageId, until: Instant, octets: number = this.#from + this.#written): CompletionRow {
    if (this.#isOver) this.#mustBeOpen()
    return { name: this.name, file: this.#file, message, octets, until: Math.round(until), note: null }
  }

  /** It has become a message, and its files are needed no more. */
  async completed(): Promise<void> {
    await this.close()
    await this.#remove([...this.#files.map(({ file }) => file), this.#file])
  }

  async drop(): Promise<void> {
    await this.close()
    await this.#remove((await this.#home.writer.call('dropPartial', { name: this.name, file: this.#file })).out)
  }

  async close(): Promise<void> {
    this.#isOver = true
    this.#chunks = []
    this.#waiting = 0
    await this.#disk
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch(() => {})
    this.#home.open.delete(this)
  }

  #handOver(): void {
    if (this.#waiting === 0) return
    const chunks = this.#chunks
    this.#chunks = []
    this.#waiting = 0
    // Whoever writes or syncs next is told of a failure.
    void this.#next((file) => file.write(Buffer.concat(chunks))).catch(() => {})
  }

  /** After a failure nothing more is tried here, for nobody knows what is in the file; what was synced can be found anew. */
  #next(step: (file: DiskFile) => Promise<void>): Promise<void> {
    this.#disk = this.#disk
      .then(async () => {
        if (this.#failure) return
        this.#handle ??= await this.#home.disk.create(`${this.#home.folder}/${this.#file}`)
        await step(this.#handle)
      })
      .catch((error: unknown) => {
        this.#failure = fromDisk(error)
      })
    return this.#disk.then(() => this.#mustBeWhole())
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      if (error instanceof LeaseLost) this.#failure = error
      throw error
    }
  }

  /** What cannot be removed now is swept later. */
  async #remove(files: readonly string[]): Promise<void> {
    const { disk, folder } = this.#home
    for (const file of files) await disk.remove(`${folder}/${file}`).catch(() => {})
  }

  #mustBeWhole(): void {
    if (this.#failure) throw this.#failure
  }

  #mustBeOpen(): void {
    if (this.#isOver) throw new SpoolError('invalid', `The partial ${this.name} was closed`)
    this.#mustBeWhole()
  }
}
