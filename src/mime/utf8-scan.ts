import { isUtf8 } from 'node:buffer'

const NOTHING = new Uint8Array(0)

/** Whether octets are UTF-8, wherever the borders of the chunks cut a character. */
export class Utf8Scan {
  #valid = true
  /** The beginning of a character whose rest has not come: three octets at most. */
  #cut = NOTHING

  /** Of all octets so far, as if no more came. */
  get valid(): boolean {
    return this.#valid && this.#cut.length === 0
  }

  /** `ascii`: the chunk is known to hold nothing else. */
  write(chunk: Uint8Array, ascii = false): void {
    if (!this.#valid || chunk.length === 0) return
    const from = this.#complete(chunk)
    const end = ascii ? chunk.length : Math.max(from, wholeCharacters(chunk))
    this.#valid &&= ascii || isUtf8(chunk.subarray(from, end))
    if (end < chunk.length) this.#cut = new Uint8Array(chunk.subarray(end))
  }

  /** Takes what belongs to the character that was cut, and returns where the next one begins. */
  #complete(chunk: Uint8Array): number {
    const missing = lengthOf(this.#cut[0]) - this.#cut.length
    if (this.#cut.length === 0) return 0
    const character = Uint8Array.of(...this.#cut, ...chunk.subarray(0, missing))
    const complete = chunk.length >= missing
    if (complete) this.#valid = isUtf8(character)
    this.#cut = complete ? NOTHING : character
    return Math.min(missing, chunk.length)
  }
}

/** Where a character begins that the end cuts; the whole length when none does. */
const wholeCharacters = (octets: Uint8Array): number => {
  for (let back = 1; back <= 3 && back <= octets.length; back++) {
    const octet = octets[octets.length - back] as number
    if (octet < 0x80) break
    if (octet >= 0xc0) return lengthOf(octet) > back ? octets.length - back : octets.length
  }
  return octets.length
}

/** How many octets a character has that begins with this one. */
const lengthOf = (lead = 0): number => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4)
