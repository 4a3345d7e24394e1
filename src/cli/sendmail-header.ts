import { addressesIn } from '../mail/address-list.ts'

/** One field of a header as it came, CRLF line ends, its last CRLF included; one character per octet. */
interface RawField {
  readonly name: string
  readonly text: string
}

export interface ReadHeader {
  readonly fields: readonly RawField[]
  /** What was read beyond the header: the body begins with it. */
  readonly rest: string
}

/**
 * Splits what came at first, CRLF line ends, one character per octet, into a header and the beginning of the body. A line
 * that is no field ends the header, and is itself body; a leading `From ` line as mailboxes have it is dropped.
 */
export const splitHeader = (text: string): ReadHeader => {
  const fields: RawField[] = []
  let at = /^>?From [^\r\n]*\r\n/.exec(text)?.[0].length ?? 0
  for (;;) {
    if (text.startsWith('\r\n', at)) return { fields, rest: text.slice(at + 2) }
    FIELD.lastIndex = at
    const found = FIELD.exec(text)
    if (!found) return { fields, rest: text.slice(at) }
    fields.push({ name: (found[1] ?? '').toLowerCase(), text: found[0] })
    at += found[0].length
  }
}

const FIELD = /([!-9;-~]+)[ \t]*:(?:[^\r\n]|\r(?!\n)|\r\n[ \t])*\r\n/y

const bodyOf = ({ text }: RawField): string => text.slice(text.indexOf(':') + 1)

/** Recipients in the header, those of the latest resending if there was one (RFC 5322 3.6.6). */
export const recipientsIn = (fields: readonly RawField[]): readonly string[] => {
  const of = (names: readonly string[]) =>
    fields.filter(({ name }) => names.includes(name)).flatMap((field) => addressesIn(bodyOf(field)))
  const resent = of(['resent-to', 'resent-cc', 'resent-bcc'])
  return resent.length > 0 ? resent : of(['to', 'cc', 'bcc'])
}

export interface Added {
  /** The whole field's value. */
  readonly from: string
  readonly date: string
  readonly messageId: string
}

/** The header that goes out: without Bcc, with From, Date and Message-ID if they were missing; and the empty line. */
export const completeHeader = (fields: readonly RawField[], added: Added): string => {
  const has = (name: string) => fields.some((field) => field.name === name)
  const kept = fields.filter(({ name }) => name !== 'bcc' && name !== 'resent-bcc').map(({ text }) => text)
  if (!has('date')) kept.push(`Date: ${added.date}\r\n`)
  if (!has('from')) kept.push(`From: ${added.from}\r\n`)
  if (!has('message-id')) kept.push(`Message-ID: ${added.messageId}\r\n`)
  return `${kept.join('')}\r\n`
}
