const CR = 13
const LF = 10
const EMPTY_LINE = Buffer.from('\r\n\r\n')

/** Looks for the first empty line, for any chunk borders; one at the very beginning counts. */
export class HeaderEnd {
  /** How much of CRLF CRLF the octets so far end with. */
  #met = 2

  /** Octets of the chunk that belong to the header; undefined when the empty line is not in it. Not to be asked again after it was. */
  find(chunk: Buffer): number | undefined {
    let at = 0
    while (this.#met > 0 && at < chunk.length) {
      this.#meet(chunk[at++])
      if (this.#met === 4) return at
    }
    const found = chunk.indexOf(EMPTY_LINE, at)
    if (found >= 0) return found + 4
    for (const octet of chunk.subarray(Math.max(at, chunk.length - 3))) this.#meet(octet)
    return undefined
  }

  #meet(octet: number | undefined): void {
    if (octet === CR) this.#met = this.#met === 2 ? 3 : 1
    else this.#met = octet === LF && this.#met % 2 === 1 ? this.#met + 1 : 0
  }
}
