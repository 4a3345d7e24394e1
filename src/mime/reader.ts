import type { Boundaries, Delimiter, Found } from './boundaries.ts'
import { FieldCutter } from './field-cutter.ts'
import { Gathered } from './gathered.ts'
import { asBuffer } from './octets.ts'
import { type Open, OpenParts } from './open-parts.ts'
import type { PartHead } from './part-head.ts'

/**
 * What a message is made of, as it is met. The octets handed over are, one after the other, those of the message; they are
 * views, valid during the call only.
 */
export interface MimeHandler {
  /** A header begins: the message's own at depth 0, a body part's, an enclosed message's. */
  partBegins(depth: number): void
  /**
   * One field with its line ends as it stands. `name`, its first 100 octets, is '' for a line that is no field. A field of more than 64 KiB comes
   * in pieces: the further ones with `name` undefined.
   */
  field(name: string | undefined, raw: Uint8Array): void
  /** The header is over; `raw` is the empty line, or nothing when a delimiter or the end came before one. */
  headerEnds(raw: Uint8Array, head: PartHead): void
  /** Octets of a leaf's body, without the CRLF that belongs to the delimiter after it. */
  body(octets: Uint8Array): void
  /** What stands between parts; a delimiter line with the CRLF before it, if that is not the end of a header, and the one behind. */
  between(octets: Uint8Array, what: 'preamble' | 'delimiter' | 'epilogue'): void
  partEnds(): void
}

type Judged = Found<Open> | EmptyLine

interface EmptyLine {
  readonly is: 'empty'
  readonly end: number
}

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const DASH = 45
const CRLF = Buffer.from('\r\n')
const CRLF_DASHES = Buffer.from('\r\n--')
const NOTHING = Buffer.alloc(0)
/** So many octets at once are added to a line that could not be judged. */
const MORE = 4200

/**
 * Takes a message apart, for any chunk borders, in one pass and without recursion. Keeps no more than one field of at most
 * 64 KiB, one line that may be a delimiter, and the boundaries that are open. Nothing that is wrong with a message is an
 * error: parts that are not closed end with what they are in, or with the message (RFC 2046 5.1.2).
 */
export class MimeReader {
  readonly #parts: OpenParts
  readonly #boundaries: Boundaries<Open>
  readonly #fields: FieldCutter
  /** In a header: within a line, which has been judged. */
  #inLine = false
  /** In such a line: the last octet was a CR. */
  #cr = false
  /** In what is no header: at the start of a line, the CRLF before it having been handed over. */
  #fresh = false
  /** A line, in what is no header with the CRLF before it, that cannot be judged before more of it comes. */
  readonly #carry = new Gathered()

  /** `maxDepth`: parts at this depth are not taken apart any further; default 100. */
  constructor(handler: MimeHandler, options: { readonly maxDepth?: number } = {}) {
    this.#parts = new OpenParts(handler, options.maxDepth ?? 100)
    this.#boundaries = this.#parts.boundaries
    this.#fields = new FieldCutter((name, raw) => this.#parts.field(name, raw))
  }

  write(chunk: Uint8Array): void {
    const octets = asBuffer(chunk)
    this.#parts.start()
    for (let at = 0; at < octets.length; ) {
      if (this.#carry.length > 0) at = this.#resume(octets, at)
      else if (this.#parts.inHeader) at = this.#header(octets, at)
      else at = this.#content(octets, at)
    }
  }

  /** The message is over; nothing is to be written after it. */
  end(): void {
    this.#parts.start()
    const line = this.#carry.octets
    if (line.length > 0) this.#carried(line, this.#judgeCarry(true))
    this.#fields.finish(NOTHING)
    this.#parts.end()
  }

  #header(octets: Buffer, start: number): number {
    let from = start
    for (let at = start; ; ) {
      if (this.#inLine) {
        at = this.#lineEnd(octets, at)
        if (at < 0) break
        this.#inLine = false
      }
      const first = octets[at]
      if (first === undefined) break
      if (first === CR || first === DASH) {
        const found = this.#judgeInHeader(octets, at, false)
        if (found.is === 'undecided') {
          this.#fields.keep(octets.subarray(from, at))
          this.#carry.add(octets.subarray(at))
          return octets.length
        }
        if (found.is !== 'text') {
          this.#fields.finish(octets.subarray(from, at))
          this.#turn(found, octets.subarray(at, found.end))
          return found.end
        }
      }
      if (first !== SPACE && first !== TAB) {
        this.#fields.finish(octets.subarray(from, at))
        from = at
      }
      this.#inLine = true
    }
    this.#fields.keep(octets.subarray(from))
    return octets.length
  }

  /** Behind the CRLF of the line; -1 when it has not come. */
  #lineEnd(octets: Buffer, at: number): number {
    const split = this.#cr && octets[at] === LF
    this.#cr = false
    if (split) return at + 1
    // For lines of usual length faster than indexOf.
    for (let end = at; end < octets.length; end++) {
      if (octets[end] === LF && end > at && octets[end - 1] === CR) return end + 1
    }
    this.#cr = octets[octets.length - 1] === CR
    return -1
  }

