import { aLabels } from '../mail/idna.ts'
import { toUtf8Xtext } from '../mail/utf8-address.ts'
import { quotedPrintable } from './compose.ts'

/** What becomes of the lines of a part. */
type Treatment = 'kept' | 'quoted' | 'status'

/**
 * A report of ours in RFC 6533's types as one for hosts without SMTPUTF8 (RFC 6533 sections 3 and 4.5): the facts become a
 * message/delivery-status, what is returned is encoded as a whole. Lines as they are in memory are no longer than they
 * came. What is no such report comes out as it went in.
 */
export async function* asciiReport(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new Writer()
  let held = ''
  for await (const chunk of content) {
    const lines = (held + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1')).split('\r\n')
    held = lines.pop() ?? ''
    const out = lines.map((line) => writer.line(line)).join('')
    if (out !== '') yield Buffer.from(out, 'latin1')
  }
  yield Buffer.from(`${writer.rest()}${held}`, 'latin1')
}

/** One character per octet, in and out. */
class Writer {
  /** `--boundary`; undefined until the report's own header has been read, '' where there is none. */
  #delimiter: string | undefined
  /** Of a header that is being read. */
  #head: string[] | undefined = []
  #treatment: Treatment = 'kept'
  #field = ''

  line(line: string): string {
    if (this.#head) return this.#ofHeader(line, this.#head)
    if (this.#delimiter && line.startsWith(this.#delimiter)) return this.#next(line)
    if (this.#treatment === 'quoted') return `${quotedPrintable(line)}\r\n`
    if (this.#treatment === 'kept') return `${line}\r\n`
    const before = /^[ \t]/.test(line) ? '' : this.rest()
    this.#field += `${line}\r\n`
    return before
  }

  /** What has not been given out yet. */
  rest(): string {
    const field = this.#field
    this.#field = ''
    const head = this.#head?.map((line) => `${line}\r\n`).join('') ?? ''
    return head + inAscii(field)
  }

  #next(line: string): string {
    const before = this.rest()
    this.#treatment = 'kept'
    // Behind the last delimiter comes no header.
    this.#head = line.startsWith(`${this.#delimiter}--`) ? undefined : []
    return `${before}${line}\r\n`
  }

  #ofHeader(line: string, head: string[]): string {
    head.push(line)
    if (line !== '') return ''
    this.#head = undefined
    const text = head.map((one) => `${one}\r\n`).join('')
    if (this.#delimiter !== undefined) return this.#begin(text)
    const boundary = /^Content-Type: multipart\/report;[\s\S]*?boundary="([^"\r]+)"/m.exec(text)?.[1]
    this.#delimiter = boundary === undefined ? '' : `--${boundary}`
    return text
  }

  #begin(head: string): string {
    const type = /^Content-Type: message\/global(|-headers|-delivery-status)\r$/m.exec(head)?.[1]
    if (type === undefined) return head
    this.#treatment = type === '-delivery-status' ? 'status' : 'quoted'
    return head
      .replace('message/global-delivery-status', 'message/delivery-status')
      .replace(
        /^(Content-Transfer-Encoding: )8bit\r$/m,
        `$1${type === '-delivery-status' ? '7bit' : 'quoted-printable'}\r`,
      )
  }
}

/** A field of a delivery status, folded or not; the empty line between groups stays one. */
const inAscii = (field: string): string => {
  if (/^[\x00-\x7f]*$/.test(field)) return field
  const text = Buffer.from(field, 'latin1')
    .toString()
    .replace(/\r\n(?=[ \t])/g, '')
    .trimEnd()
  const [, start = '', value = ''] = /^([^:]+: *utf-8; *)(.*)$/is.exec(text) ?? []
  return `${start === '' ? text.replace(/[^ -~]/gu, '?') : start + shortEnough(value)}\r\n`
}

/** A line has 998 octets at most (RFC 5322 2.1.1), and each character has become up to ten. */
const shortEnough = (address: string): string => {
  const whole = toUtf8Xtext(address)
  if (whole.length <= LONGEST) return whole
  const at = address.lastIndexOf('@')
  return `${toUtf8Xtext(address.slice(0, at + 1))}${aLabels(address.slice(at + 1)) ?? '?'}`.slice(0, LONGEST)
}

const LONGEST = 900
