import type { Encoder } from './kernels/kernels.ts'
import { Piecewise, Room } from './kernels/piecewise.ts'
import { endOfPadding, escapeAt, isSpace, PADDING, softBreakAt } from './qp-syntax.ts'

const EQUALS = 61

/**
 * Undoes quoted-printable. White space that ends a line goes (RFC 2045 6.7 rule 3); what is no escape stands for itself,
 * raw octets too.
 */
export const decodeQuotedPrintable = (): Encoder => {
  const room = new Room()
  return new Piecewise((input, last) => {
    const out = room.of(input.length)
    const limit = last ? input.length : input.length - PADDING - 3
    let from = 0
    let to = 0
    while (from < limit) {
      const octet = input[from] as number
      if (octet === EQUALS) {
        const escaped = escapeAt(input, from)
        const end = escaped === undefined ? softBreakAt(input, from) : from + 3
        if (escaped !== undefined || end === undefined) out[to++] = escaped ?? octet
        from = end ?? from + 1
        continue
      }
      if (isSpace(octet)) {
        const padded = endOfPadding(input, from)
        if (padded !== undefined) {
          from = padded
          continue
        }
      }
      out[to++] = octet
      from++
    }
    return { taken: Math.max(0, from), output: out.subarray(0, to) }
  })
}

const NONE = 64
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES = Uint8Array.from({ length: 256 }, (_, octet) => {
  const value = ALPHABET.indexOf(String.fromCharCode(octet))
  return value < 0 ? NONE : value
})

/** Undoes base64. Passes over what is not of its alphabet and ends with the first padding; the last octets may lack theirs. */
export const decodeBase64 = (): Encoder => {
  const room = new Room()
  let bits = 0
  /** Bits that do not make an octet yet. */
  let count = 0
  let over = false
  return new Piecewise((input) => {
    const out = room.of(input.length)
    let to = 0
    for (const octet of input) {
      // A group of four has at least two letters before its padding: a stray `=` is passed over.
      if (octet === EQUALS && (count === 4 || count === 2)) over = true
      if (over) break
      const value = VALUES[octet] as number
      if (value === NONE) continue
      bits = ((bits << 6) | value) & 4095
      count += 6
      if (count < 8) continue
      count -= 8
      out[to++] = bits >> count
    }
    return { taken: input.length, output: out.subarray(0, to) }
  })
}
