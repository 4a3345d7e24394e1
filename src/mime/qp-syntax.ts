import { isCrlf } from './kernels/qp-lines.ts'

/** So much white space at most is padding that an encoded line may carry at its end: no more fits in. */
export const PADDING = 76

const LF = 10
const EQUALS = 61

export const isSpace = (octet: number | undefined): boolean => octet === 32 || octet === 9

/** Where the white space at `from` ends; one octet above `PADDING` is all that is looked at. */
export const endOfSpace = (octets: Uint8Array, from: number): number => {
  let end = from
  while (isSpace(octets[end]) && end - from <= PADDING) end++
  return end
}

/** Where the white space at `from` ends when it is padding: the line, or all, ends behind it. */
export const endOfPadding = (octets: Uint8Array, from: number): number | undefined => {
  const end = endOfSpace(octets, from)
  return end - from <= PADDING && (end === octets.length || isCrlf(octets, end)) ? end : undefined
}

/** The octet that the escape at `from` stands for. Hex digits may be in lower case (RFC 2045 6.7, note on rule 1). */
export const escapeAt = (octets: Uint8Array, from: number): number | undefined => {
  const high = digit(octets[from + 1])
  const low = digit(octets[from + 2])
  return octets[from] !== EQUALS || high === undefined || low === undefined ? undefined : high * 16 + low
}

/** Where the soft line break at `from` ends. White space before its end is allowed, and so are a lone LF or the end of all. */
export const softBreakAt = (octets: Uint8Array, from: number): number | undefined => {
  if (octets[from] !== EQUALS) return undefined
  const end = endOfSpace(octets, from + 1)
  if (end - from - 1 > PADDING) return undefined
  if (end === octets.length) return end
  if (isCrlf(octets, end)) return end + 2
  return octets[end] === LF ? end + 1 : undefined
}

const digit = (octet: number | undefined): number | undefined => {
  if (octet === undefined) return undefined
  if (octet >= 48 && octet <= 57) return octet - 48
  const letter = octet | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : undefined
}
