import type { Diagnosis } from '../mail/diagnosis.ts'
import type { OutboundRecipient } from './extension.ts'

/** What became of one recipient at one hop. */
export interface SendOutcome {
  /** The recipient's key. */
  readonly of: number
  readonly diagnosis: Diagnosis
  /** The hop took it and will not report on it: the trail ends there. */
  readonly event?: 'relayed'
  /** What was sent is not what was accepted, octet for octet: it was converted for the hop. */
  readonly converted?: true
  /** The same mail may fare better at another host of the destination. */
  readonly next?: 'otherHost'
  /** What the recipient is to remember of the hop that took it. */
  readonly notes?: readonly string[]
}

/** Why nothing more goes over a connection. */
export type Broken = Pick<SendOutcome, 'diagnosis' | 'next'>

type More = Omit<SendOutcome, 'of' | 'diagnosis'>

/** Which recipients of a transaction have their outcome. Each gets one and no second. */
export class Outcomes {
  readonly #left: Map<number, OutboundRecipient>
  readonly #settled: (outcome: SendOutcome) => void

  constructor(recipients: readonly OutboundRecipient[], settled: (outcome: SendOutcome) => void) {
    this.#left = new Map(recipients.map((one) => [one.key, one] as const))
    this.#settled = settled
  }

  get left(): number {
    return this.#left.size
  }

  settle({ key }: OutboundRecipient, diagnosis: Diagnosis, more: More = {}): void {
    if (this.#left.delete(key)) this.#settled({ of: key, diagnosis, ...more })
  }

  settleAll(recipients: Iterable<OutboundRecipient>, diagnosis: Diagnosis, more: More = {}): void {
    for (const recipient of recipients) this.settle(recipient, diagnosis, more)
  }

  /** For all that have none yet. */
  settleRest({ diagnosis, next }: Broken): void {
    this.settleAll([...this.#left.values()], diagnosis, next ? { next } : {})
  }
}
