/** How the octets of encoded words are to be read: as what they are, where that is known (RFC 1428). */
export type WordCharset = 'us-ascii' | 'utf-8' | 'unknown-8bit'

/** Characters of an encoded word at most (RFC 2047 section 2). */
const LONGEST = 75

/** Stands for itself in a Q word wherever such a word may stand (RFC 2047 section 5 (3)); a space is written `_`. */
const SPECIAL = /[^A-Za-z0-9!*+/ -]/g

/** By octet, whether it is not special. */
const STANDS: readonly boolean[] = Array.from({ length: 256 }, (_, octet) =>
  /[A-Za-z0-9!*+/ -]/.test(String.fromCharCode(octet)),
)

const qEncoded = (octets: string): string =>
  octets
    .replace(SPECIAL, (octet) => `=${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
    .replaceAll(' ', '_')

/** One encoded word, however long, for where several would be several things. */
export const encodedWord = (octets: string, charset: WordCharset): string => `=?${charset}?Q?${qEncoded(octets)}?=`

const qLength = (octets: string): number => octets.length + 2 * (octets.match(SPECIAL)?.length ?? 0)

const bEncoded = (octets: string): string => Buffer.from(octets, 'latin1').toString('base64')

const bLength = (octets: number): number => 4 * Math.ceil(octets / 3)

/**
 * Octets, one character for each, as encoded words with a space between them (RFC 2047): B where that is shorter and the
 * charset is known, else Q. The first has at most `room` characters, the others 75.
 */
export const encodedWords = (octets: string, charset: WordCharset, room: number): string => {
  const b = charset === 'utf-8' && bLength(octets.length) < qLength(octets)
  const head = `=?${charset}?${b ? 'B' : 'Q'}?`
  // Most are short.
  const all = b ? bEncoded(octets) : qEncoded(octets)
  if (head.length + all.length + 2 <= Math.min(room, LONGEST)) return `${head}${all}?=`
  const encoded: string[] = []
  let start = 0
  // Of the word that begins there: in Q its length, in B its octets.
  let size = 0
  for (let at = 0; at < octets.length; ) {
    const end = unitEnd(octets, at, charset)
    const more = b ? end - at : qWidth(octets, at, end)
    const limit = (encoded.length === 0 ? Math.min(room, LONGEST) : LONGEST) - head.length - 2
    if (at > start && (b ? bLength(size + more) : size + more) > limit) {
      encoded.push(octets.slice(start, at))
      start = at
      size = 0
    }
    size += more
    at = end
  }
  encoded.push(octets.slice(start))
  return encoded.map((part) => `${head}${b ? bEncoded(part) : qEncoded(part)}?=`).join(' ')
}

/** Behind what must not be cut: a character, and in unknown charsets a pair of octets above 127, which may be one. */
const unitEnd = (octets: string, at: number, charset: WordCharset): number => {
  const code = octets.charCodeAt(at)
  if (charset === 'unknown-8bit') return code >= 0x80 && octets.charCodeAt(at + 1) >= 0x80 ? at + 2 : at + 1
  let end = at + 1
  if (charset === 'utf-8' && code >= 0xc0) while ((octets.charCodeAt(end) & 0xc0) === 0x80) end++
  return end
}

const qWidth = (octets: string, from: number, end: number): number => {
  let width = 0
  for (let at = from; at < end; at++) width += STANDS[octets.charCodeAt(at)] ? 1 : 3
  return width
}
