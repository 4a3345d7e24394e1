import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { ScratchFile } from '../mime/convert/scratch-file.ts'

const CR = 0x0d
const LF = 0x0a
const PIECE = 65_536

/** A message that can be read as often as wanted, its lines with CRLF. */
export interface MessageInput extends AsyncDisposable {
  /** How its lines end where it comes from, which its first line tells. */
  readonly lineEnds: 'CRLF' | 'LF'
  content(): AsyncIterable<Uint8Array>
}

/** What is open here is read where it lies if it is a file; of anything else, which can be read but once, a copy is made. */
export const openMessage = async (from: string | AsyncIterable<Uint8Array>): Promise<MessageInput> => {
  if (typeof from !== 'string') return copied(from)
  const file = await open(from)
  const status = await file.stat()
  return status.isFile() ? input(new OpenFile(file), status.size) : copied(file.createReadStream())
}

/** Octets that lie somewhere. */
interface Lying extends AsyncDisposable {
  read(at: number, length: number): Promise<Uint8Array>
}

const copied = async (from: AsyncIterable<Uint8Array>): Promise<MessageInput> => {
  const copy = new ScratchFile(tmpdir())
  let size = 0
  try {
    for await (const chunk of from) {
      await copy.write(chunk, size)
      size += chunk.length
    }
    return await input(copy, size)
  } catch (error) {
    await copy[Symbol.asyncDispose]()
    throw error
  }
}

class OpenFile implements Lying {
  readonly #file: FileHandle

  constructor(file: FileHandle) {
    this.#file = file
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(length), 0, length, at)
    if (bytesRead === 0) throw new Error('The file became shorter while it was read')
    return buffer.subarray(0, bytesRead)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

const input = async (lying: Lying, size: number): Promise<MessageInput> => {
  const pieces = async function* (): AsyncGenerator<Uint8Array, void> {
    for (let at = 0; at < size; ) {
      const piece = await lying.read(at, Math.min(PIECE, size - at))
      yield piece
      at += piece.length
    }
  }
  const lineEnds = await lineEndsOf(pieces())
  return {
    lineEnds,
    content: () => (lineEnds === 'LF' ? withCrlf(pieces()) : pieces()),
    [Symbol.asyncDispose]: () => Promise.resolve(lying[Symbol.asyncDispose]()),
  }
}

const lineEndsOf = async (content: AsyncIterable<Uint8Array>): Promise<'CRLF' | 'LF'> => {
  let before: number | undefined
  for await (const piece of content) {
    const lf = piece.indexOf(LF)
    if (lf >= 0) return (lf === 0 ? before : piece[lf - 1]) === CR ? 'CRLF' : 'LF'
    before = piece.at(-1)
  }
  return 'CRLF'
}

/** Every LF becomes CRLF, whatever is before it, so that `withLf` undoes it. */
export async function* withCrlf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const piece of content) {
    let lines = 0
    for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, lf + 1)) lines += 1
    const out = Buffer.allocUnsafe(piece.length + lines)
    let [from, to] = [0, 0]
    for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, from)) {
      out.set(piece.subarray(from, lf), to)
      to += lf - from
      out[to++] = CR
      out[to++] = LF
      from = lf + 1
    }
    out.set(piece.subarray(from), to)
    yield out
  }
}
