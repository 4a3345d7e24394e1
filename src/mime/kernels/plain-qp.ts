import type { Encoder } from './kernels.ts'
import { Piecewise, Room, type Step } from './piecewise.ts'
import { AHEAD, beginsBadly, breakSoftly, escapeOctet, isCrlf, LINE, WIDTHS } from './qp-lines.ts'

/** Stands for itself in the middle of a line, whatever follows. */
const ORDINARY = 1
/** Is encoded wherever it stands: a CR before it has taken its LF along. */
const ESCAPED = 3
const KINDS = WIDTHS.map((width, octet) => (octet === 13 || (octet <= 32 && width === 1) ? 0 : width))

const CR = 13
const SPACE = 32

export const plainQuotedPrintable = (lines: 'text' | 'binary'): Encoder => {
  const encoding = new Encoding(lines === 'text')
  return new Piecewise((input, last) => encoding.step(input, last))
}

class Encoding {
  readonly #text: boolean
  readonly #room = new Room()
  /** Octets of the encoded line so far. */
  #column = 0

  constructor(text: boolean) {
    this.#text = text
  }

  step(input: Buffer, last: boolean): Step {
    const limit = last ? input.length : input.length - AHEAD
    // Three for each octet, and a soft break for every 24 of them at least.
    const out = this.#room.of(Math.ceil(input.length * 3.125) + 8)
    const text = this.#text
    let column = this.#column
    let from = 0
    let to = 0
    while (from < limit) {
      const octet = input[from] as number
      const kind = KINDS[octet]
      if (kind === ORDINARY && column > 0 && column < LINE - 1) {
        out[to++] = octet
        column++
        from++
        continue
      }
      if (kind === ESCAPED && column < LINE - 3) {
        to = escapeOctet(out, to, octet)
        column += 3
        from++
        continue
      }
      if (octet === CR && text && isCrlf(input, from)) {
        out[to++] = octet
        out[to++] = 10
        from += 2
        column = 0
        continue
      }
      let width = WIDTHS[octet] as number
      if (width === 1) {
        if (octet <= SPACE) {
          if (endsSpace(input[from + 1], text)) width = 3
        } else if (column === 0 && beginsBadly(input, from)) width = 3
      }
      const end = column + width
      if (end >= LINE && (end > LINE || !endsLine(input, from + 1, text))) {
        to = breakSoftly(out, to)
        column = 0
        continue
      }
      if (width === 1) out[to++] = octet
      else to = escapeOctet(out, to, octet)
      column = end
      from++
    }
    this.#column = column
    return { taken: Math.max(from, 0), output: out.subarray(0, to) }
  }
}

/** Space and tab must not end a line (RFC 2045 6.7 rule 3). */
const endsSpace = (next: number | undefined, text: boolean): boolean => next === undefined || (text && next === CR)

const endsLine = (input: Uint8Array, at: number, text: boolean): boolean =>
  at === input.length || (text && isCrlf(input, at))
