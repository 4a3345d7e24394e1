/** A place outside memory for what a plan has no room for. Whoever made it closes it, when the plan is no longer needed. */
export interface Scratch {
  write(octets: Uint8Array, at: number): Promise<void>
  /** Exactly so many octets, which have been written. */
  read(at: number, length: number): Promise<Uint8Array>
}

/** Codes, an octet each, written in the order in which they will be read, as often as wanted. */
export interface Tape {
  readonly length: number
  read(at: number, length: number): Promise<Uint8Array> | Uint8Array
}

/** Writes a tape: codes without waiting, and from time to time what is to leave the memory. */
export class TapeWriter {
  readonly #limit: number
  readonly #scratch: Scratch | undefined
  #held = new Uint8Array(256)
  #length = 0
  #spilled = 0

  /** `limit`: octets to keep in memory. Without `scratch` nothing can leave it. */
  constructor(limit: number, scratch?: Scratch) {
    this.#limit = limit
    this.#scratch = scratch
  }

  push(code: number): void {
    if (this.#length === this.#held.length) {
      const grown = new Uint8Array(2 * this.#length)
      grown.set(this.#held)
      this.#held = grown
    }
    this.#held[this.#length++] = code
  }

  /** Whether `spill` is due. */
  get full(): boolean {
    return this.#length > this.#limit
  }

  /** False: there is nowhere to put it. */
  async spill(): Promise<boolean> {
    if (this.#scratch === undefined) return false
    await this.#scratch.write(this.#held.subarray(0, this.#length), this.#spilled)
    this.#spilled += this.#length
    this.#length = 0
    return true
  }

  /** The tape as far as it is written; write no more. */
  finish(): Tape {
    const scratch = this.#scratch
    const held = this.#held.slice(0, this.#length)
    const spilled = this.#spilled
    return {
      length: spilled + held.length,
      read(at, length) {
        if (at >= spilled) return held.subarray(at - spilled, at - spilled + length)
        // What is in memory is read for itself the next time.
        return scratch?.read(at, Math.min(length, spilled - at)) ?? held.subarray(0, 0)
      },
    }
  }
}

/** Reads a tape code by code, without waiting, as far as `fill` has seen to it. */
export class TapeReader {
  readonly #tape: Tape
  #loaded: Uint8Array = new Uint8Array(0)
  #at = 0
  /** Codes of the tape up to the end of what is loaded. */
  #read = 0

  constructor(tape: Tape) {
    this.#tape = tape
  }

  /** Afterwards `next` can be called so many times, or up to the end of the tape. */
  async fill(count: number): Promise<void> {
    while (this.#loaded.length - this.#at < count && this.#read < this.#tape.length) {
      const more = await this.#tape.read(this.#read, Math.max(count, 4096))
      this.#read += more.length
      this.#loaded = this.#at === this.#loaded.length ? more : Buffer.concat([this.#loaded.subarray(this.#at), more])
      this.#at = 0
    }
  }

  /** Undefined: the tape is over, or `fill` has not been called. */
  next(): number | undefined {
    return this.#loaded[this.#at++]
  }
}
