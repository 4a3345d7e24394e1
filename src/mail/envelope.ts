import type { Address } from './address.ts'

/** `null` is the empty reverse-path `<>` that reports travel under. */
export type ReversePath = Address | null

/** ESMTP parameters as they stood on the wire: keyword in upper case to value, or `true` for a bare keyword. */
export type ParamBag = Readonly<Record<string, string | true>>

export interface Recipient {
  readonly address: Address
  readonly params: ParamBag
  /** Its own reverse-path, where that is not the envelope's: it gets the mail, and is reported on, under it. */
  readonly sender?: ReversePath
}

export interface Envelope {
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly recipients: readonly Recipient[]
}
