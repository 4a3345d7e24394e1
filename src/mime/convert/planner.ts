import { isAscii } from 'node:buffer'
import { type OctetScan, octetScan, type ScanFacts } from '../octet-scan.ts'
import { hidesParts, type PartHead } from '../part-head.ts'
import { RawFields } from '../raw-fields.ts'
import type { MimeHandler } from '../reader.ts'
import { BodyMeasure, endsInLines, need, type Outcome } from './body.ts'
import type { Decision } from './codes.ts'
import { HeaderWriter, UNLABELLED, type WrittenField } from './header.ts'
import { addedFields, fitDelimiter, isPlain, labelField, type Part, placeIn, seals, truerLabel } from './part.ts'
import { type ConversionRules, type PartFate, Unconvertible } from './rules.ts'
import { factsOf, Summary } from './summary.ts'

interface Planned extends Part {
  where: 'header' | 'body' | 'preamble' | 'parts' | 'epilogue'
  /** Its Content-Transfer-Encoding fields, should they stay. */
  labels?: OctetScan
  /** Where octets above 127 stay in its header: in all fields, and in all but those. */
  raw?: { readonly all: RawFields; readonly others: RawFields }
  /** Of what is being read: the body, the preamble, the epilogue. */
  measure?: BodyMeasure | undefined
  /** Of a preamble, where its multipart claims to be encoded. */
  escape?: BodyMeasure | undefined
  /** Its body may have header fields in it. */
  hides?: boolean
  readonly fields: string[]
}

const TEXT: PartHead = { type: 'text/plain', kind: 'leaf', encoding: '', encodingConflict: false, mime: false }
const KEPT: Decision = { fate: 'kept', label: undefined, eightBit: false }
const DELIMITER_OF = 'A delimiter between parts with'

/** The first pass: decides about each part when its end is seen. Its methods throw Unconvertible. */
export class Planner implements MimeHandler {
  readonly summary: Summary = new Summary()
  readonly #rules: ConversionRules
  /** In the order in which the second pass will want them. */
  readonly #decide: (decision: Decision) => void
  readonly #onPart: ((part: PartFate) => void) | undefined
  readonly #open: Planned[] = []
  #ending = false
  /** What is amiss in the trace of the message, and nothing else so far. */
  #trace: Unconvertible | undefined
  /** The last body ends with a CRLF that is dropped should a delimiter follow. */
  #lineEnd = false

  constructor(rules: ConversionRules, decide: (decision: Decision) => void, onPart?: (part: PartFate) => void) {
    this.#rules = rules
    this.#decide = decide
    this.#onPart = onPart
  }

