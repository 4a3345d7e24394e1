import type { ParamBag } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Reply } from '../mail/reply.ts'
import type { ConversionTarget, Hop, OutboundMail, OutboundRecipient } from './extension.ts'

/** Mail as it is handed to a conversation. `facts.octets` is the exact size of the content. */
export interface RelayMail extends OutboundMail {
  /** The envelope's, told apart by their keys. */
  readonly recipients: readonly OutboundRecipient[]
  /** Replayable. */
  content(): AsyncIterable<Uint8Array>
}

/** A body made fit for a hop. Undefined: it cannot be done without loss. Always given the mail as it was accepted. */
export type Convert = (
  target: ConversionTarget,
  mail: RelayMail,
) => Promise<Converted | undefined> | Converted | undefined

export interface Converted {
  readonly facts: BodyFacts
  content(): AsyncIterable<Uint8Array>
}

/** A recipient that is not even offered to this hop. The reply's class agrees with `next`: 4yz for `later`, 5yz for `never`. */
export interface Unsent {
  readonly recipient: OutboundRecipient
  readonly reply: Reply
  readonly next: 'otherHost' | 'later' | 'never'
}

/** One message as it will go to one hop, the same for all recipients in it. */
export interface RelayPlan {
  /** After conversion and edits. */
  readonly mail: RelayMail
  readonly params: ParamBag
  /** By recipient key. */
  readonly recipientParams: ReadonlyMap<number, ParamBag>
  /** Keys of recipients whose sender is to be told that the trail ends at this hop, once it takes them. */
  readonly relayed: ReadonlySet<number>
  /** Verbs whose replies must be seen before anything further is sent. */
  readonly awaits: ReadonlySet<'MAIL' | 'RCPT'>
}

/** The mail for some of its recipients. */
export const forSome = (mail: RelayMail, recipients: readonly OutboundRecipient[]): RelayMail =>
  recipients.length === mail.recipients.length
    ? mail
    : { ...mail, recipients, envelope: { ...mail.envelope, recipients }, content: () => mail.content() }

/** Octets of a text line that RFC 5321 4.5.3.1.6 lets every hop take, CRLF not counted. */
export const TEXT_LINE = 998

export const lineLimit = (hop: Hop): number => hop.limits.get('line') ?? TEXT_LINE
