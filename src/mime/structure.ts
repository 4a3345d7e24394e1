import { isAscii } from 'node:buffer'
import type { BodyFacts, RawHeaders } from '../mail/facts.ts'
import type { Header } from './fields.ts'
import { MimeReader } from './reader.ts'
import { Utf8Scan } from './utf8-scan.ts'

/** `RawHeaders.fields` has no more. */
const MOST_LISTED = 20
/** Octets of a name that are worth keeping. */
const MOST_NAME = 100

const SEALED = /^(?:multipart\/(?:signed|encrypted)|application\/(?:x-)?pkcs7-mime)$/

/** Whether there can be anything in a message for `StructureScan` to find, to judge by its own header. */
export const hasStructure = (header: Header, eightBit: boolean): boolean =>
  eightBit || /multipart|message|pkcs7/i.test(header.values('Content-Type')[0] ?? '')

interface RawField {
  readonly name: string
  readonly depth: number
  readonly octets: Utf8Scan
}

/** Finds, for any cuts, the facts of a message for which it has to be taken apart. */
export class StructureScan {
  readonly #reader: MimeReader
  readonly #raw: { readonly name: string; readonly depth: number }[] = []
  #utf8 = false
  #unknown = false
  #sealed = false
  #depth = 0
  #name = ''
  /** The field that is being read, if octets above 127 are in it. */
  #field: RawField | undefined

  constructor() {
    this.#reader = new MimeReader({
      partBegins: (depth) => {
        this.#depth = depth
      },
      field: (name, raw) => this.#read(name, raw),
      headerEnds: (_, { type }) => {
        this.#fieldEnds()
        this.#sealed ||= SEALED.test(type)
      },
      body() {},
      between() {},
      partEnds() {},
    })
  }

  write(octets: Uint8Array): void {
    this.#reader.write(octets)
  }

  /** Nothing is to be written after it. */
  end(): Pick<BodyFacts, 'rawHeaders' | 'sealed'> {
    this.#reader.end()
    const rawHeaders: RawHeaders = { utf8: this.#utf8, unknown: this.#unknown, fields: this.#raw }
    return {
      ...(this.#utf8 || this.#unknown ? { rawHeaders } : {}),
      ...(this.#sealed ? { sealed: true } : {}),
    }
  }

  #read(name: string | undefined, raw: Uint8Array): void {
    if (name !== undefined) {
      this.#fieldEnds()
      this.#name = name
    }
    if (this.#field === undefined) {
      if (isAscii(raw)) return
      this.#field = { name: this.#name.slice(0, MOST_NAME), depth: this.#depth, octets: new Utf8Scan() }
    }
    this.#field.octets.write(raw)
  }

  #fieldEnds(): void {
    if (this.#field === undefined) return
    const { name, depth, octets } = this.#field
    if (this.#raw.length < MOST_LISTED) this.#raw.push({ name, depth })
    if (octets.valid) this.#utf8 = true
    else this.#unknown = true
    this.#field = undefined
  }
}
