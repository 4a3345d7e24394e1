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
  /** Octets above 127 in header fields, at any depth. Absent: there are none (or the mail is older than this fact). */
  readonly rawHeaders?: RawHeaders
  /** Octets above 127 that are not UTF-8 are somewhere. Absent: none. */
  readonly notUtf8?: true
  /** multipart/signed, multipart/encrypted or S/MIME (application/pkcs7-mime) is inside, at any depth. */
  readonly sealed?: true
  /** A Content-Convert field is somewhere: its originator says what may be made of content (RFC 4141). Absent: none. */
  readonly permitsConversion?: true
}

/** Which header fields have octets above 127. */
export interface RawHeaders {
  /** A field with octets above 127 that are UTF-8 is there. */
  readonly utf8: boolean
  /** One whose octets are not UTF-8 is there. */
  readonly unknown: boolean
  /** The first 20 of them. Depth 0 is the message's own header; every multipart, body part and enclosed message adds 1. */
  readonly fields: readonly { readonly name: string; readonly depth: number }[]
}
