import { kernels as fastest } from './kernels/fastest.ts'
import type { Kernels, LineFacts } from './kernels/kernels.ts'
import { Utf8Scan } from './utf8-scan.ts'

/** Facts of octets, for any cuts. */
export interface OctetScan {
  /** The chunk may be reused afterwards. */
  write(chunk: Uint8Array): void
  /** Of what was written so far; more may follow. */
  end(): ScanFacts
}

export interface ScanFacts {
  readonly octets: number
  /** How many octets are above 127. */
  readonly eightBit: number
  readonly nul: boolean
  /** A CR without LF, or an LF without CR. */
  readonly bareNewline: boolean
  /** Octets of the longest line, its CRLF not counted; CRLF alone ends a line. */
  readonly longestLine: number
  /** The last line has its CRLF; nothing at all counts as ended. */
  readonly endsWithNewline: boolean
  /** The octets are not UTF-8. */
  readonly notUtf8: boolean
}

export const octetScan = (kernels: Kernels = fastest): OctetScan => new Scan(kernels)

class Scan implements OctetScan {
  readonly #kernels: Kernels
  readonly #facts: LineFacts = { eightBit: 0, nul: false, bareNewline: false, longest: 0, line: 0, afterCr: false }
  readonly #utf8 = new Utf8Scan()
  #octets = 0

  constructor(kernels: Kernels) {
    this.#kernels = kernels
  }

  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    const before = this.#facts.eightBit
    this.#kernels.scan(chunk, this.#facts)
    this.#octets += chunk.length
    this.#utf8.write(chunk, this.#facts.eightBit === before)
  }

  end(): ScanFacts {
    const { eightBit, nul, bareNewline, longest, line, afterCr } = this.#facts
    return {
      octets: this.#octets,
      eightBit,
      nul,
      bareNewline: bareNewline || afterCr,
      longestLine: Math.max(longest, line),
      endsWithNewline: line === 0,
      notUtf8: !this.#utf8.valid,
    }
  }
}
