import { octetScan, type ScanFacts } from '../octet-scan.ts'
import { hidesParts, type PartHead } from '../part-head.ts'
import { base64, type Encoder, quotedPrintable } from '../transfer-encoding.ts'
import { closedQp } from './closed-qp.ts'
import type { Fate } from './codes.ts'
import { Gauge } from './gauge.ts'
import type { Labels } from './header.ts'
import { Base64Count, rewrappedSize, rewrapping } from './rewrap.ts'
import { type ConversionRules, Unconvertible } from './rules.ts'

/**
 * What makes a body go out as its fate says; undefined: it stays as it is. `followed`: a delimiter comes behind it, so that
 * the last line needs no end.
 */
export const encoderFor = (fate: Fate, followed: boolean): Encoder | undefined => {
  switch (fate) {
    case 'kept':
      return undefined
    case 'base64':
      return base64()
    case 'rewrapped':
      return rewrapping()
    default:
      return quotedFor(fate, followed)
  }
}

const quotedFor = (fate: 'text' | 'binary' | 'mended', followed: boolean): Encoder => {
  if (fate === 'mended') return quotedPrintable({ lines: 'mend' })
  const encoder = quotedPrintable({ lines: fate })
  return fate === 'binary' && !followed ? closedQp(encoder) : encoder
}

/** Every line has its CRLF, the last one too; before a delimiter that one is not needed. */
export const endsInLines = (fate: Fate): boolean => fate === 'base64' || fate === 'rewrapped'

const ABOVE = 'octets above 127'

/** Why a body cannot stay as it is; undefined when it can. */
export const need = (facts: ScanFacts, rules: ConversionRules): string | undefined => {
  if (facts.nul) return 'NUL'
  if (facts.bareNewline) return 'a CR or LF alone'
  if (facts.eightBit > 0 && rules.encoding === '7bit') return ABOVE
  return facts.longestLine > rules.maxLine ? `lines longer than ${rules.maxLine}` : undefined
}

/** Lines of 76 letters at most. */
const wrapped = (letters: number): ScanFacts => ({
  octets: rewrappedSize(letters),
  eightBit: 0,
  nul: false,
  bareNewline: false,
  longestLine: Math.min(76, letters),
  endsWithNewline: true,
  notUtf8: false,
})

/** How a body goes out, and the facts of what does. */
export interface Outcome {
  readonly fate: Fate
  readonly facts: ScanFacts
}

/** Measures one body in all the ways in which it might go out, which is settled when all of it has been seen. */
export class BodyMeasure {
  readonly #rules: ConversionRules
  readonly #head: PartHead
  readonly #labels: Labels
  readonly #scan = octetScan()
  /** Quoted-printable, should it be needed: of text, of anything else, or mended. */
  readonly #quoted: Gauge | undefined
  readonly #letters: Base64Count | undefined
  readonly #fate: 'text' | 'binary' | 'mended'

  /** `followed`: by a delimiter, if the message is whole. */
  constructor(head: PartHead, labels: Labels, rules: ConversionRules, followed: boolean) {
    this.#rules = rules
    this.#head = head
    this.#labels = labels
    const mending = labels.first === 'quoted-printable'
    this.#fate = mending ? 'mended' : isText(head) ? 'text' : 'binary'
    if (labels.identity || mending) this.#quoted = new Gauge(() => quotedFor(this.#fate, followed))
    if (labels.first === 'base64') this.#letters = new Base64Count()
  }

  write(octets: Uint8Array): void {
    this.#scan.write(octets)
    this.#quoted?.write(octets)
    this.#letters?.write(octets)
  }

  /** Why it cannot stay as it is; undefined when it can. What may be header fields of parts has to be as those. */
  why(): string | undefined {
    const facts = this.facts()
    const hidden = facts.eightBit > 0 && this.#rules.header === 'ascii' && hidesParts(this.#head)
    return need(facts, this.#rules) ?? (hidden ? ABOVE : undefined)
  }

  /** Of the body as it is. */
  facts(): ScanFacts {
    return this.#scan.end()
  }

  /**
   * What is to be done about a body that cannot stay. `brokenOff`: the delimiter that ought to follow does not. Throws
   * Unconvertible.
   */
  outcome(brokenOff: boolean): Outcome {
    const why = this.why()
    refuse(this.#head, this.#labels, why)
    if (this.#letters) return this.#rewrapped(this.#letters, why)
    const facts = this.facts()
    const quoted = this.#quoted?.end()
    if (quoted === undefined) throw new Unconvertible('5.6.3', `A body in ${shown(this.#labels.first)} with ${why}`)
    if (this.#fate === 'mended') return { fate: 'mended', facts: quoted }
    const encoded = wrapped(4 * Math.ceil(facts.octets / 3))
    const mayQuote =
      this.#fate === 'text'
        ? facts.eightBit * 2 <= facts.octets || quoted.octets <= encoded.octets
        : // Who sends the message may have to end its last line, and the octets would have one more.
          !brokenOff && quoted.octets < encoded.octets
    return mayQuote ? { fate: this.#fate, facts: quoted } : { fate: 'base64', facts: encoded }
  }

  /** What stands between parts has no label: it becomes quoted-printable that nobody is told of. */
  escaped(): Outcome {
    if (this.#fate !== 'text' || this.#quoted === undefined) throw new Error('Not measured as text')
    return { fate: 'text', facts: this.#quoted.end() }
  }

  #rewrapped({ letters, pure }: Base64Count, why: string | undefined): Outcome {
    if (!pure) throw new Unconvertible('5.6.3', `A body in base64 with ${why}, and with what is not base64`)
    return { fate: 'rewrapped', facts: wrapped(letters) }
  }
}

/** What is read in lines. A multipart is here only when it has no parts, and a message when it is none that is descended into. */
const isText = (head: PartHead): boolean => /^(?:text|multipart|message)\//.test(head.type)

const refuse = (head: PartHead, labels: Labels, why: string | undefined): void => {
  if (head.type === 'message/partial' || head.type === 'message/external-body') {
    throw new Unconvertible('5.6.3', `A ${shown(head.type)} part, which must not be encoded, with ${why}`)
  }
  if (head.unread) {
    throw new Unconvertible('5.6.3', `A ${shown(head.type)} part with a Content-Type too long to be read, with ${why}`)
  }
  const composite = head.boundary !== undefined || head.type === 'message/rfc822' || head.type === 'message/global'
  if (head.kind === 'leaf' && composite && labels.identity) {
    throw new Unconvertible('5.6.3', `A ${shown(head.type)} part, too deep inside the message, with ${why}`)
  }
  if (labels.conflict && !labels.identity) {
    throw new Unconvertible('5.6.3', `A body with ${why}, and with two encodings that differ`)
  }
}

/** Words of the message, where they are told to others. */
const shown = (text: string): string => text.replace(/[^!-~]/g, '?').slice(0, 60)
