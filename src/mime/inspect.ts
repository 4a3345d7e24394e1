import { isAscii } from 'node:buffer'
import type { BodyFacts } from '../mail/facts.ts'
import { bodyFacts } from './body-facts.ts'
import { type Header, readHeader } from './fields.ts'
import { HeaderEnd } from './header-end.ts'
import { octetScan } from './octet-scan.ts'
import { asBuffer } from './octets.ts'
import { hasStructure, StructureScan } from './structure.ts'

/** Finds out, in one pass and for any chunk borders, what is true of a message; keeps of it nothing but the header. */
export interface Inspector {
  /** The chunk may be reused afterwards. */
  write(chunk: Uint8Array): void
  /** The empty line that ends the header has been met: who wants the header only can stop. */
  readonly headerEnded: boolean
  end(): Inspection
}

export interface Inspection {
  readonly facts: BodyFacts
  /** Cut after `maxHeader` octets. */
  readonly header: Header
  /** The header did not fit; the facts are right nevertheless. */
  readonly headerTooLong: boolean
}

/** As much at once as is looked at in each way while the cache still has it. */
const WINDOW = 65_536
const NOTHING = Buffer.alloc(0)

/** `maxHeader`: octets of the header to keep at most, its empty line included. */
export const inspector = (options: { readonly maxHeader: number }): Inspector => new OnePass(options.maxHeader)

class OnePass implements Inspector {
  readonly #maxHeader: number
  #header: Buffer = NOTHING
  #kept = 0
  #octets = 0
  #eightBitHeader = false
  #headerEnd: number | undefined
  readonly #untilHeaderEnd = new HeaderEnd()
  readonly #scan = octetScan()
  /** What is kept of the header, once that is known to be all there is to keep. */
  #wholeHeader: Header | undefined
  #structure: StructureScan | undefined

  constructor(maxHeader: number) {
    this.#maxHeader = maxHeader
  }

  write(chunk: Uint8Array): void {
    const octets = asBuffer(chunk)
    if (octets.length > WINDOW) {
      for (let from = 0; from < octets.length; from += WINDOW) this.#inspect(octets.subarray(from, from + WINDOW))
    } else if (octets.length > 0) this.#inspect(octets)
  }

  get headerEnded(): boolean {
    return this.#headerEnd !== undefined
  }

  end(): Inspection {
    const headerOctets = this.#headerEnd ?? this.#octets
    const header = this.#wholeHeader ?? this.#takeApart()
    return {
      facts: bodyFacts(
        this.#scan.end(),
        { eightBitHeader: this.#eightBitHeader, headerOctets },
        this.#structure?.end() ?? {},
      ),
      header,
      headerTooLong: headerOctets > this.#maxHeader,
    }
  }

  #inspect(octets: Buffer): void {
    const begins = this.#octets
    this.#octets += octets.length
    this.#scan.write(octets)
    if (this.#headerEnd === undefined) {
      const end = this.#untilHeaderEnd.find(octets)
      if (end !== undefined) this.#headerEnd = begins + end
      this.#keep(octets, end ?? octets.length)
    }
    if (this.#wholeHeader) this.#structure?.write(octets)
    else if (this.#headerEnd !== undefined || this.#octets > this.#maxHeader) {
      this.#takeApart()
      this.#structure?.write(octets.subarray(this.#kept - begins))
    }
  }

  /** What follows the kept octets has to be seen as well where there is any structure. */
  #takeApart(): Header {
    const kept = this.#header.subarray(0, this.#kept)
    const header = readHeader(kept)
    this.#wholeHeader = header
    if (this.#kept === this.#maxHeader || hasStructure(header, this.#eightBitHeader)) {
      this.#structure = new StructureScan()
      this.#structure.write(kept)
    }
    return header
  }

  /** So many octets belong to the header. */
  #keep(octets: Buffer, count: number): void {
    this.#eightBitHeader ||= !isAscii(octets.subarray(0, count))
    const needed = Math.min(this.#maxHeader, this.#kept + count)
    if (needed > this.#header.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#maxHeader, Math.max(2 * needed, 1024)))
      this.#header.copy(grown, 0, 0, this.#kept)
      this.#header = grown
    }
    this.#kept += octets.copy(this.#header, this.#kept, 0, needed - this.#kept)
  }
}
