import { Gathered } from './gathered.ts'
import { fieldName } from './part-head.ts'

/** Octets of a field that are kept until it is whole. */
const LIMIT = 65_536

/** Puts fields together from what chunks bring of them; what is longer than 64 KiB is handed on in pieces of that size. */
export class FieldCutter {
  readonly #take: (name: string | undefined, raw: Uint8Array) => void
  readonly #gathered = new Gathered()
  #continued = false

  /** `take` gets the further pieces of a field under the name undefined. */
  constructor(take: (name: string | undefined, raw: Uint8Array) => void) {
    this.#take = take
  }

  /** More octets of the field. */
  keep(octets: Buffer): void {
    let rest = octets
    while (this.#gathered.length + rest.length > LIMIT) {
      const count = LIMIT - this.#gathered.length
      this.#piece(rest.subarray(0, count))
      rest = rest.subarray(count)
    }
    if (rest.length > 0) this.#gathered.add(rest)
  }

  /** The last octets of the field, if there was one at all. */
  finish(octets: Buffer): void {
    let rest = octets
    if (this.#gathered.length + rest.length > LIMIT) {
      this.keep(rest)
      rest = octets.subarray(octets.length)
    }
    this.#piece(rest)
    this.#continued = false
  }

  #piece(octets: Buffer): void {
    if (this.#gathered.length === 0) this.#hand(octets)
    else {
      this.#gathered.add(octets)
      this.#hand(this.#gathered.octets)
      this.#gathered.clear()
    }
  }

  #hand(octets: Buffer): void {
    if (octets.length === 0) return
    this.#take(this.#continued ? undefined : fieldName(octets), octets)
    this.#continued = true
  }
}
