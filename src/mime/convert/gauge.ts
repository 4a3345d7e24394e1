import { type OctetScan, octetScan, type ScanFacts } from '../octet-scan.ts'
import { type Encoder, eachPiece } from '../transfer-encoding.ts'

/** A body that is not longer waits: many are short, and need nothing. */
const SHORT = 4096

/** Finds out what comes out of an encoder, without keeping it. */
export class Gauge {
  readonly #make: () => Encoder
  #waiting: Uint8Array[] = []
  #size = 0
  #running: { readonly encoder: Encoder; readonly scan: OctetScan } | undefined

  constructor(make: () => Encoder) {
    this.#make = make
  }

  /** The octets may be reused afterwards. */
  write(octets: Uint8Array): void {
    this.#size += octets.length
    if (this.#size <= SHORT) this.#waiting.push(Uint8Array.from(octets))
    else this.#run(octets)
  }

  end(): ScanFacts {
    const { scan } = this.#run(undefined)
    return scan.end()
  }

  #run(octets: Uint8Array | undefined) {
    this.#running ??= { encoder: this.#make(), scan: octetScan() }
    const { encoder, scan } = this.#running
    for (const piece of [...this.#waiting, octets]) eachPiece(encoder, piece, (output) => scan.write(output))
    if (this.#waiting.length > 0) this.#waiting = []
    return this.#running
  }
}