  #judgeInHeader(octets: Buffer, at: number, last: boolean): Judged {
    if (octets[at] !== CR) return this.#boundaries.judge(octets, at, last)
    const next = octets[at + 1]
    if (next === undefined && !last) return { is: 'undecided' }
    return next === LF ? { is: 'empty', end: at + 2 } : { is: 'text' }
  }

  #content(octets: Buffer, at: number): number {
    if (this.#boundaries.none) {
      this.#fresh = false
      this.#parts.content(octets.subarray(at))
      return octets.length
    }
    if (this.#fresh) {
      const found = this.#boundaries.judge(octets, at, false)
      if (found.is === 'undecided') {
        this.#carry.add(octets.subarray(at))
        return octets.length
      }
      this.#fresh = false
      if (found.is === 'delimiter') {
        this.#turn(found, octets.subarray(at, found.end))
        return found.end
      }
    }
    for (let from = at; ; ) {
      const line = octets.indexOf(CRLF_DASHES, from)
      if (line < 0) return this.#untilLineEnd(octets, at)
      const found = this.#boundaries.judge(octets, line + 2, false)
      if (found.is !== 'text') {
        this.#parts.content(octets.subarray(at, line))
        if (found.is === 'delimiter') {
          this.#turn(found, octets.subarray(line, found.end))
          return found.end
        }
        this.#carry.add(octets.subarray(line))
        return octets.length
      }
      from = line + 4
    }
  }

  /** A line that begins at the end of the chunk may become a delimiter. */
  #untilLineEnd(octets: Buffer, at: number): number {
    const dash = octets[octets.length - 1] === DASH && octets[octets.length - 2] === LF
    const end = octets.length - (dash ? (octets[octets.length - 3] === CR ? 3 : 0) : lineEndOf(octets))
    this.#parts.content(octets.subarray(at, end))
    if (end < octets.length) this.#carry.add(octets.subarray(end))
    return octets.length
  }

  /** More of a line that could not be judged. */
  #resume(octets: Buffer, at: number): number {
    const most = Math.min(octets.length, at + MORE)
    let cr = this.#carry.endsWith(CR)
    let end = at
    while (end < most && !(cr && octets[end] === LF)) cr = octets[end++] === CR
    if (end < most) end++
    this.#carry.add(octets.subarray(at, end))
    const found = this.#judgeCarry(false)
    if (found.is === 'undecided') return end
    const line = this.#carry.octets
    this.#carry.clear()
    // In what is no header, the CRLF at its end may belong to a delimiter after it.
    const kept = found.is === 'text' && !this.#parts.inHeader ? lineEndOf(line) : 0
    this.#carried(line.subarray(0, line.length - kept), found)
    if (kept <= end - at) return end - kept
    this.#carry.add(CRLF)
    return end
  }

  #judgeCarry(last: boolean): Judged {
    const line = this.#carry.octets
    if (this.#parts.inHeader) return this.#judgeInHeader(line, 0, last)
    if (this.#fresh) return this.#boundaries.judge(line, 0, last)
    return line.length > 1 && line[1] !== LF ? { is: 'text' } : this.#boundaries.judge(line, 2, last)
  }

  /** What was carried over is judged. */
  #carried(line: Buffer, found: Judged): void {
    this.#fresh = false
    if (found.is === 'empty' || found.is === 'delimiter') {
      this.#fields.finish(NOTHING)
      this.#turn(found, line)
    } else if (this.#parts.inHeader) {
      this.#fields.finish(NOTHING)
      this.#fields.keep(line)
      const ended = lineEndOf(line)
      this.#inLine = ended !== 2
      this.#cr = ended === 1
    } else this.#parts.content(line)
  }

  /** A line that ends what is being read. */
  #turn(found: Delimiter<Open> | EmptyLine, line: Buffer): void {
    if (found.is === 'empty') this.#parts.headerEnds(line)
    else this.#parts.delimited(found, line)
    this.#inLine = false
    this.#fresh = !this.#parts.inHeader
  }
}

/** How much of a CRLF stands at the end. */
const lineEndOf = (octets: Buffer): number => {
  const last = octets[octets.length - 1]
  if (last === CR) return 1
  return last === LF && octets[octets.length - 2] === CR ? 2 : 0
}
