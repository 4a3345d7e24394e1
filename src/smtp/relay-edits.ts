import type { BodyFacts } from '../mail/facts.ts'
import { applyEdits, type HeaderEdit, readHeader } from '../mime/fields.ts'
import type { RelayMail } from './relay-mail.ts'

/** No header that was accepted is larger. */
const MAX_HEADER = 1_048_576

/** The mail with its header edited, its facts exact. Reads the header only if something in it changes. */
export const editHeader = async (mail: RelayMail, edits: readonly HeaderEdit[]): Promise<RelayMail> => {
  if (edits.length === 0) return mail
  const { headerOctets } = mail.facts
  const onTop = edits.every((edit) => edit.field === 'add')
  const before = onTop ? new Uint8Array(0) : await first(headerOctets, mail.content())
  const after = applyEdits(readHeader(before), edits)
  const kept = onTop ? 0 : headerOctets
  return {
    ...mail,
    facts: withHeader(mail.facts, after, kept),
    async *content() {
      yield after
      yield* skip(kept, mail.content())
    },
  }
}

const withHeader = (facts: BodyFacts, header: Uint8Array, inPlaceOf: number): BodyFacts => {
  const grown = header.length - inPlaceOf
  const text = Buffer.from(header.buffer, header.byteOffset, header.length).toString('latin1')
  const eightBit = /[^\x00-\x7f]/.test(text)
  return {
    ...facts,
    octets: facts.octets + grown,
    headerOctets: facts.headerOctets + grown,
    encoding: eightBit && facts.encoding === '7bit' ? '8bit' : facts.encoding,
    eightBitHeader: eightBit || (inPlaceOf === 0 && facts.eightBitHeader),
    longestLine: text.split('\r\n').reduce((most, line) => Math.max(most, line.length), facts.longestLine),
  }
}

const first = async (octets: number, content: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  if (octets > MAX_HEADER) throw new Error(`A header of ${octets} octets is not edited`)
  const pieces: Uint8Array[] = []
  let left = octets
  if (left > 0) {
    for await (const chunk of content) {
      pieces.push(chunk.subarray(0, left))
      left -= Math.min(left, chunk.length)
      if (left === 0) break
    }
  }
  return Buffer.concat(pieces)
}

/** All but the first octets. */
export async function* skip(octets: number, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let left = octets
  for await (const chunk of content) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left)
    left -= Math.min(left, chunk.length)
  }
}
