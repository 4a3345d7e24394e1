/** What a message must be like for the hop it goes to. */
export interface ConversionRules {
  /** What the hop takes. Binary octets are never left. */
  readonly encoding: '7bit' | '8bit'
  /** Octets of a line at most, CRLF not counted. */
  readonly maxLine: number
  /** Whether header fields, at any depth, may hold octets above 127. */
  readonly header: 'ascii' | 'raw'
  /** What becomes of a message in which something signed or encrypted would have to change. */
  readonly signed: 'bounce' | 'convert'
  /**
   * UTF-8 in header fields where they must be ASCII: refused, or encoded (RFC 2047, 2231). Octets that are not UTF-8
   * are always encoded, as unknown-8bit.
   */
  readonly utf8Headers: 'refuse' | 'encode'
}

/** Why a message cannot be made fit for a hop without loss. */
export interface Inconvertible {
  /** 5.6.9 for addresses in header fields too: 5.6.7 is for those of the envelope (RFC 6531 section 4.2). */
  readonly status: '5.6.3' | '5.6.9'
  readonly why: string
}

/** Thrown where something is met that cannot be converted; `planConversion` returns it as a value. */
export class Unconvertible extends Error implements Inconvertible {
  override readonly name = 'Unconvertible'
  readonly status: Inconvertible['status']

  constructor(status: Inconvertible['status'], why: string) {
    super(why)
    this.status = status
  }

  get why(): string {
    return this.message
  }
}

/** What becomes of one part, for people who want to know. */
export interface PartFate {
  /** 0 for the message itself. */
  readonly depth: number
  /** Of a preamble or an epilogue: that of the multipart it belongs to. */
  readonly type: string
  readonly place: 'part' | 'preamble' | 'epilogue'
  /** Of the body, before; 0 where it is looked into. */
  readonly octets: number
  /** Its Content-Transfer-Encoding before, lower case; '' without one. */
  readonly encoding: string
  /** And afterwards, should anything in the message be changed; undefined: as before. */
  readonly label: string | undefined
  /** `quoted`: octets are escaped, and no label can tell. */
  readonly fate: 'kept' | 'quoted-printable' | 'base64' | 'mended' | 'rewrapped' | 'quoted' | 'refused'
  /** Why its body is changed, or why the message is refused. */
  readonly why: string | undefined
  /** Names of fields that are encoded or folded, the first 20. */
  readonly fields: readonly string[]
}
