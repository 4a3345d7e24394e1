/** Turns octets into others piece by piece, for any chunk borders. What it gives belongs to the caller; the chunk may be reused. */
export interface Encoder {
  write(chunk: Uint8Array): Uint8Array
  /** What was waiting for more. The encoder is not used afterwards. */
  end(): Uint8Array
  /** As `write`, or as `end` without a chunk; but nothing is given away: each piece is valid during its call only. */
  each?(chunk: Uint8Array | undefined, take: (octets: Uint8Array) => void): void
}

/** What a scan knows so far; `scan` carries it from one piece to the next. */
export interface LineFacts {
  /** Octets above 127. */
  eightBit: number
  nul: boolean
  /** A CR that anything but LF follows, or an LF after anything but CR. */
  bareNewline: boolean
  /** Octets of the longest line that has ended, its CRLF not counted. */
  longest: number
  /** Octets since the last CRLF, a CR at their end included. */
  line: number
  /** The last octet is a CR. */
  afterCr: boolean
}

/** The loops over octets, each in one call: written twice, as WebAssembly and as plain JavaScript, and the same. */
export interface Kernels {
  readonly name: 'plain' | 'simd'
  /** Goes on with `facts` over the next octets. */
  scan(octets: Uint8Array, facts: LineFacts): void
  /** RFC 2045 6.7; `text`: CRLF is a line break, otherwise every CR and LF is encoded. */
  quotedPrintable(lines: 'text' | 'binary'): Encoder
  /** RFC 2045 6.8, in lines of 76 with CRLF behind each. */
  base64(): Encoder
}
