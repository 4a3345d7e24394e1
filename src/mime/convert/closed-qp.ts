import { asBuffer } from '../octets.ts'
import { type Encoder, eachPiece } from '../transfer-encoding.ts'

/** Octets of a line of quoted-printable at most. */
const LINE = 76
const NOTHING = Buffer.alloc(0)

/**
 * Quoted-printable whose last line ends with a soft line break: nothing need follow it, and the CRLF that must end a
 * message is none of its octets (RFC 2045 6.7 (3) wants no `=` among the last two characters, and there is none).
 */
export const closedQp = (encoder: Encoder): Encoder => {
  /** The line that has not ended: 76 octets at most. */
  let line: Buffer = NOTHING
  const each = (chunk: Uint8Array, take: (octets: Uint8Array) => void): void =>
    eachPiece(encoder, chunk, (piece) => {
      const octets = asBuffer(piece)
      const end = octets.lastIndexOf(10) + 1
      if (end > 0 && line.length > 0) take(line)
      if (end > 0) take(octets.subarray(0, end))
      line = Buffer.concat([end > 0 ? NOTHING : line, octets.subarray(end)])
    })
  const end = () => Buffer.from(closed(Buffer.concat([line, encoder.end()]).toString('latin1')), 'latin1')
  return {
    write(chunk) {
      const pieces: Buffer[] = []
      each(chunk, (octets) => pieces.push(Buffer.from(octets)))
      return Buffer.concat(pieces)
    },
    end,
    each: (chunk, take) => (chunk ? each(chunk, take) : take(end())),
  }
}

/** The last line of several may be the only one that is not broken. */
const closed = (text: string): string => {
  const start = text.lastIndexOf('\n') + 1
  const length = text.length - start
  if (length === 0) return text
  if (length < LINE) return `${text}=\r\n`
  const escaped = /=[0-9A-F]{2}$/.exec(text)?.[0]
  const last = escaped ?? `=${text.slice(-1).charCodeAt(0).toString(16).toUpperCase()}`
  return `${text.slice(0, -(escaped ?? ' ').length)}=\r\n${last}=\r\n`
}
