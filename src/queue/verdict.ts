import type { Diagnosis } from '../mail/diagnosis.ts'
import type { Fork, NewRecipient } from '../spool/spool.ts'

/** What is to become of one recipient of a claim. One without a verdict stays as it was and is due at once. */
export type Verdict =
  | {
      readonly is: 'delivered'
      readonly last: Diagnosis
      readonly event?: 'delivered' | 'relayed'
      readonly notes?: readonly string[]
      readonly converted?: true
      readonly attempted: boolean
    }
  | { readonly is: 'failed'; readonly last: Diagnosis; readonly attempted: boolean }
  /** `notBefore`: the destination rests until then. Without `last`, what is known already stands. */
  | { readonly is: 'later'; readonly last?: Diagnosis; readonly attempted: boolean; readonly notBefore?: number }
  /** A mistake in this program or a plug-in of it: tried again a few times, then parked. */
  | { readonly is: 'fault'; readonly why: string }
  | { readonly is: 'parked'; readonly why: string }
  | { readonly is: 'moved'; readonly lane: string }
  | {
      readonly is: 'expanded'
      readonly last: Diagnosis
      readonly event?: 'expanded' | 'delivered'
      readonly adds: readonly NewRecipient[]
      readonly forks: readonly Fork[]
    }
  /** Some of the members have become messages; `note` tells the next claim where to go on. */
  | { readonly is: 'expanding'; readonly forks: readonly Fork[]; readonly note: string }

/** By the recipient's key. */
export type Verdicts = ReadonlyMap<number, Verdict>
