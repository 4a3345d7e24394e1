/** What is true of a body as it stands; a transform yields new facts. Stored with the message, so fields are only ever added. */
export interface BodyFacts {
  /** With CRLF line ends, without dot-stuffing (RFC 1870 section 5). */
  readonly octets: number
  /** By its octets: binary with NUL or a CR and LF apart from each other. Too long lines are told by `longestLine` alone. */
  readonly encoding: '7bit' | '8bit' | 'binary'
  /** Octets of the longest line, its CRLF not counted. */
  readonly longestLine: number
  /** An octet above 127 in the header of the message itself. */
  readonly eightBitHeader: boolean
  /** A CR without LF, or an LF without CR, anywhere. */
  readonly bareNewline: boolean
  readonly nul: boolean
  /** The last line has its CRLF (an empty body counts as ended). */
  readonly endsWithNewline: boolean
  /** Octets of the header with the empty line that ends it; all octets when no such line came. */
  readonly headerOctets: number
}
