import type { Instant } from './instant.ts'

/** By what its sender may ask for news of a message, also after it is gone. */
export interface Trail {
  /** What the sender calls the message. Copies of it that came another way have the same. */
  readonly name: string
  /** What whoever asks must give the secret for. */
  readonly proof: string
  /** When it may be forgotten. Mail that waits is not. */
  readonly until: Instant
}

/** A note of a recipient whose mail went on to a host that can be asked in its turn. */
export const GOES_ON = 'trail-goes-on'

/** A note of a recipient whose mail a host put into the mailbox. */
export const IN_MAILBOX = 'in-mailbox'
