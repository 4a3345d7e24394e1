const SIZE = 65_536

/** Makes chunks of one size from pieces of any. */
export class Chunks {
  #room = Buffer.alloc(0)
  #used = 0
  #whole: Buffer[] = []

  /** The octets may be reused afterwards. */
  add(octets: Uint8Array): void {
    for (let at = 0; at < octets.length; ) {
      if (this.#used === this.#room.length) {
        if (this.#used > 0) this.#whole.push(this.#room)
        this.#room = Buffer.allocUnsafeSlow(SIZE)
        this.#used = 0
      }
      const piece = octets.subarray(at, at + SIZE - this.#used)
      this.#room.set(piece, this.#used)
      this.#used += piece.length
      at += piece.length
    }
  }

  /** Those that are full, each once. They belong to the caller. */
  whole(): readonly Buffer[] {
    const whole = this.#whole
    if (whole.length > 0) this.#whole = []
    return whole
  }

  /** What is left when nothing more comes. */
  rest(): readonly Buffer[] {
    return [...this.whole(), ...(this.#used > 0 ? [this.#room.subarray(0, this.#used)] : [])]
  }
}
