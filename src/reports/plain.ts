import { type Address, formatAddress, isAscii } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'

/** What a stranger's server said may be of any length. */
const LINES = 10
const LINE = 500
/** A longer word could not be folded. */
const WORD = 200
/** With the name of its field it is one line. */
const LONGEST_ADDRESS = 900

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

/** `rfc822; …`, or for an address beyond ASCII `utf-8; …`, in clear (RFC 6533 section 3). */
export const typedAddress = (address: Address): string => {
  const text = shown(address)
  return `${isAscii(text) ? 'rfc822' : 'utf-8'}; ${text}`
}

/** A value that an extension gives a field: ASCII, but for an address of RFC 6533's type. */
export const typedValue = (value: string): string =>
  /^utf-8;/i.test(value) && Buffer.byteLength(value) <= LONGEST_ADDRESS
    ? value.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
    : printable(value, 1000)
