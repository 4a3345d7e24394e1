import type { Filter } from '../../mail/features/filter.ts'
import { filterLines } from '../../mail/features/write-filter.ts'
import type { Instant } from '../../mail/instant.ts'
import { closedQp } from '../convert/closed-qp.ts'
import { rfc5322Date } from '../date.ts'
import { foldField } from '../fold.ts'
import { base64, type Encoder, eachPiece, quotedPrintable } from '../transfer-encoding.ts'
import { type Decision, newLabel } from './decisions.ts'
import { mimeEvents } from './events.ts'
import { type OpenPart, OpenStack } from './open-part.ts'
import { Conversion } from './survey.ts'

/** Who converts, and when: for Content-Previous. */
export interface Converting {
  readonly by: string
  readonly now: Instant
}

/** Fields that are written anew, or go. */
const WRITTEN = /^content-(?:transfer-encoding|features)$/i

/** The message with its parts as they were decided on. Of the same content, the converters may make others each time. */
export async function* rewritten(
  content: AsyncIterable<Uint8Array>,
  decisions: ReadonlyMap<number, Decision>,
  converting: Converting,
): AsyncGenerator<Uint8Array, void> {
  const stack = new OpenStack()
  let changed: ChangedPart | undefined
  try {
    for await (const event of mimeEvents(content)) {
      const part = stack.take(event)
      const decision = decisions.get(part.index)
      if (event.is === 'begin' && decision) changed = new ChangedPart(part, decision, converting)
      if (event.is === 'begin') continue
      if (event.is === 'end') {
        if (changed) yield* changed.end()
        changed = undefined
      } else if (changed) {
        if (event.is === 'field') yield* changed.field(event.name, event.raw)
        else if (event.is === 'head') yield* changed.head(event.raw)
        else yield* changed.body(event.octets)
      } else if (event.is === 'field' || event.is === 'head') yield event.raw
      else yield event.octets
    }
  } finally {
    await changed?.close()
  }
}

class ChangedPart {
  readonly #part: OpenPart
  readonly #decision: Decision
  readonly #converting: Converting
  readonly #label: ReturnType<typeof newLabel>
  readonly #conversion: Conversion
  readonly #encoder: Encoder | undefined
  #dropping = false
  #typed = false

  constructor(part: OpenPart, decision: Decision, converting: Converting) {
    this.#part = part
    this.#decision = decision
    this.#converting = converting
    this.#label = newLabel(decision, part.isBodyPart)
    this.#conversion = new Conversion(decision)
    this.#encoder = encoderOf(this.#label, part.isBodyPart)
  }

  *field(name: string | undefined, raw: Uint8Array): Generator<Uint8Array, void> {
    const isType = name?.toLowerCase() === 'content-type'
    if (name !== undefined) this.#dropping = WRITTEN.test(name) || isType
    if (isType && !this.#typed) yield this.#type()
    if (!this.#dropping) yield raw
  }

  #type(): Uint8Array {
    this.#typed = true
    return Buffer.from(foldField('Content-Type', this.#decision.candidates[0]?.to.contentType ?? ''), 'latin1')
  }

  *head(emptyLine: Uint8Array): Generator<Uint8Array, void> {
    const { from, candidates } = this.#decision
    const { by, now } = this.#converting
    if (!this.#typed) yield this.#type()
    const previous = `Date ${rfc5322Date(now)};\r\n By ${by};\r\n ${folded(from.features)}`
    const fields = [
      ...(this.#part.isMessage && !this.#part.hasMimeVersion ? ['MIME-Version: 1.0'] : []),
      `Content-Transfer-Encoding: ${this.#label}`,
      `Content-Previous: ${previous}`,
      `Content-Features: ${folded(candidates[0]?.to.features ?? from.features)}`,
    ]
    yield Buffer.from(fields.map((field) => `${field}\r\n`).join(''), 'latin1')
    yield emptyLine
  }

  async *body(octets: Uint8Array): AsyncGenerator<Uint8Array, void> {
    for await (const piece of this.#conversion.write(octets)) yield* this.#encoded(piece)
  }

  async *end(): AsyncGenerator<Uint8Array, void> {
    for await (const piece of this.#conversion.end()) yield* this.#encoded(piece)
    if (this.#encoder) yield* this.#encoded(undefined)
    await this.close()
  }

  *#encoded(piece: Uint8Array | undefined): Generator<Uint8Array, void> {
    if (this.#encoder === undefined) {
      if (piece) yield piece
      return
    }
    const pieces: Uint8Array[] = []
    eachPiece(this.#encoder, piece, (one) => pieces.push(Uint8Array.from(one)))
    yield* pieces
  }

  async close(): Promise<void> {
    await this.#conversion.close()
  }
}

const encoderOf = (label: ReturnType<typeof newLabel>, isBodyPart: boolean): Encoder | undefined => {
  if (label === 'base64') return base64()
  if (label !== 'quoted-printable') return undefined
  const encoder = quotedPrintable({ lines: 'text' })
  return isBodyPart ? encoder : closedQp(encoder)
}

const folded = (features: Filter): string => filterLines(features, 74).join('\r\n ')
