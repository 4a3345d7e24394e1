import type { ParamBag } from '../mail/envelope.ts'
import type { ReportedMessage, ReportedRecipient } from '../smtp/extension.ts'
import type { Draft, MessageRecord, SpooledMessage } from '../spool/spool.ts'

/** Tells senders what became of their mail. Stores nothing itself: what it writes is committed by whoever settles. */
export interface Reporter {
  /**
   * Which of these events are to be reported, by the report facets: `failed` always unless never wanted, `delayed` unless
   * never or not wanted, the rest only if wanted.
   */
  owed(message: ReportedMessage, recipients: readonly ReportedRecipient[]): readonly ReportedRecipient[]
  /**
   * Which parameters go on with mail whose recipient was expanded into `one` or `many` addresses, or was a `list` whose
   * owner is the new sender (RFC 3461 5.2.7). Absent: all of the message's, and the recipient's to a single address.
   */
  passesOn?(params: ParamBag, of: 'message' | 'recipient', to: 'one' | 'many' | 'list'): ParamBag
  /**
   * Writes one report about these recipients. Undefined when none may be sent: the mail has no sender, or is itself
   * a report (then postmaster is told of failures). `to` is the sender, or a list's owner.
   */
  compose(
    message: SpooledMessage,
    to: ReportedMessage['sender'],
    recipients: readonly ReportedRecipient[],
    open: () => Draft,
  ): Promise<{ readonly draft: Draft; readonly record: MessageRecord } | undefined>
}
