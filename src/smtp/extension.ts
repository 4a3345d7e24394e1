import type { Reply } from '../mail/reply.ts'
import type { ClientFacet } from './client-facet.ts'
import type { QueueFacet, ReportFacet } from './queue-facet.ts'
import type { ServerFacet } from './server-facet.ts'

export type { Attempt, ReplyMeaning } from './attempt.ts'
export { Barred, RetryWithout } from './barred.ts'
export type {
  BodySender,
  BodyWire,
  ClientFacet,
  Conversation,
  ConversionTarget,
  Hop,
  HostProof,
  OutboundMail,
  OutboundRecipient,
  Proofs,
  Remedy,
} from './client-facet.ts'
export type { BodyEnd, ClosingReplies, EndAnswer, ServerOutcome } from './end-of-body.ts'
export type {
  Milestone,
  QueueFacet,
  ReportEvent,
  ReportedMessage,
  ReportedRecipient,
  ReportFacet,
  Schedule,
  Wanted,
} from './queue-facet.ts'
export type { Completion, Resume } from './resume.ts'
export type {
  AfterReply,
  Answer,
  Grammar,
  Greeting,
  HookAnswer,
  Phase,
  ServerFacet,
  Session,
  SessionLimits,
  TraceMark,
  Transaction,
  Verb,
} from './server-facet.ts'
export type { Sendable, Variant } from './variant.ts'

/** Everything one SMTP extension adds, in one value. Every facet is optional; the cores read them and know no keyword. */
export interface Extension {
  readonly keyword: string
  readonly rfc: readonly number[]
  /** In force wherever it is configured, never announced: a dialect such as LMTP, not an offer. */
  readonly silent?: true
  /** Keywords that must be on offer for this one to be: BINARYMIME needs CHUNKING. */
  readonly requires?: readonly string[]
  /** For people, where the facets do not say it: what a relay does with it; and, if it is not offered to everyone, to whom. */
  readonly words?: { readonly relay?: string; readonly offered?: string }
  /** Parameters by the verb that carries them. */
  readonly params?: Readonly<Record<string, readonly Param<unknown>[]>>
  readonly server?: ServerFacet
  readonly client?: ClientFacet
  readonly queue?: QueueFacet
  readonly report?: ReportFacet
}

/** One ESMTP parameter: how its wire text is read. The envelope keeps the wire text, so nothing is lost by relaying. */
export interface Param<T> {
  readonly name: string
  /** Throws a Refusal when the text is malformed. `true` stands for a bare keyword. */
  read(text: string | true): T
  /** Consumed by this hop, never passed on: SIZE, HOLDFOR. */
  readonly endsHere?: true
  /** Never said on the wire: an extension keeps it with the mail, from a header field. */
  readonly unsaid?: true
  /** For parameters several extensions add values to: BODY. Upper case. */
  readonly values?: readonly string[]
  /** Octets it adds to the command line at most, its leading space included (RFC 5321 4.5.3.1.4). */
  readonly maxOctets: number
  /** What of its text each attempt to send the same mail repeats; the rest, as time that is left, must change. Absent: all. */
  lasting?(text: string | true): string
  /** Where an RFC demands other answers than 555 5.5.4 and 501 5.5.4 (RFC 4141, 6710). */
  readonly answers?: { readonly unavailable?: Reply; readonly repeated?: Reply }
}
