import type { Reply } from '../mail/reply.ts'
import type { Hop, OutboundMail, OutboundRecipient } from './extension.ts'

/** One transaction under way, as `onReply` sees it. */
export interface Attempt {
  readonly mail: OutboundMail
  readonly hop: Hop
  /** The recipients taken so far, in RCPT order. */
  readonly accepted: readonly OutboundRecipient[]
  /** Whom the RCPT named that is being answered. */
  readonly asked: OutboundRecipient | undefined
}

export type ReplyMeaning =
  /** Send the body from this octet on. After MAIL the hop has the recipients already: no RCPT is sent, all count as taken. */
  | {
      readonly skipTo: number
      /** It has no such octet, or no line begins there: told before all begins anew. */
      unusable?(): void
    }
  /** After this reply to the body comes one for each recipient taken, in RCPT order, and then perhaps one for the mail. */
  | { readonly closingReplies: 'perRecipient' | 'perRecipientAndOne' }
  /**
   * To RCPT, of a recipient taken or refused: it says what this recipient is to be sent. The mail is planned anew, and
   * begun anew if that changes anything; a recipient refused is asked again.
   */
  | { readonly learned: true }
  /** Send this recipient in a new transaction; after MAIL or the body, every recipient in one of its own. */
  | { readonly split: 'recipient' }
  /** To MAIL or RCPT, 5yz: what is wrong is ours to mend, and the mail waits until then, with this 4yz. */
  | { readonly wait: Reply }
  /** Begin the transaction anew, with the parameters of then: after MAIL with all, after RCPT with those taken in the end. */
  | { readonly begin: 'anew' }
