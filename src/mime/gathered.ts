import { asBuffer } from './octets.ts'

const NOTHING = Buffer.alloc(0)

/** Octets that have to wait for the chunk after: a copy, which costs nothing when there are none. */
export class Gathered {
  #octets: Buffer = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  endsWith(octet: number): boolean {
    return this.#length > 0 && this.#octets[this.#length - 1] === octet
  }

  add(octets: Uint8Array): void {
    const length = this.#length + octets.length
    if (length > this.#octets.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(2 * length, 256))
      this.#octets.copy(grown, 0, 0, this.#length)
      this.#octets = grown
    }
    asBuffer(octets).copy(this.#octets, this.#length)
    this.#length = length
  }

  /** A view, valid until more is added. */
  get octets(): Buffer {
    return this.#length === 0 ? NOTHING : this.#octets.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
  }
}
