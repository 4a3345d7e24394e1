import type { BodyFacts, RawHeaders } from '../mail/facts.ts'
import { inspector } from './inspect.ts'
import { MOST_LISTED } from './raw-fields.ts'

/**
 * The facts of mail with another header: in place of its first octets, its own header, or on top of it where that is none.
 * What is true of the mail as a whole is not found out anew, so it may say more of it than is there.
 */
export const withHeader = (facts: BodyFacts, header: Uint8Array, inPlaceOf: number): BodyFacts => {
  const look = inspector({ maxHeader: 0 })
  look.write(header)
  const { facts: own } = look.end()
  const onTop = inPlaceOf === 0
  // Where the mail had no header that a field could be put into, an empty line comes before the end of the new one.
  const ends = onTop || own.headerOctets === header.length
  const { rawHeaders: before, ...rest } = ends ? facts : withoutHeader(facts)
  const raw = merged(own.rawHeaders, onTop ? before : inParts(before))
  const grown = header.length - inPlaceOf
  return {
    ...rest,
    octets: facts.octets + grown,
    headerOctets: ends ? facts.headerOctets + grown : own.headerOctets,
    encoding: facts.encoding === '7bit' ? own.encoding : facts.encoding,
    eightBitHeader: own.eightBitHeader || (onTop && facts.eightBitHeader),
    longestLine: Math.max(facts.longestLine, own.longestLine),
    ...(own.notUtf8 ? { notUtf8: true } : {}),
    ...(raw ? { rawHeaders: raw } : {}),
  }
}

/** The facts of mail before which an empty line is put: what was taken for its header is text (`separator`). */
export const withoutHeader = ({
  rawHeaders: _,
  sealed: __,
  permitsConversion: ___,
  ...facts
}: BodyFacts): BodyFacts => ({
  ...facts,
  headerOctets: 0,
  eightBitHeader: false,
})

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
