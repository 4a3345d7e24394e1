/** How the octets of encoded words are to be read: as what they are, where that is known (RFC 1428). */
export type WordCharset = 'us-ascii' | 'utf-8' | 'unknown-8bit'

/** Characters of an encoded word at most (RFC 2047 section 2). */
const LONGEST = 75

/** What must not be cut: a character, and in unknown charsets a pair of octets above 127, which may be one. */
const UNITS: Readonly<Record<WordCharset, RegExp>> = {
  'us-ascii': /./gs,
  'utf-8': /[\xc0-\xff][\x80-\xbf]*|./gs,
  'unknown-8bit': /[\x80-\xff]{2}|./gs,
}

/** Stands for itself in a Q word wherever such a word may stand (RFC 2047 section 5 (3)); a space is written `_`. */
const SPECIAL = /[^A-Za-z0-9!*+/ -]/g

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
  let end = 0
  // Of the word from `start` to `end`: in Q its length, in B its octets.
  let size = 0
  const word = () => {
    const part = octets.slice(start, end)
    encoded.push(`${head}${b ? bEncoded(part) : qEncoded(part)}?=`)
  }
  for (const unit of octets.match(UNITS[charset]) ?? []) {
    const more = b ? unit.length : qLength(unit)
    const limit = (encoded.length === 0 ? Math.min(room, LONGEST) : LONGEST) - head.length - 2
    if (end > start && (b ? bLength(size + more) : size + more) > limit) {
      word()
      start = end
      size = 0
    }
    size += more
    end += unit.length
  }
  word()
  return encoded.join(' ')
}
