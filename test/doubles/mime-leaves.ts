import { type MimeHandler, MimeReader } from '../../src/mime/reader.ts'
import { base64Decoder, qpDecoder } from '../../src/mime/transfer-encoding.ts'

/** A part of a message, as our own reader finds it. Octets are text with one character each. */
export interface FoundPart {
  readonly depth: number
  readonly type: string
  /** Lower case; '' when there is none. */
  readonly encoding: string
  readonly header: string
  /** As it stands; '' for what is looked into. The preamble of a multipart that has no parts is its body. */
  readonly body: string
  readonly decoded: string
}

/** The parts in the order of their headers. */
export const partsOf = (message: Uint8Array): FoundPart[] => {
  const parts: { depth: number; type: string; encoding: string; header: string; body: string }[] = []
  const open: (typeof parts)[number][] = []
  const handler: MimeHandler = {
    partBegins(depth) {
      const part = { depth, type: '', encoding: '', header: '', body: '' }
      parts.push(part)
      open.push(part)
    },
    field: (_, raw) => add('header', raw),
    headerEnds(raw, head) {
      add('header', raw)
      const part = open.at(-1)
      if (part) Object.assign(part, { type: head.type, encoding: head.encoding })
    },
    body: (octets) => add('body', octets),
    between(octets, what) {
      const part = open.at(-1)
      if (what === 'preamble') add('body', octets)
      else if (part && what === 'delimiter') part.body = ''
    },
    partEnds: () => void open.pop(),
  }
  const add = (where: 'header' | 'body', octets: Uint8Array) => {
    const part = open.at(-1)
    if (part) part[where] += Buffer.from(octets).toString('latin1')
  }
  const reader = new MimeReader(handler)
  reader.write(message)
  reader.end()
  return parts.map((part) => ({ ...part, decoded: decoded(part.encoding, part.body) }))
}

const decoded = (encoding: string, body: string): string => {
  const decoder = encoding === 'base64' ? base64Decoder() : encoding === 'quoted-printable' ? qpDecoder() : undefined
  if (decoder === undefined) return body
  const octets = [decoder.write(Buffer.from(body, 'latin1')), decoder.end()]
  return Buffer.concat(octets).toString('latin1')
}
