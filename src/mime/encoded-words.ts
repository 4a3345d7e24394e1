import { isUtf8 } from 'node:buffer'

/** Octets in one encoded word: 64 characters of it, so that `Subject: ` fits before the first within 76 (RFC 2047 section 2). */
const ENCODED = 39

/**
 * Unstructured text for a field: as it is when it is printable ASCII that nobody could take for an encoded word, else as
 * encoded words (RFC 2047), none of which cuts a character.
 */
export const encodeText = (text: string): string => {
  if (/^[ -~]*$/.test(text) && !text.includes('=?')) return text
  const words: string[] = []
  let word = ''
  for (const character of text) {
    if (Buffer.byteLength(word + character) > ENCODED) {
      words.push(word)
      word = ''
    }
    word += character
  }
  words.push(word)
  return words.map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`).join(' ')
}

const WORD = /=\?([\w!#$%&'+^`{}~.-]{1,40})(?:\*[\w-]{1,40})?\?([BbQq])\?([!->@-~]{0,1000})\?=/g

/**
 * What encoded words in a field say (RFC 2047), any octets taken for UTF-8 where they can be. What cannot be read stays
 * as it is. `value` has one character per octet.
 */
export const decodeText = (value: string): string => {
  const octets = Buffer.from(value, 'latin1')
  return (isUtf8(octets) ? octets.toString() : value.replace(/[\x80-\xff]/g, '\ufffd'))
    .replace(/(\?[BbQq]\?[!->@-~]{0,1000}\?=)[ \t]+(?==\?)/g, '$1')
    .replace(WORD, decodeWord)
}

const decodeWord = (word: string, charset: string, encoding: string, text: string): string => {
  const octets =
    encoding.toUpperCase() === 'B'
      ? Buffer.from(text, 'base64')
      : Buffer.from(
          text
            .replaceAll('_', ' ')
            .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        )
  try {
    return new TextDecoder(charset).decode(octets)
  } catch {
    return word
  }
}
