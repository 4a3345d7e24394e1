import { EndlessLine, LineTooLong } from './channel.ts'
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
  /** Octets of a line that is too long, of which nothing but a CR at its end is held. */
  #skipped = 0

  /** Octets that were read for a line that is not complete. */
  get octets(): number {
    return this.#held.length
  }

  clear(): void {
    this.#held = ''
    this.#skipped = 0
  }

  /**
   * A line without its CRLF, or undefined when more input is needed. Throws `LineTooLong` once the end of a line longer
   * than `limit` is found, and `EndlessLine` when it has more than `beyond` octets after that.
   */
  next(input: Input, limit: number, beyond: number): string | undefined {
    for (let chunk = input.chunk; chunk !== undefined; chunk = input.chunk) {
      const { at } = input
      const end = afterCrlf(chunk, at, this.#held.endsWith('\r'))
      if (end !== -1) {
        input.advance(end)
        return this.#finish(chunk, at, end - 2, limit, beyond)
      }
      this.#hold(chunk, at, limit)
      input.advance(chunk.length)
      // A CR may be that of its end.
      const octets = this.#skipped + this.#held.length - (this.#held.endsWith('\r') ? 1 : 0)
      if (octets > limit + beyond) throw endless(limit + beyond)
    }
    return undefined
  }

  #finish(chunk: Buffer, at: number, end: number, limit: number, beyond: number): string {
    const held = end < at ? this.#held.slice(0, -1) : this.#held
    const octets = this.#skipped + held.length + Math.max(0, end - at)
    this.clear()
    // However it was cut into pieces, the same line has the same fate.
    if (octets > limit + beyond) throw endless(limit + beyond)
    if (octets > limit) throw new LineTooLong(`A line of more than ${limit} octets`)
    return end > at ? held + chunk.toString('latin1', at, end) : held
  }

  #hold(chunk: Buffer, at: number, limit: number): void {
    // One more than the limit, for it may be the CR of its end.
    if (this.#skipped === 0 && this.#held.length + chunk.length - at <= limit + 1) {
      this.#held += chunk.toString('latin1', at)
      return
    }
    const octets = this.#held.length + chunk.length - at
    this.#held = chunk[chunk.length - 1] === CR ? '\r' : ''
    this.#skipped += octets - this.#held.length
  }
}

const endless = (octets: number): EndlessLine =>
  new EndlessLine(`A line of more than ${octets} octets, and no end of it`)

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
