import { type Address, formatAddress, isAscii } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'

/** What a stranger's server said may be of any length. */
const LINES = 10
const LINE = 500
/** A longer word could not be folded. */
const WORD = 200

/** One line of printable ASCII that a field or a text can hold, whatever was given. */
export const printable = (text: string, most: number = LINE): string =>
  text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(/[^ -~]/g, '?')
    .slice(0, most)
    .replace(new RegExp(`[^ ]{${WORD}}(?=[^ ])`, 'g'), '$& ')
    .trim()

/** The lines of an answer, made printable; what is too much is left out, and that is shown. */
export const answerLines = ({ lines }: Diagnosis): readonly string[] => {
  const said = lines.slice(0, LINES).map((line) => (line.length > LINE ? `${printable(line)} [...]` : printable(line)))
  return lines.length > LINES ? [...said, '[...]'] : said
}

/** An address to be read by people, without brackets; may be beyond ASCII. */
export const shown = (address: Address): string => formatAddress(address).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')

/** `rfc822; …`, or the 7-bit form of RFC 6533 section 3 for an address beyond ASCII. */
export const typedAddress = (address: Address): string => {
  const text = shown(address)
  if (isAscii(text)) return `rfc822; ${text}`
  const embedded = (c: string) => `\\x{${(c.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`
  return `utf-8; ${text.replace(/[^!-*,-<>-[\]-~]/gu, embedded)}`
}
