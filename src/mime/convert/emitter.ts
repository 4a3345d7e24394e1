import type { PartHead } from '../part-head.ts'
import type { MimeHandler } from '../reader.ts'
import { type Encoder, eachPiece } from '../transfer-encoding.ts'
import { encoderFor, endsInLines } from './body.ts'
import type { Decision } from './codes.ts'
import { HeaderWriter, type WrittenField } from './header.ts'
import { addedFields, fitDelimiter, labelField, type Part, placeIn } from './part.ts'
import type { ConversionRules } from './rules.ts'

interface Emitted extends Part {
  readonly decision: Decision
  relabelled: boolean
  /** Of what is being read: the body, the preamble, the epilogue. */
  encoder: Encoder | undefined
  /** It gives lines of base64, whose last needs no end of its own where a delimiter follows. */
  isBase64: boolean
  inEpilogue: boolean
}

const CRLF = Buffer.from('\r\n')

/** The second pass: does with each part what the first has decided. */
export class Emitter implements MimeHandler {
  readonly #rules: ConversionRules
  readonly #next: () => Decision
  readonly #emit: (octets: Uint8Array) => void
  readonly #open: Emitted[] = []
  /** A CRLF is held back. */
  #lineEnd = false

  /** `next`: the decisions one by one. `emit` gets octets that are valid during the call only. */
  constructor(rules: ConversionRules, next: () => Decision, emit: (octets: Uint8Array) => void) {
    this.#rules = rules
    this.#next = next
    this.#emit = emit
  }

  partBegins(depth: number): void {
    const part: Emitted = {
      depth,
      ...placeIn(this.#open.at(-1)),
      header: new HeaderWriter(this.#rules, (field) => this.#written(part, field)),
      decision: this.#next(),
      relabelled: false,
      encoder: undefined,
      isBase64: false,
      inEpilogue: false,
    }
    this.#open.push(part)
  }

  field(name: string | undefined, raw: Uint8Array): void {
    this.#top.header.field(name, raw)
  }

  headerEnds(raw: Uint8Array, head: PartHead): void {
    const part = this.#top
    part.header.end()
    part.head = head
    this.#emit(Buffer.from(addedFields(part, part.decision), 'latin1'))
    this.#emit(raw)
    part.encoder = encoderFor(part.decision.fate, part.isBodyPart)
    part.isBase64 = endsInLines(part.decision.fate)
  }

  body(octets: Uint8Array): void {
    const part = this.#top
    if (part.encoder) eachPiece(part.encoder, octets, (piece) => this.#encoded(part, piece))
    else this.#encoded(part, octets)
  }

  between(octets: Uint8Array, what: 'preamble' | 'delimiter' | 'epilogue'): void {
    const part = this.#top
    if (what === 'delimiter') {
      this.#flush(part)
      this.#lineEnd = false
      this.#emit(fitDelimiter(octets, this.#rules.maxLine))
      return
    }
    if (what === 'epilogue' && !part.inEpilogue) {
      part.inEpilogue = true
      part.encoder = encoderFor(this.#next().fate, true)
    }
    this.body(octets)
  }

  partEnds(): void {
    this.#flush(this.#top)
    this.#open.pop()
  }

  /** Nothing follows. */
  ends(): void {
    if (this.#lineEnd) this.#emit(CRLF)
    this.#lineEnd = false
  }

  get #top(): Emitted {
    const part = this.#open.at(-1)
    if (part === undefined) throw new Error('No part is open')
    return part
  }

  #written(part: Emitted, { octets, isLabel }: WrittenField): void {
    const { label } = part.decision
    if (!isLabel || label === undefined) this.#emit(octets)
    else if (!part.relabelled) {
      part.relabelled = true
      this.#emit(Buffer.from(labelField(label), 'latin1'))
    }
  }

  #flush(part: Emitted): void {
    if (part.encoder) eachPiece(part.encoder, undefined, (piece) => this.#encoded(part, piece))
    part.encoder = undefined
  }

  #encoded(part: Emitted, octets: Uint8Array): void {
    if (octets.length === 0) return
    this.ends()
    this.#lineEnd = part.isBase64 && octets[octets.length - 1] === 10
    this.#emit(this.#lineEnd ? octets.subarray(0, -2) : octets)
  }
}
