import { isAscii } from 'node:buffer'
import type { RawHeaders } from '../mail/facts.ts'
import { Utf8Scan } from './utf8-scan.ts'

/** `RawHeaders.fields` has no more. */
export const MOST_LISTED = 20

interface RawField {
  readonly name: string
  readonly depth: number
}

/** Finds out which header fields of a message hold octets above 127. */
export class RawFields {
  readonly #fields: RawField[] = []
  #utf8 = false
  #unknown = false
  #name = ''
  /** The field that is being read, if octets above 127 are in it. */
  #field: (RawField & { readonly octets: Utf8Scan }) | undefined

  /** As `MimeHandler.field`; `depth` is that of the part. */
  field(name: string | undefined, depth: number, raw: Uint8Array): void {
    if (name !== undefined) {
      this.#fieldEnds()
      this.#name = name
    }
    if (this.#field === undefined) {
      if (isAscii(raw)) return
      this.#field = { name: this.#name, depth, octets: new Utf8Scan() }
    }
    this.#field.octets.write(raw)
  }

  /** What others have found further down in the message. */
  add(others: RawFields): void {
    this.#fieldEnds()
    others.#fieldEnds()
    this.#fields.push(...others.#fields.slice(0, MOST_LISTED - this.#fields.length))
    this.#utf8 ||= others.#utf8
    this.#unknown ||= others.#unknown
  }

  /** Undefined: none does. */
  facts(): RawHeaders | undefined {
    this.#fieldEnds()
    return this.#utf8 || this.#unknown ? { utf8: this.#utf8, unknown: this.#unknown, fields: this.#fields } : undefined
  }

  #fieldEnds(): void {
    if (this.#field === undefined) return
    const { name, depth, octets } = this.#field
    if (this.#fields.length < MOST_LISTED) this.#fields.push({ name, depth })
    if (octets.valid) this.#utf8 = true
    else this.#unknown = true
    this.#field = undefined
  }
}
