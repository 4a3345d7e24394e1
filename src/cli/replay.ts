import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface ReplayOptions {
  /** Octets that are kept in memory; what is more goes into a file. */
  readonly memory: number
  /** Where that file is made; it has no name once it is open. */
  readonly folder: string
}

/** Input that is read once and can be given several times: whom it was given to first may go before it has taken it. */
export class Replay {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #options: ReplayOptions
  readonly #kept: Uint8Array[] = []
  #keptOctets = 0
  #file: FileHandle | undefined
  #fileOctets = 0
  /** Why what was given is not there for another time. */
  #lost: Error | undefined

  constructor(source: AsyncIterator<Uint8Array>, options: ReplayOptions) {
    this.#source = source
    this.#options = options
  }

  /** Puts this before the input. */
  begin(chunk: Uint8Array): void {
    this.#keptOctets += chunk.length
    this.#kept.push(chunk)
  }

  /** Reads as much as memory may hold, so that whoever types a message keeps nobody waiting meanwhile. */
  async readAhead(): Promise<void> {
    while (this.#keptOctets < this.#options.memory) {
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
      const chunk = await this.#again(at)
      yield chunk
      at += chunk.length
    }
    for (let next = await this.#source.next(); !next.done; next = await this.#source.next()) {
      await this.#keep(next.value)
      yield next.value
    }
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }

  async #again(at: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(Math.min(CHUNK, this.#fileOctets - at))
    const { bytesRead = 0 } = (await this.#file?.read(buffer, 0, buffer.length, at)) ?? {}
    if (bytesRead === 0) throw new Error('The file of a message ends too early')
    return buffer.subarray(0, bytesRead)
  }

  /** A fault here is none as long as nobody asks for it again. */
  async #keep(chunk: Uint8Array): Promise<void> {
    if (this.#lost) return
    try {
      this.#file ??= await nameless(this.#options.folder)
      for (let from = 0; from < chunk.length; ) {
        const { bytesWritten } = await this.#file.write(chunk, from, chunk.length - from, this.#fileOctets)
        this.#fileOctets += bytesWritten
        from += bytesWritten
      }
    } catch (error) {
      this.#lost = error as Error
    }
  }
}

const CHUNK = 64 * 1024

const nameless = async (folder: string): Promise<FileHandle> => {
  const path = join(folder, `smail-${crypto.randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}
