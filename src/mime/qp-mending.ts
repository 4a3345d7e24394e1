import type { Encoder } from './kernels/kernels.ts'
import { Piecewise, Room, type Step } from './kernels/piecewise.ts'
import { AHEAD, beginsBadly, breakSoftly, escapeOctet, isCrlf, LINE, WIDTHS } from './kernels/qp-lines.ts'
import { endOfPadding, endOfSpace, escapeAt, isSpace, PADDING, softBreakAt } from './qp-syntax.ts'

const LF = 10
const SPACE = 32
const EQUALS = 61

/**
 * Makes quoted-printable of what is called so and is not quite: octets above 127, controls and `=` that begin no escape
 * are encoded, lines above 76 octets broken; all else stays, and what a decoder makes of it is the same before and after.
 */
export const qpMending = (): Encoder => {
  const mending = new Mending()
  return new Piecewise((input, last) => mending.step(input, last))
}

/** 1 for what neither is encoded nor depends on what follows. */
const ORDINARY = WIDTHS.map((width, octet) => (octet > SPACE ? width : 0))

/** The longest thing that is taken whole: `=`, white space, CRLF. */
const LOOK = Math.max(AHEAD, PADDING + 3)

class Mending {
  readonly #room = new Room()
  /** Octets of the line so far. */
  #column = 0
  /** The line begins where none did before: the start of one that was there cannot be a boundary. */
  #ours = false
  #out: Buffer = Buffer.alloc(0)
  #to = 0

  step(input: Buffer, last: boolean): Step {
    const limit = last ? input.length : input.length - LOOK
    this.#out = this.#room.of(input.length * 6 + LINE)
    this.#to = 0
    let from = 0
    while (from < limit) {
      from = this.#ordinary(input, from, limit)
      if (from < limit) from = this.#next(input, from)
    }
    return { taken: Math.max(0, from), output: this.#out.subarray(0, this.#to) }
  }

  /** Passes over what stands for itself in the middle of a line, and returns where that ends. */
  #ordinary(input: Buffer, from: number, limit: number): number {
    if (this.#column === 0) return from
    const out = this.#out
    let to = this.#to
    const most = Math.min(limit, from + LINE - 1 - this.#column)
    let at = from
    for (; at < most; at++) {
      const octet = input[at] as number
      if (ORDINARY[octet] !== 1 && !(octet === SPACE && ORDINARY[input[at + 1] ?? 0] === 1)) break
      out[to++] = octet
    }
    this.#column += at - from
    this.#to = to
    return at
  }

  /** Deals with what stands at `from` and returns what comes after it. */
  #next(input: Buffer, from: number): number {
    const octet = input[from] as number
    if (octet === EQUALS) return this.#equals(input, from)
    if (isCrlf(input, from)) return this.#endLine(input, from, from + 2)
    if (isSpace(octet)) {
      // White space that ends a line is none of the text: it stays whole, for a part of it would become text.
      const padded = endOfPadding(input, from)
      if (padded !== undefined) return this.#keep(input, from, padded)
      const tooLong = endOfSpace(input, from) - from > PADDING
      return tooLong ? this.#escape(input, from) : this.#keep(input, from, from + 1)
    }
    const bad = WIDTHS[octet] !== 1 || (this.#ours && this.#column === 0 && beginsBadly(input, from))
    return bad ? this.#escape(input, from) : this.#keep(input, from, from + 1)
  }

  #equals(input: Buffer, from: number): number {
    if (escapeAt(input, from) !== undefined) return this.#keep(input, from, from + 3)
    const end = softBreakAt(input, from)
    if (end === undefined) return this.#escape(input, from)
    const padded = input[end - 1] === LF ? end - (input[end - 2] === 13 ? 2 : 1) : end
    // White space behind it says nothing and may go where there is no room for it.
    this.#copy(input, from, this.#column + padded - from <= LINE ? padded : from + 1)
    if (padded === end) return end
    this.#endLine(CRLF, 0, end)
    // Behind a lone LF no line began before.
    this.#ours = end - padded === 1
    return end
  }

  #escape(input: Buffer, from: number): number {
    this.#fit(input, 3, from + 1)
    // A break may have been made: then the octet is looked at again, and stays encoded.
    this.#to = escapeOctet(this.#out, this.#to, input[from] as number)
    this.#column += 3
    return from + 1
  }

  #keep(input: Buffer, from: number, end: number): number {
    if (this.#fit(input, end - from, end)) return from
    this.#copy(input, from, end)
    return end
  }

  #copy(input: Buffer, from: number, end: number): void {
    this.#to += input.copy(this.#out, this.#to, from, end)
    this.#column += end - from
  }

  /** Breaks the line when `width` more octets do not fit, and says so; a whole line may be one longer than one that is broken. */
  #fit(input: Buffer, width: number, after: number): boolean {
    const end = this.#column + width
    if (end < LINE || (end === LINE && (after === input.length || isCrlf(input, after)))) return false
    this.#to = breakSoftly(this.#out, this.#to)
    this.#column = 0
    this.#ours = true
    return true
  }

  #endLine(input: Buffer, from: number, after: number): number {
    this.#copy(input, from, from + 2)
    this.#column = 0
    this.#ours = false
    return after
  }
}

const CRLF = Buffer.from('\r\n')
