import type { BodyFacts, RawHeaders } from '../mail/facts.ts'
import { applyEdits, type HeaderEdit, readHeader } from '../mime/fields.ts'
import { inspector } from '../mime/inspect.ts'
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

/** The mail with these fields on top, octet for octet. */
export const putOnTop = (mail: RelayMail, fields: Uint8Array): RelayMail => ({
  ...mail,
  facts: withHeader(mail.facts, fields, 0),
  async *content() {
    yield fields
    yield* mail.content()
  },
})

const withHeader = (facts: BodyFacts, header: Uint8Array, inPlaceOf: number): BodyFacts => {
  const look = inspector({ maxHeader: 0 })
  look.write(header)
  const { facts: own } = look.end()
  const { rawHeaders: before, ...rest } = facts
  const raw = merged(own.rawHeaders, inPlaceOf === 0 ? before : inParts(before))
  const grown = header.length - inPlaceOf
  return {
    ...rest,
    octets: facts.octets + grown,
    headerOctets: facts.headerOctets + grown,
    encoding: facts.encoding === '7bit' ? own.encoding : facts.encoding,
    eightBitHeader: own.eightBitHeader || (inPlaceOf === 0 && facts.eightBitHeader),
    longestLine: Math.max(facts.longestLine, own.longestLine),
    ...(own.notUtf8 ? { notUtf8: true } : {}),
    ...(raw ? { rawHeaders: raw } : {}),
  }
}

/** Those of fields that are not in the header of the message itself. Where not all are listed, there may be any. */
const inParts = (raw: RawHeaders | undefined): RawHeaders | undefined => {
  const fields = raw?.fields.filter(({ depth }) => depth > 0) ?? []
  return raw && (fields.length > 0 || raw.fields.length >= MOST_LISTED) ? { ...raw, fields } : undefined
}

const merged = (one: RawHeaders | undefined, other: RawHeaders | undefined): RawHeaders | undefined =>
  one && other
    ? {
        utf8: one.utf8 || other.utf8,
        unknown: one.unknown || other.unknown,
        fields: [...one.fields, ...other.fields].slice(0, MOST_LISTED),
      }
    : (one ?? other)

/** `RawHeaders.fields` has no more. */
const MOST_LISTED = 20

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
