import { ScratchFile } from '../mime/convert/scratch-file.ts'

export interface ReplayOptions {
  /** Octets that are kept in memory; what is more goes into a file. */
  readonly memory: number
  /** Where that file is made; it has no name once it is open. */
  readonly folder: string
}

/** Input that is read once and can be given several times: whom it was given to first may go before it has taken it. */
export class Replay {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #memory: number
  readonly #file: ScratchFile
  readonly #kept: Uint8Array[] = []
  #keptOctets = 0
  #fileOctets = 0
  /** Why what was given is not there for another time. */
  #lost: Error | undefined

  constructor(source: AsyncIterator<Uint8Array>, { memory, folder }: ReplayOptions) {
    this.#source = source
    this.#memory = memory
    this.#file = new ScratchFile(folder)
  }

  /** Puts this before the input. */
  begin(chunk: Uint8Array): void {
    this.#keptOctets += chunk.length
    this.#kept.push(chunk)
  }

  /** Reads as much as memory may hold, so that whoever types a message keeps nobody waiting meanwhile. */
  async readAhead(): Promise<void> {
    while (this.#keptOctets < this.#memory) {
      const next = await this.#source.next()
      if (next.done) return
      this.begin(next.value)
    }
  }

  /** All of it, from the beginning. One reading at a time. Throws when a part of it could not be kept. */
  async *read(): AsyncIterable<Uint8Array> {
    if (this.#lost) throw this.#lost
    yield* this.#kept
    for (let at = 0; at < this.#fileOctets; ) {
      const chunk = await this.#file.read(at, Math.min(CHUNK, this.#fileOctets - at))
      yield chunk
      at += chunk.length
    }
    for (let next = await this.#source.next(); !next.done; next = await this.#source.next()) {
      await this.#keep(next.value)
      yield next.value
    }
  }

  async close(): Promise<void> {
    await this.#file[Symbol.asyncDispose]()
  }

  /** A fault here is none as long as nobody asks for it again. */
  async #keep(chunk: Uint8Array): Promise<void> {
    if (this.#lost) return
    try {
      await this.#file.write(chunk, this.#fileOctets)
      this.#fileOctets += chunk.length
    } catch (error) {
      this.#lost = error as Error
    }
  }
}

const CHUNK = 64 * 1024
