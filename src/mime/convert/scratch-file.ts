import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Scratch } from './tape.ts'

/** A file that is made when the first octet is written, has no name, and is gone with the process or when it is closed. */
export class ScratchFile implements Scratch, AsyncDisposable {
  readonly #directory: string
  #file: FileHandle | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  async write(octets: Uint8Array, at: number): Promise<void> {
    this.#file ??= await nameless(this.#directory)
    for (let done = 0; done < octets.length; ) {
      done += (await this.#file.write(octets, done, octets.length - done, at + done)).bytesWritten
    }
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    const octets = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const { bytesRead = 0 } = (await this.#file?.read(octets, done, length - done, at + done)) ?? {}
      if (bytesRead === 0) throw new Error('A scratch file is shorter than what was written to it')
      done += bytesRead
    }
    return octets
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}

const nameless = async (directory: string): Promise<FileHandle> => {
  const path = join(directory, `convert-${randomBytes(9).toString('hex')}`)
  const file = await open(path, 'wx+', 0o600)
  // Somebody may have cleared the folder meanwhile.
  await rm(path, { force: true })
  return file
}
