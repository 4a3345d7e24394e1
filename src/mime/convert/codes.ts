/** What becomes of the body of a part, or of the text before or behind the parts of a multipart. */
export type Fate = 'kept' | 'text' | 'binary' | 'base64' | 'mended' | 'rewrapped'

/** What its Content-Transfer-Encoding says afterwards; undefined: as before. */
export type NewLabel = '7bit' | '8bit' | 'quoted-printable' | 'base64' | undefined

/** What a plan remembers of a part. */
export interface Decision {
  readonly fate: Fate
  readonly label: NewLabel
  /** The body has octets above 127: should it have no type, nobody knows its charset. */
  readonly eightBit: boolean
}

const FATES: readonly Fate[] = ['kept', 'text', 'binary', 'base64', 'mended', 'rewrapped']
const LABELS: readonly NewLabel[] = [undefined, '7bit', '8bit', 'quoted-printable', 'base64']

/** As one octet. */
export const codeOf = ({ fate, label, eightBit }: Decision): number =>
  FATES.indexOf(fate) + LABELS.indexOf(label) * 8 + (eightBit ? 64 : 0)

export const decisionOf = (code: number): Decision => ({
  fate: FATES[code & 7] ?? 'kept',
  label: LABELS[(code >> 3) & 7],
  eightBit: (code & 64) !== 0,
})
