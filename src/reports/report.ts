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
