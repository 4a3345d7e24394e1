import { readTransferEncoding } from '../content-type.ts'
import { asBuffer, shortName } from '../octets.ts'
import { encodeField, hasForbiddenOctets } from './encode-field.ts'
import { Folder } from './folding.ts'
import { type ConversionRules, Unconvertible } from './rules.ts'

/** Octets of a field that comes from a `MimeReader` in one piece at most. */
const WHOLE = 65_536

/** Encodings that are none (RFC 2045 6.2). */
const IDENTITY = /^(?:|7bit|8bit|binary)$/

/** A field, or a piece of a very long one, as it can go out. */
export interface WrittenField {
  readonly name: string
  readonly octets: Uint8Array
  /** Its first piece. */
  readonly begins: boolean
  /** It is (of) a Content-Transfer-Encoding field. */
  readonly isLabel: boolean
  /** Its octets are others than before; `folded`: only by line ends. Told with the last piece. */
  readonly changed: false | 'folded' | 'encoded'
}

/** What the Content-Transfer-Encoding fields of a header say. */
export interface Labels {
  /** Lower case, of the first field; '' without one. */
  readonly first: string
  readonly count: number
  /** They do not say the same. */
  readonly conflict: boolean
  /** None names an encoding that changes octets. */
  readonly identity: boolean
  /** One names 8bit or binary; one names binary. */
  readonly eightBit: boolean
  readonly binary: boolean
}

export const UNLABELLED: Labels = {
  first: '',
  count: 0,
  conflict: false,
  identity: true,
  eightBit: false,
  binary: false,
}

/**
 * Makes the fields of one header fit, as they come. Both passes do it, with one result; what goes out in place of
 * Content-Transfer-Encoding fields is not decided here.
 */
export class HeaderWriter {
  hasContentType = false
  hasMimeVersion = false
  labels: Labels = UNLABELLED
  readonly #rules: ConversionRules
  readonly #write: (field: WrittenField) => void
  #name = ''
  /** Of a field that comes in pieces. */
  #folder: Folder | undefined
  /** How much longer it is by what was written so far than by what was read. */
  #longer = 0

  constructor(rules: ConversionRules, write: (field: WrittenField) => void) {
    this.#rules = rules
    this.#write = write
  }

  /** As `MimeHandler.field`. Throws Unconvertible. */
  field(name: string | undefined, raw: Uint8Array): void {
    if (name === undefined) {
      this.#longer -= raw.length
      this.#piece(this.#folder?.write(asBuffer(raw).toString('latin1')) ?? '', false)
      return
    }
    this.end()
    this.#name = name
    const kind = name.toLowerCase()
    this.hasContentType ||= kind === 'content-type'
    this.hasMimeVersion ||= kind === 'mime-version'
    const text = asBuffer(raw).toString('latin1')
    if (kind === 'content-transfer-encoding') {
      this.#addLabel(shortName(readTransferEncoding(text.slice(text.indexOf(':') + 1))))
    }
    if (raw.length >= WHOLE) {
      const { maxLine } = this.#rules
      this.#folder = new Folder({ above: maxLine, width: 78, limit: maxLine })
      this.#longer = -raw.length
      this.#piece(this.#folder.write(text), true)
      return
    }
    const written = encodeField(name, text, this.#rules)
    if (written === text) this.#hand(raw, true, false)
    else this.#hand(Buffer.from(written, 'latin1'), true, hasForbiddenOctets(text, this.#rules) ? 'encoded' : 'folded')
  }

  /** The header is over: what is left of a long field. Throws Unconvertible. */
  end(): void {
    if (this.#folder === undefined) return
    this.#piece(this.#folder.end(), false)
    this.#folder = undefined
    if (this.#longer > 0) this.#hand(Buffer.alloc(0), false, 'folded')
  }

  /** The folder gives whole lines, so no CR stands apart from its LF for being at the end of a piece. */
  #piece(text: string, begins: boolean): void {
    if (hasForbiddenOctets(text, this.#rules)) {
      throw new Unconvertible('5.6.3', `A header field of more than ${WHOLE} octets would have to be encoded`)
    }
    this.#longer += text.length
    this.#hand(Buffer.from(text, 'latin1'), begins, false)
  }

  #hand(octets: Uint8Array, begins: boolean, changed: WrittenField['changed']): void {
    const isLabel = this.#name.toLowerCase() === 'content-transfer-encoding'
    this.#write({ name: this.#name, octets, begins, isLabel, changed })
  }

  #addLabel(said: string): void {
    const { first, count, conflict, identity, eightBit, binary } = this.labels
    this.labels = {
      first: count === 0 ? said : first,
      count: count + 1,
      conflict: conflict || (count > 0 && said !== first),
      identity: identity && IDENTITY.test(said),
      eightBit: eightBit || /^(?:8bit|binary)$/.test(said),
      binary: binary || said === 'binary',
    }
  }
}
