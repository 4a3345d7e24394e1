import { randomBytes } from 'node:crypto'
import { isAscii } from '../mail/address.ts'
import { foldField } from './fold.ts'

/** One part of a multipart body. The content is streamed as it is: what its fields say of it must be true. */
export interface Part {
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly content: string | AsyncIterable<Uint8Array>
}

/**
 * Fields, each with its CRLF, folded; the empty line is not among them. Text beyond ASCII stays what it is, to be
 * sent as UTF-8 (RFC 6532); `encodeText` avoids that. Throws as `foldField` does.
 */
export const formatFields = (fields: readonly (readonly [name: string, value: string])[]): string =>
  fields
    .map(([name, value]) => foldField(name, isAscii(value) ? value : Buffer.from(value).toString('latin1')))
    .map((field) => (isAscii(field) ? field : Buffer.from(field, 'latin1').toString()))
    .join('')

/**
 * Quoted-printable (RFC 2045 6.7) of text with one character per octet. CRLF stays what it is; a CR or LF alone is
 * encoded. Lines of 76 at most.
 */
export const quotedPrintable = (octets: string): string =>
  octets
    .split('\r\n')
    .map((line) =>
      softBreaks(
        line.replace(/[^\t -<>-~]|[\t ]$/g, (c) => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`),
      ),
    )
    .join('\r\n')

const softBreaks = (line: string): string => {
  if (line.length <= 76) return line
  const pieces: string[] = []
  let start = 0
  while (line.length - start > 76) {
    // 75 and the `=`; never within an encoded octet.
    const encoded = line.lastIndexOf('=', start + 74)
    const end = encoded > start + 72 ? encoded : start + 75
    pieces.push(line.slice(start, end))
    start = end
  }
  pieces.push(line.slice(start))
  return pieces.join('=\r\n')
}

/** `<id.random@hostname>`. */
export const messageId = (id: string, hostname: string): string =>
  `<${id}.${randomBytes(9).toString('hex')}@${hostname}>`

/**
 * A boundary that does not occur in these texts. In what is streamed behind them it cannot be looked for: 144 random
 * bits see to it.
 */
export const chooseBoundary = (
  texts: readonly string[],
  random: () => string = () => randomBytes(18).toString('base64url'),
): string => {
  for (;;) {
    // `=_` can stand neither in quoted-printable nor in base64.
    const boundary = `=_${random()}`
    if (!texts.some((text) => text.includes(boundary))) return boundary
  }
}

/** The body of a multipart, from the first delimiter to the CRLF after the last; part by part as it is asked for. */
export async function* multipart(
  boundary: string,
  parts: readonly Part[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const [index, part] of parts.entries()) {
    yield Buffer.from(`${index === 0 ? '' : '\r\n'}--${boundary}\r\n${formatFields(part.fields)}\r\n`)
    if (typeof part.content === 'string') yield Buffer.from(part.content)
    else yield* part.content
  }
  yield Buffer.from(`\r\n--${boundary}--\r\n`)
}
