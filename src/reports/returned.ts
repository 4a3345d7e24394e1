import { isUtf8 } from 'node:buffer'
import type { RawHeaders } from '../mail/facts.ts'
import { type Part, quotedPrintable } from '../mime/compose.ts'
import { decodeText } from '../mime/encoded-words.ts'
import type { Header } from '../mime/fields.ts'
import { type Inspection, inspector } from '../mime/inspect.ts'
import { fitsReport } from '../smtp/converter.ts'
import type { SpooledMessage } from '../spool/spool.ts'

/** The third part of a report: the message, or what of it is given back (RFC 6522 section 4). */
export interface Returned {
  readonly header: Header
  readonly part: Part
  readonly encoding: '7bit' | '8bit'
  readonly what: 'message' | 'header'
  /** Which of its fields hold UTF-8, where the part is none that a reader of MIME looks for fields in. */
  readonly utf8: RawHeaders | undefined
}

/** RFC 5322 2.1.1. */
const MAX_LINE = 998

/**
 * Reads the message once to know what it is, and again, if it is 8-bit, whether it can be converted; once more, when the part
 * is sent, if all of it is returned. All of it is returned when that is wanted, it has `most` octets at most, is not binary,
 * has no line that is too long to be sent, and could be converted for any hop. Otherwise the header is, up to `most` octets
 * of it. With UTF-8 in header fields it is of RFC 6533's types. Rejects with `SpoolError`.
 */
export const returned = async (message: SpooledMessage, whole: boolean, most: number): Promise<Returned> => {
  const full = whole && message.octets <= most
  const { facts, header, headerTooLong } = await inspect(message, full, most)
  if (!full || facts.encoding === 'binary' || facts.longestLine > MAX_LINE)
    return headerOnly(header, headerTooLong, facts.rawHeaders)
  const encoding = facts.encoding
  const global = facts.rawHeaders?.utf8 === true && !facts.rawHeaders.unknown
  // What is message/global is encoded as a whole where it has to be.
  if (encoding === '8bit' && !global && !(await fitsReport(message.content())))
    return headerOnly(header, headerTooLong, facts.rawHeaders)
  const fields: Part['fields'] = [
    ['Content-Type', global ? 'message/global' : 'message/rfc822'],
    ['Content-Description', 'The message'],
    ['Content-Transfer-Encoding', encoding],
  ]
  return { header, part: { fields, content: message.content() }, encoding, what: 'message', utf8: undefined }
}

const inspect = async (message: SpooledMessage, toItsEnd: boolean, most: number): Promise<Inspection> => {
  const inspection = inspector({ maxHeader: most })
  let octets = 0
  for await (const chunk of message.content()) {
    inspection.write(chunk)
    octets += chunk.byteLength
    if (!toItsEnd && (inspection.headerEnded || octets > most)) break
  }
  return inspection.end()
}

const headerOnly = (header: Header, cut: boolean, raw: RawHeaders | undefined): Returned => {
  // Lines that are no field are left out: where there is no header, all there is would be one, and was not asked for.
  const fields = (cut ? header.fields.slice(0, -1) : header.fields).filter((field) => field.name !== '')
  const text = Buffer.concat(fields.map(({ start, end }) => header.raw.subarray(start, end))).toString('latin1')
  const plain = /^(?:[\t -~]{0,998}\r\n)*$/.test(text)
  const octets = Buffer.from(text, 'latin1')
  const global = !plain && isUtf8(octets) && /^(?:[\t -~\x80-\xff]{0,998}\r\n)*$/.test(text)
  const content = plain ? text : global ? octets.toString() : quotedPrintable(text)
  const encoding = plain ? '7bit' : global ? '8bit' : 'quoted-printable'
  const part: Part = {
    fields: [
      ['Content-Type', global ? 'message/global-headers' : 'text/rfc822-headers'],
      ['Content-Description', cut ? 'The header of the message, shortened' : 'The header of the message'],
      ['Content-Transfer-Encoding', encoding],
    ],
    content,
  }
  return { header, part, encoding: global ? '8bit' : '7bit', what: 'header', utf8: global ? raw : undefined }
}

/** The message's own id, in its brackets, if it is fit to be referred to. */
export const idOf = (header: Header): string | undefined => {
  const [id] = header.values('Message-ID')
  return id !== undefined && /^<[!-;=?-~]{1,250}>$/.test(id) ? id : undefined
}

/** Its subject, in one line of at most 150 characters. Undefined: there is none. */
export const subjectOf = (header: Header): string | undefined => {
  const [value = ''] = header.values('Subject')
  const text = decodeText(value.slice(0, 2000))
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
  const characters = [...text]
  return text === '' ? undefined : characters.length > 150 ? `${characters.slice(0, 150).join('')}...` : text
}
