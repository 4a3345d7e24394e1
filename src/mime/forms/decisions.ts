import type { Filter } from '../../mail/features/filter.ts'
import type { Questions } from '../../mail/features/match-filter.ts'
import type { ScanFacts } from '../octet-scan.ts'
import { base64Decoder, type Encoder, qpDecoder } from '../transfer-encoding.ts'
import type { ContentConverter } from './content-converter.ts'
import { type ContentForm, isTaken } from './form.ts'
import { currentForm, labelOf, type OpenPart, permission } from './open-part.ts'

export interface Candidate {
  readonly converter: ContentConverter
  readonly to: ContentForm
}

/** What is to become of one part. */
export interface Decision {
  readonly from: ContentForm
  /** Transfer encoding as it came. */
  readonly label: string
  /** Those that are left, the best first. */
  candidates: readonly Candidate[]
  /** Why the last one fell out. */
  why: string
  /** Of what the first of them makes; undefined: not tried yet. */
  facts: ScanFacts | undefined
}

/** Some part cannot be made fit. The message says which and why. */
export class Impossible extends Error {
  override readonly name = 'Impossible'
}

/** Undefined: the recipient takes it as it is. Throws `Impossible`. */
export const decide = (
  part: OpenPart,
  capabilities: Filter,
  converters: readonly ContentConverter[],
  questions: Questions,
): Decision | undefined => {
  const from = currentForm(part)
  if (isTaken(from, capabilities, questions)) return undefined
  if (questions.isSpent) throw tooHard()
  const permitted = permission(part)
  if (typeof permitted === 'object' && 'why' in permitted) throw impossible(from, permitted.why)
  const label = labelOf(part)
  if (label === undefined || decoderFor(label) === undefined)
    throw impossible(from, 'its transfer encoding is not known')
  const wanted = permitted === 'any' ? [capabilities] : [capabilities, permitted]
  const candidates = converters.flatMap((converter) =>
    converter
      .targets(from, wanted)
      .filter((to) => questions.satisfiable(to.features, ...wanted) === true)
      .map((to) => ({ converter, to })),
  )
  if (questions.isSpent) throw tooHard()
  if (candidates.length === 0)
    throw impossible(from, 'no form is known that it could be given and is permitted and taken')
  return { from, label, candidates, why: '', facts: undefined }
}

const tooHard = (): Impossible => new Impossible('What its parts would have to become is too hard to find out')

export const impossible = ({ type, charset }: ContentForm, why: string): Impossible => {
  const what = charset === undefined ? type : `${type} in ${charset}`
  return new Impossible(`${what.replace(/[^ -~]/g, '?').slice(0, 100)}: ${why}`)
}

/** Undefined: an encoding that nobody here can undo. */
export const decoderFor = (label: string): Encoder | undefined => {
  if (label === 'quoted-printable') return qpDecoder()
  if (label === 'base64') return base64Decoder()
  return /^(?:|7bit|8bit|binary)$/.test(label) ? IDENTITY : undefined
}

const IDENTITY: Encoder = { write: (chunk) => chunk, end: () => new Uint8Array(0) }

const TEXT_LINE = 998

/** How a part goes out that is of this form now. Never as 8bit what came as something else: parts around it say what they hold. */
export const newLabel = (
  { label, candidates, facts }: Decision,
  isBodyPart: boolean,
): '7bit' | '8bit' | 'quoted-printable' | 'base64' => {
  if (facts === undefined || !candidates[0]?.to.type.startsWith('text/')) return 'base64'
  const { nul, bareNewline, longestLine, endsWithNewline, eightBit, octets } = facts
  const inLines = !nul && !bareNewline && longestLine <= TEXT_LINE && (isBodyPart || endsWithNewline)
  if (inLines && eightBit === 0) return '7bit'
  if (inLines && (label === '8bit' || label === 'binary')) return '8bit'
  return eightBit * 2 <= octets ? 'quoted-printable' : 'base64'
}
