import type { BodyFacts } from '../mail/facts.ts'
import type { ScanFacts } from './octet-scan.ts'

/** A message's facts, from those of all its octets, of the octets of its own header, and of its parts. */
export const bodyFacts = (
  { octets, eightBit, longestLine, bareNewline, nul, endsWithNewline, notUtf8 }: ScanFacts,
  header: Pick<BodyFacts, 'eightBitHeader' | 'headerOctets'>,
  parts: Pick<BodyFacts, 'rawHeaders' | 'sealed' | 'permitsConversion'>,
): BodyFacts => ({
  octets,
  encoding: nul || bareNewline ? 'binary' : eightBit > 0 ? '8bit' : '7bit',
  longestLine,
  bareNewline,
  nul,
  endsWithNewline,
  ...header,
  ...(notUtf8 ? { notUtf8: true } : {}),
  ...parts,
})

/** Is this the field in which originators say what may be made of content (RFC 4141 section 7)? */
export const isPermission = (name: string): boolean => name.length === 15 && name.toLowerCase() === 'content-convert'

/** Those of its parts, without what is not so. */
export const partFacts = (
  rawHeaders: BodyFacts['rawHeaders'],
  sealed: boolean,
  permitsConversion: boolean,
): Pick<BodyFacts, 'rawHeaders' | 'sealed' | 'permitsConversion'> => ({
  ...(rawHeaders === undefined ? {} : { rawHeaders }),
  ...(sealed ? { sealed: true } : {}),
  ...(permitsConversion ? { permitsConversion: true } : {}),
})
