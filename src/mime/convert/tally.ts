import { octetScan, type ScanFacts } from '../octet-scan.ts'

/** So much is put together before it is looked at: most pieces are very short. */
const ROOM = 8192

/**
 * Facts of a message put together from those of its pieces: bodies, which are known by their facts, and what stands
 * between them, which begins and ends with its lines.
 */
export class Tally {
  readonly #scan = octetScan()
  readonly #room = Buffer.allocUnsafeSlow(ROOM)
  #used = 0
  /** Of all but what has been scanned. */
  #known: ScanFacts = this.#scan.end()
  #lastIsKnown = false

  /** What is no body. */
  write(octets: Uint8Array): void {
    if (octets.length === 0) return
    this.#lastIsKnown = false
    if (this.#used + octets.length > ROOM) this.#look()
    if (octets.length > ROOM) this.#scan.write(octets)
    else {
      this.#room.set(octets, this.#used)
      this.#used += octets.length
    }
  }

  /** A body. */
  add(body: ScanFacts): void {
    if (body.octets === 0) return
    this.#known = both(this.#known, body)
    this.#lastIsKnown = true
  }

  /** What belongs further above; unless it breaks off, for then it is the end of all. */
  insert(piece: ScanFacts): void {
    const { endsWithNewline } = this.#known
    this.#known = both(this.#known, piece)
    if (piece.endsWithNewline) this.#known = { ...this.#known, endsWithNewline }
    else this.#lastIsKnown = true
  }

  /** The CRLF at the end of the last body is not needed. */
  dropLineEnd(): void {
    this.#known = { ...this.#known, octets: this.#known.octets - 2 }
  }

  facts(): ScanFacts {
    this.#look()
    const scanned = this.#scan.end()
    const { endsWithNewline } = this.#lastIsKnown ? this.#known : scanned
    return { ...both(scanned, this.#known), endsWithNewline }
  }

  #look(): void {
    this.#scan.write(this.#room.subarray(0, this.#used))
    this.#used = 0
  }
}

const both = (one: ScanFacts, other: ScanFacts): ScanFacts => ({
  octets: one.octets + other.octets,
  eightBit: one.eightBit + other.eightBit,
  nul: one.nul || other.nul,
  bareNewline: one.bareNewline || other.bareNewline,
  longestLine: Math.max(one.longestLine, other.longestLine),
  endsWithNewline: other.endsWithNewline,
  notUtf8: one.notUtf8 || other.notUtf8,
})