  /** All octets have been read; what the reader tells from now on is the end of the message. Throws Unconvertible. */
  ends(): void {
    this.#ending = true
    if (this.#trace) throw this.#trace
  }

  partBegins(depth: number): void {
    this.summary.parts++
    this.#open.push({
      depth,
      ...placeIn(this.#open.at(-1)),
      where: 'header',
      header: new HeaderWriter(this.#rules, this.#written),
      fields: [],
    })
  }

  field(name: string | undefined, raw: Uint8Array): void {
    const part = this.#top
    this.summary.fieldBefore(name, part.depth, raw)
    try {
      part.header.field(name, raw)
    } catch (error) {
      // Its sender did not write that: should there be another reason further down, it is the one to be told.
      if (!(error instanceof Unconvertible && error.status === '5.6.9' && part.depth === 0 && isTrace(name)))
        throw error
      this.#trace ??= error
    }
  }

  headerEnds(raw: Uint8Array, head: PartHead): void {
    const part = this.#top
    part.header.end()
    part.head = head
    part.hides = hidesParts(head)
    if (seals(part)) this.summary.sealed = true
    this.summary.headerEnds(part.depth, raw)
    // Cut off, it has no body, and a new label no line to stand on.
    if (raw.length === 0) this.#settle(part, KEPT)
    else if (head.kind === 'message') this.#settle(part, { ...KEPT, label: this.#truerLabel(part, true) })
    else part.where = head.kind === 'multipart' ? 'preamble' : 'body'
  }

  body(octets: Uint8Array): void {
    const part = this.#top
    // What may be header fields of parts.
    if (part.hides) {
      const begins = part.measure === undefined
      this.summary.hiddenBefore(begins ? 'Content-Type' : undefined, part.depth, octets)
      this.#noteRaw(part, { name: 'Content-Type', octets, begins, isLabel: false, changed: false })
    }
    part.measure ??= new BodyMeasure(part.head ?? TEXT, part.header.labels, this.#rules, part.isBodyPart)
    part.measure.write(octets)
  }

  between(octets: Uint8Array, what: 'preamble' | 'delimiter' | 'epilogue'): void {
    const part = this.#top
    if (what === 'delimiter') {
      this.#delimiter(part, octets)
      return
    }
    if (what === 'epilogue') {
      part.where = 'epilogue'
      part.measure ??= new BodyMeasure(TEXT, UNLABELLED, this.#rules, true)
      part.measure.write(octets)
      return
    }
    this.body(octets)
    if (part.header.labels.identity) return
    part.escape ??= new BodyMeasure(TEXT, UNLABELLED, this.#rules, true)
    part.escape.write(octets)
  }

  partEnds(): void {
    const part = this.#top
    if (part.where === 'epilogue') this.#settleBetween(part, 'epilogue')
    // A multipart without a single part is all body.
    else if (part.where === 'body' || part.where === 'preamble') this.#settleBody(part)
    this.#open.pop()
  }

  /** What was being done cannot be done: told as the fate of the part. */
  refused(why: string): void {
    const part = this.#open.at(-1)
    if (part) this.#tell(part, 'part', undefined, part.measure?.facts(), why)
  }

  get #top(): Planned {
    const part = this.#open.at(-1)
    if (part === undefined) throw new Error('No part is open')
    return part
  }

  readonly #written = (field: WrittenField): void => {
    const part = this.#top
    if (field.changed) {
      if (field.changed === 'encoded') this.summary.headers = true
      this.#mustChange(part, part.sealed, 'its header')
      if (part.fields.length < 20 && part.fields.at(-1) !== field.name) part.fields.push(field.name)
    }
    this.summary.fieldAfter(part.depth, field)
    this.#noteRaw(part, field)
    if (!field.isLabel) return
    part.labels ??= octetScan()
    part.labels.write(field.octets)
  }

  #noteRaw(part: Planned, { name, octets, begins, isLabel }: WrittenField): void {
    const known = part.raw !== undefined
    if (!known && isAscii(octets)) return
    part.raw ??= { all: new RawFields(), others: new RawFields() }
    for (const fields of isLabel ? [part.raw.all] : [part.raw.all, part.raw.others]) {
      fields.field(begins || !known ? name : undefined, part.depth, octets)
    }
  }

  #delimiter(part: Planned, octets: Uint8Array): void {
    if (part.where === 'preamble') this.#settleBetween(part, 'preamble')
    part.where = 'parts'
    if (this.#lineEnd) this.summary.after.dropLineEnd()
    this.#lineEnd = false
    const fit = fitDelimiter(octets, this.#rules.maxLine)
    if (fit !== octets) this.#mustChange(part, part.sealed, 'a delimiter that is too long')
    this.summary.after.write(fit)
    const why = isPlain(fit) ? undefined : need(factsOf(fit), this.#rules)
    if (why !== undefined) throw new Unconvertible('5.6.3', `${DELIMITER_OF} ${why}`)
  }

  #settleBody(part: Planned): void {
    const facts = part.measure?.facts()
    const why = part.measure?.why()
    const eightBit = facts !== undefined && facts.eightBit > 0
    if (part.measure === undefined || why === undefined) {
      if (facts) this.summary.after.add(facts)
      this.#settle(part, { ...KEPT, label: this.#truerLabel(part, eightBit) }, facts)
      return
    }
    this.#mustChange(part, part.sealed || seals(part), why)
    const outcome = part.measure.outcome(part.isBodyPart && this.#ending)
    this.summary.after.add(outcome.facts)
    this.#lineEnd = endsInLines(outcome.fate) && outcome.facts.octets > 0
    this.#settle(part, { fate: outcome.fate, label: labelOf(outcome), eightBit }, facts, why)
  }

  /** A preamble is settled together with the header before it. */
  #settleBetween(part: Planned, place: 'preamble' | 'epilogue'): void {
    const measure = part.escape ?? part.measure
    part.measure = undefined
    part.escape = undefined
    const facts = measure?.facts()
    const why = facts && need(facts, this.#rules)
    if (why !== undefined) this.#mustChange(part, part.sealed, why)
    const outcome = why === undefined ? undefined : measure?.escaped()
    const decision = { ...KEPT, fate: outcome?.fate ?? 'kept' }
    if (facts) this.summary.after.add(outcome?.facts ?? facts)
    if (place === 'preamble') this.#settle(part, { ...decision, label: this.#truerLabel(part, true) })
    else this.#decide(decision)
    if (outcome) this.#tell(part, place, decision, facts, why)
  }

  /** What becomes of a part is known: its header can be summed up. */
  #settle(part: Planned, decision: Decision, facts?: ScanFacts, why?: string): void {
    this.#decide(decision)
    if (part.raw) this.summary.rawAfter(decision.label === undefined ? part.raw.all : part.raw.others)
    if (decision.label === undefined) {
      if (part.labels) this.summary.labels(part.depth, part.labels.end())
    } else
      this.summary.relabelled(
        part.depth,
        `${part.header.labels.count > 0 ? labelField(decision.label) : ''}${addedFields(part, decision)}`,
      )
    part.where = 'parts'
    // Of a multipart's preamble it is told apart.
    const own = part.measure === undefined ? { ...decision, fate: KEPT.fate } : decision
    this.#tell(part, 'part', own, facts, why)
  }

  #truerLabel(part: Planned, eightBit: boolean): Decision['label'] {
    // Signed octets stay what they are, labels too.
    return part.sealed ? undefined : truerLabel(part, this.#rules.encoding, eightBit)
  }

  #mustChange(part: Planned, sealed: boolean, why: string): void {
    this.summary.changes = true
    if (sealed) this.summary.unsealed = true
    if (sealed && this.#rules.signed === 'bounce') {
      throw new Unconvertible('5.6.3', `Something signed or encrypted would have to be changed for ${why}`)
    }
    if (part.where !== 'header' || part.depth > 0) this.summary.bodyChanges()
  }

  #tell(
    part: Planned,
    place: PartFate['place'],
    decision: Decision | undefined,
    facts?: ScanFacts,
    why?: string,
  ): void {
    this.#onPart?.({
      depth: part.depth,
      type: part.head?.type ?? '',
      place,
      octets: facts?.octets ?? 0,
      encoding: part.header.labels.first,
      label: decision?.label,
      fate: fateOf(decision, place),
      why,
      fields: place === 'part' ? part.fields : [],
    })
  }
}

/** Fields that hosts on the way write, not senders. */
const isTrace = (name: string | undefined): boolean =>
  name !== undefined && /^(?:received|return-path|delivered-to)$/i.test(name)

const labelOf = ({ fate }: Outcome): Decision['label'] => {
  if (fate === 'text' || fate === 'binary') return 'quoted-printable'
  return fate === 'base64' ? fate : undefined
}

const fateOf = (decision: Decision | undefined, place: PartFate['place']): PartFate['fate'] => {
  if (decision === undefined) return 'refused'
  const { fate } = decision
  if (fate === 'text' || fate === 'binary') return place === 'part' ? 'quoted-printable' : 'quoted'
  return fate
}
