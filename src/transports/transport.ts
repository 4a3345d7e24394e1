import type { Mailbox } from '../directors/director.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { Reply } from '../mail/reply.ts'
import type { Route } from '../routers/router.ts'
import type { SpooledMessage, SpooledRecipient } from '../spool/spool.ts'

/** Carries mail to where it was directed or routed. */
export interface Transport {
  readonly name: string
  readonly limits: { readonly perDestination: number; readonly recipientsPerDelivery: number }
  /**
   * Calls `settled` once for each recipient, as the outcomes come. Never rejects for a recipient's sake: 4yz waits, 5yz
   * fails. A rejection, or a recipient without outcome, is a fault of ours; `Misconfigured` parks the rest. Ends soon
   * after the signal is aborted.
   */
  deliver(job: Job, signal: AbortSignal, settled: (outcome: Outcome) => void): Promise<void>
  /**
   * Why a mailbox would not take a message of so many octets (0: of any) just now, as far as that can be told beforehand.
   * Rejects when it cannot. Absent: there is no telling.
   */
  refuses?(mailbox: Mailbox, octets: number): Promise<Reply | undefined>
  close(): Promise<void>
}

export interface Job {
  readonly message: SpooledMessage
  readonly recipients: readonly SpooledRecipient[]
  readonly to: JobTarget
}

export type JobTarget = Route | { readonly to: 'mailbox'; readonly transport: string; readonly mailbox: Mailbox }

export interface Outcome {
  /** The recipient's key. */
  readonly of: number
  readonly diagnosis: Diagnosis
  /** For a success: the mailbox has it, or we are the last that can tell the sender. Absent: the next hop answers for it. */
  readonly event?: 'delivered' | 'relayed'
  /** For a success: what the recipient is to remember of it. */
  readonly notes?: readonly string[]
  /** For a success: what was delivered had been converted. */
  readonly converted?: true
  /** The destination itself is out of reach, not just this mail: let it rest. */
  readonly destinationDown?: true
}
