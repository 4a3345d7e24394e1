export const LF = 10

/** Octets that have arrived and nobody has read, in the pieces they arrived in. */
export class Input {
  /** The piece that is being read, never an empty one; undefined when there is nothing. */
  chunk: Buffer | undefined
  /** Where in `chunk` the unread octets begin. */
  at = 0
  #later: Buffer[] = []
  #next = 0
  #octets = 0

  get octets(): number {
    return this.#octets
  }

  /** Octets of memory, roughly: a peer that sends single octets costs more than it sends. */
  get weight(): number {
    return this.#octets + 256 * (this.#later.length - this.#next)
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#octets += chunk.length
    if (this.chunk === undefined) this.chunk = chunk
    else this.#later.push(chunk)
  }

  /** Everything in `chunk` before `to` has been read. */
  advance(to: number): void {
    this.#octets -= to - this.at
    this.at = to
    if (to >= (this.chunk?.length ?? 0)) this.#take()
  }

  #take(): void {
    this.at = 0
    this.chunk = this.#later[this.#next++]
    if (this.#next >= this.#later.length) {
      this.#later = []
      this.#next = 0
    }
  }

  /** Makes one piece of what is left of `chunk` and the piece after it. False when there is none. */
  join(): boolean {
    const after = this.#later[this.#next]
    if (this.chunk === undefined || after === undefined) return false
    this.#later[this.#next] = Buffer.concat([this.chunk.subarray(this.at), after])
    this.#take()
    return true
  }

  has(octet: number): boolean {
    if (this.chunk === undefined) return false
    return (
      this.chunk.includes(octet, this.at) ||
      this.#later.some((chunk, index) => index >= this.#next && chunk.includes(octet))
    )
  }

  /** Throws everything away; how many octets that were. */
  clear(): number {
    const octets = this.#octets
    this.chunk = undefined
    this.at = 0
    this.#later = []
    this.#next = 0
    this.#octets = 0
    return octets
  }

  /** All of it, taken out. */
  takeAll(): Buffer[] {
    const all = this.chunk === undefined ? [] : [this.chunk.subarray(this.at), ...this.#later.slice(this.#next)]
    this.clear()
    return all
  }
}
