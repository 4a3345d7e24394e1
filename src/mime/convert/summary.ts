import type { BodyFacts } from '../../mail/facts.ts'
import { bodyFacts, isPermission, partFacts } from '../body-facts.ts'
import { type OctetScan, octetScan, type ScanFacts } from '../octet-scan.ts'
import { asBuffer } from '../octets.ts'
import { RawFields } from '../raw-fields.ts'
import { Signatures } from './dkim.ts'
import type { WrittenField } from './header.ts'
import { Tally } from './tally.ts'

/** What a message is, and what it will be should anything in it have to change. */
export class Summary {
  /** Something has to. */
  changes = false
  /** Octets of header fields have to. */
  headers = false
  /** Something signed or encrypted has to, and is no longer what it was. */
  unsealed = false
  /** Something signed or encrypted is inside. */
  sealed = false
  parts = 0
  /** Everything, as it comes. */
  readonly before: OctetScan = octetScan()
  /** Bodies as they go out; the rest comes by the other methods. */
  readonly after: Tally = new Tally()
  #permits = false
  readonly #signatures = new Signatures()
  readonly #rawBefore = new RawFields()
  readonly #rawAfter = new RawFields()
  /** The message's own header. */
  readonly #ownBefore = octetScan()
  readonly #ownAfter = new Tally()

  fieldBefore(name: string | undefined, depth: number, raw: Uint8Array): void {
    this.#permits ||= name !== undefined && isPermission(name)
    this.#rawBefore.field(name, depth, raw)
    if (depth === 0) this.#ownBefore.write(raw)
  }

  /** What may be a field in a body. */
  hiddenBefore(name: string | undefined, depth: number, raw: Uint8Array): void {
    this.#rawBefore.field(name, depth, raw)
  }

  /** A field as it goes out, of whatever header; those that tell the encoding are counted apart. */
  fieldAfter(depth: number, field: WrittenField): void {
    if (!field.isLabel) this.#header(depth, field.octets)
    if (depth > 0) return
    const { name, octets, changed } = field
    const value = name.toLowerCase() === 'dkim-signature' ? asBuffer(octets).toString('latin1') : ''
    this.#signatures.field(name, value.slice(value.indexOf(':') + 1), changed)
  }

  /** The empty line, or nothing. */
  headerEnds(depth: number, raw: Uint8Array): void {
    if (depth === 0) this.#ownBefore.write(raw)
    this.#header(depth, raw)
  }

  /** Fields of one header as they go out, some of which may have to stay raw. */
  rawAfter(fields: RawFields): void {
    this.#rawAfter.add(fields)
  }

  bodyChanges(): void {
    this.#signatures.bodyChanges()
  }

  /** The fields of a header that tell the encoding, which stay. */
  labels(depth: number, fields: ScanFacts): void {
    this.after.insert(fields)
    if (depth === 0) this.#ownAfter.insert(fields)
  }

  /** What there is in their place. */
  relabelled(depth: number, fields: string): void {
    if (depth === 0) this.#signatures.field('content-transfer-encoding', '', 'encoded')
    else this.bodyChanges()
    this.labels(depth, factsOf(Buffer.from(fields, 'latin1')))
  }

  /** Of the message that comes out. */
  facts(): BodyFacts {
    const { changes } = this
    const all = changes ? this.after.facts() : this.before.end()
    const header = changes ? this.#ownAfter.facts() : this.#ownBefore.end()
    const rawHeaders = (changes ? this.#rawAfter : this.#rawBefore).facts()
    return bodyFacts(
      all,
      { eightBitHeader: header.eightBit > 0, headerOctets: header.octets },
      partFacts(rawHeaders, this.sealed, this.#permits),
    )
  }

  /** Domains whose signatures the change breaks. */
  broken(): readonly string[] {
    return this.changes ? this.#signatures.broken() : []
  }

  #header(depth: number, octets: Uint8Array): void {
    this.after.write(octets)
    if (depth === 0) this.#ownAfter.write(octets)
  }
}

/** Of one piece. */
export const factsOf = (octets: Uint8Array): ScanFacts => {
  const scan = octetScan()
  scan.write(octets)
  return scan.end()
}
