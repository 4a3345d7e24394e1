import { asBuffer } from '../octets.ts'
import type { Encoder } from './kernels.ts'

/** As much at once: the cache still has it. */
const WINDOW = 16_384
const NOTHING = Buffer.alloc(0)

export interface Step {
  /** Octets of the input that are done with; the rest comes again, with what follows it. */
  readonly taken: number
  /** Read before the next step. */
  readonly output: Uint8Array
}

/** An encoder out of a step that may leave the end of its input for later; with `last` it takes everything. */
export class Piecewise implements Encoder {
  readonly #step: (input: Buffer, last: boolean) => Step
  #waiting = NOTHING

  constructor(step: (input: Buffer, last: boolean) => Step) {
    this.#step = step
  }

  write(chunk: Uint8Array): Uint8Array {
    const outputs: Buffer[] = []
    this.#eachWindow(chunk, (output) => outputs.push(Buffer.from(output)))
    const [first = NOTHING] = outputs
    return outputs.length > 1 ? Buffer.concat(outputs) : first
  }

  end(): Uint8Array {
    return Buffer.from(this.#step(this.#waiting, true).output)
  }

  each(chunk: Uint8Array | undefined, take: (octets: Uint8Array) => void): void {
    if (chunk === undefined) take(this.#step(this.#waiting, true).output)
    else this.#eachWindow(chunk, take)
  }

  #eachWindow(chunk: Uint8Array, take: (output: Uint8Array) => void): void {
    const octets = asBuffer(chunk)
    for (let at = 0; at < octets.length; at += WINDOW) {
      const fresh = octets.subarray(at, at + WINDOW)
      const input = this.#waiting.length === 0 ? fresh : Buffer.concat([this.#waiting, fresh])
      const { taken, output } = this.#step(input, false)
      if (output.length > 0) take(output)
      this.#waiting = taken === input.length ? NOTHING : Buffer.from(input.subarray(taken))
    }
  }
}

/** Room for output that is used again by the next step. */
export class Room {
  #buffer = NOTHING

  of(octets: number): Buffer {
    if (this.#buffer.length < octets) this.#buffer = Buffer.allocUnsafeSlow(octets)
    return this.#buffer
  }
}
