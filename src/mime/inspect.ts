import { isAscii } from 'node:buffer'
import type { BodyFacts } from '../mail/facts.ts'
import { type Header, readHeader } from './fields.ts'
import { asBuffer } from './octets.ts'
import { hasStructure, StructureScan } from './structure.ts'
import { Utf8Scan } from './utf8-scan.ts'

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

/** As much at once as is searched while the cache still has it. */
const WINDOW = 65_536
const NOTHING = Buffer.alloc(0)

/** `maxHeader`: octets of the header to keep at most, its empty line included. */
export const inspector = (options: { readonly maxHeader: number }): Inspector => new OnePass(options.maxHeader)

class OnePass implements Inspector {
  readonly #maxHeader: number
  #header: Buffer = NOTHING
  #kept = 0
  #octets = 0
  /** Where the line began that is not at its end yet, counted from the first octet of all. */
  #lineStart = 0
  #longest = 0
  /** The last octet so far is a CR. */
  #endsWithCr = false
  #nul = false
  #eightBit = false
  #eightBitHeader = false
  #bare = false
  #headerEnd: number | undefined
  readonly #utf8 = new Utf8Scan()
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
    if (this.#endsWithCr) this.#bare = true
    const longestLine = Math.max(this.#longest, this.#octets - this.#lineStart)
    const binary = this.#nul || this.#bare
    const headerOctets = this.#headerEnd ?? this.#octets
    const header = this.#wholeHeader ?? this.#takeApart()
    return {
      facts: {
        octets: this.#octets,
        encoding: binary ? 'binary' : this.#eightBit ? '8bit' : '7bit',
        longestLine,
        eightBitHeader: this.#eightBitHeader,
        bareNewline: this.#bare,
        nul: this.#nul,
        endsWithNewline: this.#lineStart === this.#octets,
        headerOctets,
        ...(this.#utf8.valid ? {} : { notUtf8: true }),
        ...this.#structure?.end(),
      },
      header,
      headerTooLong: headerOctets > this.#maxHeader,
    }
  }

  #inspect(octets: Buffer): void {
    const begins = this.#octets
    const inHeader = this.#headerEnd === undefined
    this.#nul ||= octets.includes(0)
    this.#lines(octets.toString('latin1'), begins)
    this.#octets += octets.length
    this.#endsWithCr = octets[octets.length - 1] === 13
    const ascii = isAscii(octets)
    this.#eightBit ||= !ascii
    this.#utf8.write(octets, ascii)
    if (inHeader) this.#keep(octets, (this.#headerEnd ?? this.#octets) - begins, ascii)
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
  #keep(octets: Buffer, count: number, ascii: boolean): void {
    this.#eightBitHeader ||= !ascii && !isAscii(octets.subarray(0, count))
    const needed = Math.min(this.#maxHeader, this.#kept + count)
    if (needed > this.#header.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#maxHeader, Math.max(2 * needed, 1024)))
      this.#header.copy(grown, 0, 0, this.#kept)
      this.#header = grown
    }
    this.#kept += octets.copy(this.#header, this.#kept, 0, needed - this.#kept)
  }

  // A string is searched twice as fast as a buffer, its making included.
  #lines(text: string, begins: number): void {
    let from = 0
    if (this.#endsWithCr) {
      if (text.startsWith('\n')) {
        this.#lineEnds(begins - 1)
        from = 1
      } else this.#bare = true
    }
    // While CR and LF have only been met together, one search for each per line shows that they still are.
    while (!this.#bare) {
      const cr = text.indexOf('\r', from)
      const lf = text.indexOf('\n', from)
      if (lf < 0 && (cr < 0 || cr === text.length - 1)) return
      if (cr < 0 || cr + 1 !== lf) {
        this.#bare = true
        break
      }
      this.#lineEnds(begins + cr)
      from = lf + 1
    }
    for (;;) {
      const cr = text.indexOf('\r\n', from)
      if (cr < 0) return
      this.#lineEnds(begins + cr)
      from = cr + 2
    }
  }

  #lineEnds(cr: number): void {
    const length = cr - this.#lineStart
    if (length > this.#longest) this.#longest = length
    else if (length === 0 && this.#headerEnd === undefined) this.#headerEnd = cr + 2
    this.#lineStart = cr + 2
  }
}
