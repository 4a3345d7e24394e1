import { Boundaries, type Delimiter } from './boundaries.ts'
import { HeadReader, type PartHead } from './part-head.ts'
import type { MimeHandler } from './reader.ts'

/** A part that has begun and not ended. */
export interface Open {
  /** How many there are around it. */
  readonly depth: number
  /** Its type when it does not say. */
  readonly usual: string
  /** The type of its parts when they do not say. */
  within: string
  /** While it is looked for. */
  boundary: string | undefined
}

const NOTHING = Buffer.alloc(0)

/** The parts of a message that are open, and what of the one within all others is being read; tells the handler of it. */
export class OpenParts {
  readonly boundaries: Boundaries<Open> = new Boundaries()
  readonly #handler: MimeHandler
  readonly #maxDepth: number
  /** Outermost first. */
  readonly #open: Open[] = []
  #head = new HeadReader()
  #where: 'header' | 'body' | 'preamble' | 'epilogue' = 'header'

  constructor(handler: MimeHandler, maxDepth: number) {
    this.#handler = handler
    this.#maxDepth = maxDepth
  }

  get inHeader(): boolean {
    return this.#where === 'header'
  }

  /** The message begins, if it has not. */
  start(): void {
    if (this.#open.length === 0) this.#begin('text/plain')
  }

  field(name: string | undefined, raw: Uint8Array): void {
    if (name !== undefined) this.#head.field(name, raw)
    this.#handler.field(name, raw)
  }

  /** The header has come to its empty line. */
  headerEnds(emptyLine: Uint8Array): void {
    const part = this.#open.at(-1)
    const { kind, boundary, type } = this.#endHead(emptyLine)
    if (kind === 'message') {
      this.#begin('text/plain')
      return
    }
    this.#where = kind === 'multipart' ? 'preamble' : 'body'
    if (kind !== 'multipart' || !part || boundary === undefined) return
    if (type === 'multipart/digest') part.within = 'message/rfc822'
    part.boundary = boundary
    this.boundaries.open(boundary, part)
  }

  /** What is no header and no delimiter. */
  content(octets: Uint8Array): void {
    if (octets.length === 0) return
    if (this.#where === 'body') this.#handler.body(octets)
    else if (this.#where !== 'header') this.#handler.between(octets, this.#where)
  }

  /** A delimiter ends what is within its multipart, and begins a part unless it closes. */
  delimited({ owner, closing }: Delimiter<Open>, line: Uint8Array): void {
    this.#endDownTo(owner.depth + 1)
    this.#handler.between(line, 'delimiter')
    if (closing) {
      this.#forget(owner)
      this.#where = 'epilogue'
    } else this.#begin(owner.within)
  }

  /** Everything ends with the message. */
  end(): void {
    this.#endDownTo(0)
  }

  #begin(usual: string): void {
    const depth = this.#open.length
    this.#open.push({ depth, usual, within: 'text/plain', boundary: undefined })
    this.#head = new HeadReader()
    this.#where = 'header'
    this.#handler.partBegins(depth)
  }

  #endHead(raw: Uint8Array): PartHead {
    const { usual = '', depth = 0 } = this.#open.at(-1) ?? {}
    const head = this.#head.end(usual, depth < this.#maxDepth)
    this.#handler.headerEnds(raw, head)
    return head
  }

  #endDownTo(depth: number): void {
    if (this.#where === 'header') this.#endHead(NOTHING)
    while (this.#open.length > depth) {
      const part = this.#open.pop()
      if (part) this.#forget(part)
      this.#handler.partEnds()
    }
  }

  /** Its boundary is not looked for any more. */
  #forget(part: Open): void {
    if (part.boundary !== undefined) this.boundaries.close(part.boundary)
    part.boundary = undefined
  }
}
