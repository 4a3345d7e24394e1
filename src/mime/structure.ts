import { isPermission, partFacts } from './body-facts.ts'
import type { Header } from './fields.ts'
import { hidesParts } from './part-head.ts'
import { RawFields } from './raw-fields.ts'
import { MimeReader } from './reader.ts'

const NOTHING = new Uint8Array(0)

/** Signed or encrypted (RFC 1847, RFC 5751): with other octets it would not be what it was. */
export const isSealed = (type: string): boolean =>
  /^(?:multipart\/(?:signed|encrypted)|application\/(?:x-)?pkcs7-mime)$/.test(type)

/** Whether there can be anything in a message for `StructureScan` to find, to judge by its own header. */
export const hasStructure = (header: Header, eightBit: boolean): boolean =>
  eightBit ||
  /multipart|message|pkcs7/i.test(header.values('Content-Type')[0] ?? '') ||
  header.values('Content-Convert').length > 0

/** Finds, for any cuts, the facts of a message for which it has to be taken apart. */
export class StructureScan {
  readonly #reader: MimeReader
  readonly #fields = new RawFields()
  #sealed = false
  #permits = false
  #depth = 0
  #hidden = false

  constructor() {
    this.#reader = new MimeReader({
      partBegins: (depth) => {
        this.#depth = depth
      },
      field: (name, raw) => {
        this.#permits ||= name !== undefined && isPermission(name)
        this.#fields.field(name, this.#depth, raw)
      },
      headerEnds: (_, head) => {
        this.#sealed ||= isSealed(head.type)
        this.#hidden = hidesParts(head)
        if (this.#hidden) this.#fields.field('Content-Type', this.#depth, NOTHING)
      },
      // What may be header fields of parts counts as such: they must not go where none in UTF-8 are taken.
      body: (octets) => {
        if (this.#hidden) this.#fields.field(undefined, this.#depth, octets)
      },
      between() {},
      partEnds() {},
    })
  }

  write(octets: Uint8Array): void {
    this.#reader.write(octets)
  }

  /** Nothing is to be written after it. */
  end(): ReturnType<typeof partFacts> {
    this.#reader.end()
    return partFacts(this.#fields.facts(), this.#sealed, this.#permits)
  }
}
