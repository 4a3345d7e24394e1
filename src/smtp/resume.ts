import type { Recipient } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import type { Reply } from '../mail/reply.ts'

/** An earlier transaction goes on (RFC 1845): no RCPT follows, and the body begins with these octets. */
export interface Resume {
  /** Admitted anew; when one of them would not be taken now, MAIL is answered with 250 and the transaction is a new one. */
  readonly recipients: readonly Recipient[]
  readonly body: AsyncIterable<Uint8Array>
  /** The mail was kept then: this was said of it, by the recipients' places, and is said again. No more octets may come. */
  readonly outcomes?: readonly Reply[]
}

/** An upload kept by its name that the mail was: completed in the step that keeps the mail, or not at all. */
export interface Completion {
  /** As whoever keeps it knows it. */
  readonly partial: { readonly name: string }
  /** Until when it is known what became of it. */
  readonly until: Instant
  /** How many there were; absent: all that were written. */
  readonly octets?: number
  /** Given back with the news of what became of it. Absent: nothing is. */
  readonly note?: string
}
