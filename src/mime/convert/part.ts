import { asBuffer } from '../octets.ts'
import type { PartHead } from '../part-head.ts'
import { isSealed } from '../structure.ts'
import type { Decision } from './codes.ts'
import type { HeaderWriter } from './header.ts'

/** A part, from the beginning of its header on, as both passes keep it while it is open. */
export interface Part {
  readonly depth: number
  /** A message: the one that is converted, or one that is enclosed. */
  readonly isMessage: boolean
  /** A delimiter comes behind it, if the message is whole. */
  readonly isBodyPart: boolean
  /** Something around it is signed or encrypted. */
  readonly sealed: boolean
  readonly header: HeaderWriter
  head?: PartHead
}

/** What a part is by those around it. `around`: the one directly around it. */
export const placeIn = (around: Part | undefined): Pick<Part, 'isMessage' | 'isBodyPart' | 'sealed'> => ({
  isMessage: around === undefined || around.head?.kind === 'message',
  isBodyPart: around !== undefined && (around.isBodyPart || around.head?.kind === 'multipart'),
  sealed: around !== undefined && (around.sealed || seals(around)),
})

/** With other octets inside, it would not be what it was. */
export const seals = (part: Part | undefined): boolean => part?.head !== undefined && isSealed(part.head.type)

/** A Content-Transfer-Encoding field. */
export const labelField = (label: string): string => `Content-Transfer-Encoding: ${label}\r\n`

/**
 * Fields for the end of a header whose body is encoded (RFC 2045 4, RFC 1428). Nothing is said about the type of a part
 * that has one; what has none and is not ASCII is of a charset that nobody knows.
 */
export const addedFields = ({ header, isMessage }: Part, { label, eightBit }: Decision): string => {
  if (label !== 'quoted-printable' && label !== 'base64') return ''
  const version = isMessage && !header.hasMimeVersion ? 'MIME-Version: 1.0\r\n' : ''
  const untyped = !header.hasContentType && (isMessage || eightBit)
  const type = untyped ? `Content-Type: text/plain; charset=${eightBit ? 'unknown-8bit' : 'us-ascii'}\r\n` : ''
  return `${version}${type}${header.labels.count === 0 ? labelField(label) : ''}`
}

/** A delimiter line as it goes out: white space at its end says nothing (RFC 2046 5.1.1) and goes where there is too much. */
export const fitDelimiter = (octets: Uint8Array, maxLine: number): Uint8Array => {
  const text = asBuffer(octets)
  const lineEnd = text.subarray(-2).equals(CRLF) ? 2 : 0
  const start = text.subarray(0, 2).equals(CRLF) ? 2 : 0
  let end = text.length - lineEnd
  if (end - start <= maxLine) return octets
  while (end > start && (text[end - 1] === 32 || text[end - 1] === 9)) end--
  return Buffer.concat([text.subarray(0, end), text.subarray(text.length - lineEnd)])
}

/** A short line of printable ASCII, as delimiters are: nothing can be wrong with it. */
export const isPlain = (delimiter: Uint8Array): boolean => {
  const end = delimiter.length - 2
  if (end > 100 || delimiter[end] !== 13 || delimiter[end + 1] !== 10) return false
  for (let at = delimiter[0] === 13 ? 2 : 0; at < end; at++) {
    const octet = delimiter[at] as number
    if (octet < 32 || octet > 126) return false
  }
  return true
}

const CRLF = Buffer.from('\r\n')

/** The label that a part which is kept gets when something else in the message is changed; undefined: its own is right. */
export const truerLabel = (
  { header: { labels } }: Part,
  encoding: '7bit' | '8bit',
  eightBit: boolean,
): '7bit' | '8bit' | undefined => {
  if (!labels.identity) return undefined
  if (encoding === '7bit') return labels.eightBit ? '7bit' : undefined
  return labels.binary ? (eightBit ? '8bit' : '7bit') : undefined
}
