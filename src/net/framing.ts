import { LineTooLong } from './channel.ts'
import type { Input } from './input.ts'

const CR = 13
const LF = 10
const CRLF = Buffer.from('\r\n')

/** Where the octet after the next CRLF is, or -1. A CR directly before `at` counts if `afterCr`. */
const afterCrlf = (chunk: Buffer, at: number, afterCr: boolean): number => {
  if (afterCr && chunk[at] === LF) return at + 1
  const lf = chunk.indexOf(LF, at)
  if (lf === -1) return -1
  if (lf > at && chunk[lf - 1] === CR) return lf + 1
  const crlf = chunk.indexOf(CRLF, lf + 1)
  return crlf === -1 ? -1 : crlf + 2
}

/** Reads lines that end with CRLF and nothing else. Keeps the beginning of a line whose end has not arrived. */
export class LineReader {
  #held = ''
  #skipping = false

  /** Octets that were read for a line that is not complete. */
  get octets(): number {
    return this.#held.length
  }

  clear(): void {
    this.#held = ''
    this.#skipping = false
  }

  /** A line without its CRLF, or undefined when more input is needed. Throws `LineTooLong` once the end of such a line is found. */
  next(input: Input, limit: number): string | undefined {
    for (let chunk = input.chunk; chunk !== undefined; chunk = input.chunk) {
      const { at } = input
      const end = afterCrlf(chunk, at, this.#held.endsWith('\r'))
      if (end !== -1) {
        input.advance(end)
        return this.#finish(chunk, at, end - 2, limit)
      }
      this.#hold(chunk, at, limit)
      input.advance(chunk.length)
    }
    return undefined
  }

  #finish(chunk: Buffer, at: number, end: number, limit: number): string {
    const held = end < at ? this.#held.slice(0, -1) : this.#held
    const tooLong = this.#skipping || held.length + Math.max(0, end - at) > limit
    this.clear()
    if (tooLong) throw new LineTooLong(`A line of more than ${limit} octets`)
    return end > at ? held + chunk.toString('latin1', at, end) : held
  }

  #hold(chunk: Buffer, at: number, limit: number): void {
    // One more than the limit, for it may be the CR of its end.
    if (!this.#skipping && this.#held.length + chunk.length - at <= limit + 1) {
      this.#held += chunk.toString('latin1', at)
      return
    }
    this.#skipping = true
    this.#held = chunk[chunk.length - 1] === CR ? '\r' : ''
  }
}

/** Reads some octets of a body. */
export interface BodyReader {
  readonly done: boolean
  /** The next octets, at least one; undefined when the body is done or more input is needed. */
  next(input: Input): Buffer | undefined
}

/** Reads an exact number of octets. */
export class CountedReader implements BodyReader {
  #left: number

  constructor(octets: number) {
    this.#left = octets
  }

  get done(): boolean {
    return this.#left === 0
  }

  next(input: Input): Buffer | undefined {
    const { chunk, at } = input
    if (chunk === undefined || this.#left === 0) return undefined
    const end = Math.min(chunk.length, at + this.#left)
    this.#left -= end - at
    input.advance(end)
    return at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end)
  }
}
