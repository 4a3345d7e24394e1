const CR = 13
const LF = 10
const DASH = 45
const DOT = 46
const F = 70
const ROM = [0x72, 0x6f, 0x6d, 0x20]

/** Octets of an encoded line at most, CRLF not counted (RFC 2045 6.7 rule 5); one less where a soft break follows. */
export const LINE = 76

/** Octets that `beginsBadly` looks at besides the first. */
export const AHEAD = 4

/** 1 for what stands for itself, 3 for what is encoded. Space and tab are 1: they are encoded where a line ends. */
export const WIDTHS: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet === 9 || (octet >= 32 && octet <= 126 && octet !== 61) ? 1 : 3,
)

/** What must not begin a line: a boundary, mbox's separator, a dot that somebody forgets to double. */
export const beginsBadly = (octets: Uint8Array, at: number): boolean => {
  const octet = octets[at]
  if (octet === DOT) return true
  if (octet === DASH) return octets[at + 1] === DASH
  return octet === F && ROM.every((letter, index) => octets[at + 1 + index] === letter)
}

export const isCrlf = (octets: Uint8Array, at: number): boolean => octets[at] === CR && octets[at + 1] === LF

const digits = (shift: number): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, octet) => '0123456789ABCDEF'.charCodeAt((octet >> shift) & 15))
const HIGH = digits(4)
const LOW = digits(0)

/** Writes `=XX` and returns where it ends. */
export const escapeOctet = (out: Uint8Array, at: number, octet: number): number => {
  out[at] = 61
  out[at + 1] = HIGH[octet] as number
  out[at + 2] = LOW[octet] as number
  return at + 3
}

/** Writes a soft line break and returns where it ends. */
export const breakSoftly = (out: Uint8Array, at: number): number => {
  out[at] = 61
  out[at + 1] = CR
  out[at + 2] = LF
  return at + 3
}
