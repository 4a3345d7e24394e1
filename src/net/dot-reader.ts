import type { BodyReader } from './framing.ts'
import type { Input } from './input.ts'

const CR = 13
const LF = 10
const DOT = 46
const CRLF_DOT = Buffer.from('\r\n.')

// What came before the next octet. A body begins as if a CRLF had come before it.
const INSIDE = 0
const AFTER_CR = 1
const AT_START = 2

/**
 * Reads octets up to CRLF.CRLF and removes the dots that were stuffed (RFC 5321 4.5.2). The last CRLF belongs to the
 * body; a dot alone on the very first line ends an empty one. Only a dot (and its CR) that may be the end waits for more.
 */
export class DotReader implements BodyReader {
  #state = AT_START
  #done = false

  get done(): boolean {
    return this.#done
  }

  next(input: Input): Buffer | undefined {
    for (let chunk = input.chunk; chunk !== undefined && !this.#done; chunk = input.chunk) {
      const body = this.#read(input, chunk)
      if (body.length > 0) return body
      // Nothing but the dot that is held back.
      if (!this.#done && !input.join()) return undefined
    }
    return undefined
  }

  /** What can be said of one piece. It is handed out as it is unless a dot has to go from its middle. */
  #read(input: Input, chunk: Buffer): Buffer {
    let out: Buffer | undefined
    let filled = 0
    let from = input.at
    let at = from
    for (;;) {
      if (this.#state === INSIDE) {
        const found = chunk.indexOf(CRLF_DOT, at)
        this.#state = found === -1 ? ending(chunk, at) : AT_START
        at = found === -1 ? chunk.length : found + 2
      }
      const octet = chunk[at]
      if (octet === undefined) break
      if (this.#state !== AT_START || octet !== DOT) {
        at++
        this.#state = octet === CR ? AFTER_CR : octet === LF && this.#state === AFTER_CR ? AT_START : INSIDE
        continue
      }
      const stuffed = isStuffed(chunk, at + 1)
      if (!stuffed) {
        this.#done = stuffed === false
        break
      }
      if (at > from) {
        out ??= Buffer.allocUnsafe(chunk.length - from)
        filled += chunk.copy(out, filled, from, at)
      }
      from = ++at
      this.#state = INSIDE
    }
    input.advance(this.#done ? at + 3 : at)
    if (out === undefined) return from === 0 && at === chunk.length ? chunk : chunk.subarray(from, at)
    return out.subarray(0, filled + chunk.copy(out, filled, from, at))
  }
}

/** What comes before the octet after `chunk`, when the one before `at` was an ordinary one. */
const ending = (chunk: Buffer, at: number): number => {
  const last = chunk.length - 1
  if (last < at) return INSIDE
  if (chunk[last] === CR) return AFTER_CR
  return chunk[last] === LF && chunk[last - 1] === CR ? AT_START : INSIDE
}

/** Whether other octets than CRLF follow a dot at the start of a line. Undefined while they have not arrived. */
const isStuffed = (chunk: Buffer, at: number): boolean | undefined => {
  if (chunk[at] === undefined) return undefined
  if (chunk[at] !== CR) return true
  return chunk[at + 1] === undefined ? undefined : chunk[at + 1] !== LF
}
