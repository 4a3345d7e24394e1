import { BadFilter, type Filter } from '../../mail/features/filter.ts'
import { readFilter } from '../../mail/features/read-filter.ts'
import { unfold } from '../fields.ts'
import type { PartHead } from '../part-head.ts'
import { isSealed } from '../structure.ts'
import type { MimeEvent } from './events.ts'
import { type ContentForm, formOf } from './form.ts'

/** A part of which the end has not come. */
export interface OpenPart {
  /** Parts that began before it. */
  readonly index: number
  readonly depth: number
  /** The message itself, or one that is enclosed. */
  readonly isMessage: boolean
  /** A delimiter comes behind it, if the message is whole. */
  readonly isBodyPart: boolean
  /** Why nothing in it may be converted. */
  readonly closed: string | undefined
  /** By lower-case name, the values of those fields that say something about the content. */
  readonly said: Map<string, string[]>
  hasMimeVersion: boolean
  head?: PartHead
}

const SAYS = /^content-(?:type|convert|features)$/

/** The parts that are open, as events tell of them. */
export class OpenStack {
  readonly #open: OpenPart[] = []
  #begun = 0

  /** The part that the event is about. */
  take(event: MimeEvent): OpenPart {
    if (event.is === 'begin') this.#begin(event.depth)
    const part = this.#open.at(-1)
    if (part === undefined) throw new Error('No part is open')
    if (event.is === 'field') note(part, event.name, event.raw)
    else if (event.is === 'head') part.head = event.head
    else if (event.is === 'end') this.#open.pop()
    return part
  }

  #begin(depth: number): void {
    const around = this.#open.at(-1)
    this.#open.push({
      index: this.#begun++,
      depth,
      isMessage: around === undefined || around.head?.kind === 'message',
      isBodyPart: around !== undefined && (around.isBodyPart || around.head?.kind === 'multipart'),
      closed: around && (around.closed ?? closing(around)),
      said: new Map(),
      hasMimeVersion: false,
    })
  }
}

const note = (part: OpenPart, name: string | undefined, raw: Buffer): void => {
  const lower = name?.toLowerCase() ?? ''
  if (lower === 'mime-version') part.hasMimeVersion = true
  if (!SAYS.test(lower)) return
  const text = raw.toString('latin1')
  const values = part.said.get(lower) ?? []
  // Two are enough to contradict each other.
  if (values.length < 2) part.said.set(lower, [...values, unfold(text.slice(text.indexOf(':') + 1))])
}

/** What a part that has others in it means for those. */
const closing = (part: OpenPart): string | undefined => {
  if (part.head && isSealed(part.head.type)) return 'it is signed or encrypted'
  if (part.head?.kind === 'message') return 'it belongs to an enclosed message'
  return part.said.get('content-convert')?.some((value) => /^none$/i.test(value))
    ? 'its originator permits no conversion of what it is in'
    : undefined
}

/** The form that a leaf has, by what its header says. */
export const currentForm = ({ head, said }: OpenPart): ContentForm => {
  const [features] = said.get('content-features') ?? []
  const type = head?.type ?? 'text/plain'
  return formOf(
    type,
    head?.charset,
    said.get('content-type')?.[0] ?? '',
    features === undefined ? undefined : tolerant(features),
  )
}

/** What one cannot read says nothing. */
const tolerant = (text: string): Filter | undefined => {
  try {
    return readFilter(text)
  } catch (error) {
    if (error instanceof BadFilter) return undefined
    throw error
  }
}

/** What may be made of a part, as its originator has it (RFC 4141 section 7): anything, these forms, or a reason why nothing. */
export const permission = (part: OpenPart): 'any' | Filter | { readonly why: string } => {
  if (part.closed !== undefined) return { why: part.closed }
  if (part.head && isSealed(part.head.type)) return { why: 'it is signed or encrypted' }
  const [value, other] = part.said.get('content-convert') ?? []
  if (value === undefined || other !== undefined) return { why: 'its originator does not say what may be made of it' }
  if (/^any$/i.test(value)) return 'any'
  if (/^none$/i.test(value)) return { why: 'its originator permits no conversion' }
  return tolerant(value) ?? { why: 'what its originator permits cannot be read' }
}

/** Its transfer encoding, lower case; undefined where its fields contradict each other. */
export const labelOf = ({ head }: OpenPart): string | undefined =>
  head?.encodingConflict ? undefined : (head?.encoding ?? '')
