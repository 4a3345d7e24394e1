import { COMPILED } from './compiled.ts'
import type { Encoder, Kernels, LineFacts } from './kernels.ts'

/** As much of `globalThis.WebAssembly` as is used. */
export interface WebAssemblyEngine {
  readonly Module: new (octets: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

/** What kernels.c exports; addresses are of bytes. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  window(): number
  input(): number
  expanded(): number
  output(): number
  result(): number
  prepare(): void
  scan(length: number, afterCr: number): number
  base64(length: number, last: number): number
  qpText(length: number, pending: number, last: number): number
  qpBinary(length: number, pending: number, last: number): number
}

const NOTHING: Buffer = Buffer.alloc(0)
const BASE64_LINE = 57
const NUL = 1
const BARE = 2

/** Undefined where there is no WebAssembly, or none with SIMD. */
export const simdKernels = (engine: WebAssemblyEngine | undefined): Kernels | undefined => {
  if (engine === undefined) return undefined
  try {
    const instance = new engine.Instance(new engine.Module(Buffer.from(COMPILED, 'base64')))
    return new SimdKernels(instance.exports as Exports)
  } catch {
    return undefined
  }
}

/** Its memory is scratch during a call: encoders keep what they need of it, so that any number of them share one. */
class SimdKernels implements Kernels {
  readonly name = 'simd'
  readonly #wasm: Exports
  readonly #memory: Buffer
  readonly #window: number
  readonly #input: number
  readonly #expanded: number
  readonly #output: number
  readonly #result: Int32Array

  constructor(wasm: Exports) {
    wasm.prepare()
    this.#wasm = wasm
    this.#memory = Buffer.from(wasm.memory.buffer)
    this.#window = wasm.window()
    this.#input = wasm.input()
    this.#expanded = wasm.expanded()
    this.#output = wasm.output()
    this.#result = new Int32Array(wasm.memory.buffer, wasm.result(), 4)
  }

  scan(octets: Uint8Array, facts: LineFacts): void {
    for (let at = 0; at < octets.length; at += this.#window) this.#scan(octets.subarray(at, at + this.#window), facts)
  }

  #scan(octets: Uint8Array, facts: LineFacts): void {
    this.#memory.set(octets, this.#input)
    const found = this.#wasm.scan(octets.length, facts.afterCr ? 1 : 0)
    const [first = 0, last = 0, longest = 0, eightBit = 0] = this.#result
    if (found & NUL) facts.nul = true
    if (found & BARE) facts.bareNewline = true
    facts.eightBit += eightBit
    // Ends come with their CRLF, which is not part of the line.
    if (first > 0) facts.longest = Math.max(facts.longest, facts.line + first - 2, longest - 2)
    facts.line = first > 0 ? octets.length - last : facts.line + octets.length
    facts.afterCr = octets[octets.length - 1] === 13
  }

  base64(): Encoder {
    let waiting: Buffer = NOTHING
    return this.#encoder(this.#window - BASE64_LINE, (octets, last) => {
      const length = this.#put(waiting, octets, this.#input)
      const size = this.#wasm.base64(length, last ? 1 : 0)
      const end = this.#input + length
      waiting = last ? NOTHING : this.#copy(end - (length % BASE64_LINE), end)
      return size
    })
  }

  quotedPrintable(lines: 'text' | 'binary'): Encoder {
    const encode = lines === 'text' ? this.#wasm.qpText : this.#wasm.qpBinary
    // The last two octets: one that is done with, and one that is not before it is known what follows.
    let before = 0
    let waiting: Buffer = NOTHING
    let pending: Buffer = NOTHING
    return this.#encoder(this.#window - 1, (octets, last) => {
      const memory = this.#memory
      memory[this.#input - 1] = before
      const length = this.#put(waiting, octets, this.#input)
      const size = encode(length, this.#put(pending, NOTHING, this.#expanded), last ? 1 : 0)
      const end = this.#input + length
      before = memory[end - 2] as number
      waiting = this.#copy(end - 1, end)
      pending = this.#copy(this.#expanded, this.#expanded + (this.#result[0] as number))
      return size
    })
  }

  /** `encode` takes `most` octets at once at most, and returns how many it has put out. */
  #encoder(most: number, encode: (octets: Uint8Array, last: boolean) => number): Encoder {
    const pieces = function* (chunk: Uint8Array): Generator<number> {
      for (let at = 0; at < chunk.length; at += most) yield encode(chunk.subarray(at, at + most), false)
    }
    const output = (size: number): Buffer => this.#copy(this.#output, this.#output + size)
    return {
      write: (chunk) => {
        // Nearly every chunk is but one piece.
        if (chunk.length > 0 && chunk.length <= most) return output(encode(chunk, false))
        return Buffer.concat([...pieces(chunk).map(output)])
      },
      end: () => output(encode(NOTHING, true)),
      each: (chunk, take) => {
        const give = (size: number) => take(this.#memory.subarray(this.#output, this.#output + size))
        if (chunk === undefined) give(encode(NOTHING, true))
        else if (chunk.length > 0 && chunk.length <= most) give(encode(chunk, false))
        else for (const size of pieces(chunk)) give(size)
      },
    }
  }

  /** Returns how many octets they are together. */
  #put(first: Uint8Array, second: Uint8Array, at: number): number {
    if (first.length > 0) this.#memory.set(first, at)
    if (second.length > 0) this.#memory.set(second, at + first.length)
    return first.length + second.length
  }

  #copy(from: number, end: number): Buffer {
    return Buffer.from(this.#memory.subarray(from, end))
  }
}
