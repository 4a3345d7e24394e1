import type { Instant } from '../mail/instant.ts'
import type { Schedule } from '../smtp/extension.ts'
import type { MessageId, SpooledRecipient } from './spool.ts'

/** What became of mail whose sender may ask: known while it waits, and then until its time is over. */
export interface Trails {
  /** Messages with this name and proof, the oldest first, at most 100, and no more once 5,000 recipients are told of. */
  find(name: string, proof: string, now: Instant): Promise<readonly Trailed[]>
}

export interface Trailed {
  readonly id: MessageId
  readonly proof: string
  readonly accepted: Instant
  /** Absent: the message is gone. */
  readonly schedule?: Schedule
  /** By their keys, those that an operator deleted included; not all where there are very many. */
  readonly recipients: readonly SpooledRecipient[]
}

export const MESSAGES_TOLD = 100
/** Of all messages together. */
export const RECIPIENTS_TOLD = 5000
