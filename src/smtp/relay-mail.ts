import type { ParamBag } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import type { Reply } from '../mail/reply.ts'
import type { Fields } from '../observe/log.ts'
import type { ConversionTarget, Hop, OutboundMail, OutboundRecipient } from './extension.ts'

/** Mail as it is handed to a conversation. `facts.octets` is the exact size of the content. */
export interface RelayMail extends OutboundMail {
  /** The envelope's, told apart by their keys. */
  readonly recipients: readonly OutboundRecipient[]
  /** The name of the variant that the content is; absent: it is as it was accepted. */
  readonly variant?: string
  /** Replayable. */
  content(): AsyncIterable<Uint8Array>
}

/** Mail as a converter sees it, on its way to a hop or to a mailbox. */
export type Convertible = Pick<RelayMail, 'id' | 'facts' | 'origin' | 'content'>

/**
 * A body made fit for a hop. Always given the mail as it was accepted. A Reply: why it cannot be done without loss. What it
 * holds on to beside memory it lets go with the scope.
 */
export type Convert = (
  target: ConversionTarget,
  mail: Convertible,
  scope: Scope,
) => Promise<Converted | Reply> | Converted | Reply

/** Of a mail under way, as an AsyncDisposableStack has it: what is deferred happens when nobody reads the mail any more. */
export interface Scope {
  defer(act: () => Promise<void>): void
}

export interface Converted {
  /** Exact, of the result. */
  readonly facts: BodyFacts
  /** Domains whose signatures of the message it breaks (DKIM). */
  readonly broken: readonly string[]
  /** Header fields had to be encoded. */
  readonly headers?: boolean
  /** Something signed or encrypted inside had to be changed: its signature is broken. */
  readonly unsealed?: boolean
  /** Replayable, within the scope. */
  content(): AsyncIterable<Uint8Array>
}

/** What was done to a mail for a hop's sake. */
export interface Conversion extends Pick<Converted, 'broken' | 'headers' | 'unsealed'> {
  /** What it was before. */
  readonly of: BodyFacts
  readonly to: ConversionTarget
}

/** How the log tells of a conversion, of what had to change only; `where`: for which hop, or which transport. */
export const convertedFields = (id: string, where: Fields, done: Conversion): Fields => {
  const { of, to, broken, headers, unsealed } = done
  return {
    id,
    ...where,
    ...(of.encoding === to.encoding ? {} : { to: to.encoding }),
    ...(of.longestLine > to.maxLine ? { lines: to.maxLine } : {}),
    ...(headers ? { header: to.header === 'ascii' ? 'ascii' : 'encoded' } : {}),
    ...(unsealed ? { sealed: 'broken' } : {}),
    ...(broken.length > 0 ? { 'broken-signatures': broken } : {}),
  }
}

/**
 * Fields to be put on top of mail that is in its final form, octet for octet, each with its CRLF: a signature. Asked once
 * for each plan, after conversion and edits; nothing, where it is not to be signed. Reads the content as it needs.
 */
export type Sign = (mail: RelayMail, hop: Hop) => Promise<Uint8Array | undefined>

/** A recipient that is not even offered to this hop. The reply's class agrees with `next`: 4yz for `later`, 5yz for `never`. */
export interface Unsent {
  readonly recipient: OutboundRecipient
  readonly reply: Reply
  readonly next: 'otherHost' | 'later' | 'never'
}

/** One message as it will go to one hop, the same for all recipients in it. */
export interface RelayPlan {
  /** After conversion and edits, signed. */
  readonly mail: RelayMail
  readonly conversion?: Conversion
  /** As they are when the plan is made. */
  readonly params: ParamBag
  /** As they are at another time, for the mail or what goes of it. Throws the Refusal of an extension that then gives it up. */
  paramsAt(now: Instant, part?: OutboundMail): ParamBag
  /** By recipient key. */
  readonly recipientParams: ReadonlyMap<number, ParamBag>
  /** Keys of recipients whose sender is to be told that the trail ends at this hop, once it takes them. */
  readonly relayed: ReadonlySet<number>
  /** How those go whom the hop refuses for good so, for their reverse-path was our idea. */
  readonly otherwise?: readonly RelayPlan[]
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
