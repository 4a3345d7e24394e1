import type { Address } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { Envelope, ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import type { Trail } from '../mail/trail.ts'
import type { Header } from '../mime/fields.ts'

export interface QueueFacet {
  /**
   * The envelope with the parameters that a header field stands for where they were not given, by whatever door the mail
   * came in; recipients keep their places. Asked once, before `schedule`.
   */
  fromHeader?(envelope: Envelope, header: Header): Envelope
  /**
   * A reverse-path of a recipient's own, where it is not to be the envelope's. Asked once for each, after `fromHeader`; the
   * first to answer decides. Who is expanded from the recipient inherits it; a list's members do not.
   */
  sender?(recipient: Recipient, envelope: Envelope): ReversePath | undefined
  /** Asked once, when the message is accepted. */
  schedule?(envelope: Envelope, accepted: Instant): Schedule
  /** Asked once too: by what the sender may ask for news of the message, if at all. The first to answer decides. */
  trail?(envelope: Envelope, accepted: Instant): Trail | undefined
  /**
   * What goes on of a message's or a recipient's parameters with mail whose recipient was expanded into `one` address or
   * `many`, or was a `list` whose owner is the new sender (RFC 3461 5.2.7).
   */
  expand?(params: ParamBag, of: 'message' | 'recipient', to: 'one' | 'many' | 'list'): ParamBag
}

export interface Schedule {
  readonly notBefore?: Instant
  /** Higher goes first; 0 is ordinary. */
  readonly priority?: number
  readonly milestones?: readonly Milestone[]
  /** The first wait after a failed attempt and the longest, in milliseconds, where they are not the usual ones. */
  readonly retry?: { readonly first?: number; readonly most?: number }
  /** How long delivery is tried, likewise. */
  readonly lifetime?: number
}

/** At this time, recipients still waiting are reported as delayed, or given up with this status. */
export interface Milestone {
  readonly at: Instant
  readonly do: 'warn' | 'fail'
  readonly status: string
}

export type ReportEvent = 'delivered' | 'relayed' | 'expanded' | 'delayed' | 'failed'

/** How much a report is wanted; the strongest wins, `never` before all. */
export type Wanted = 'never' | 'no' | 'yes' | 'must'

export interface ReportedMessage {
  readonly id: string
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly accepted: Instant
}

export interface ReportedRecipient extends Recipient {
  readonly event: ReportEvent
  readonly last: Diagnosis
  /** The address that we were given, where this is one that it was expanded into. */
  readonly accepted?: Address
}

export interface ReportFacet {
  wants?(recipient: ReportedRecipient, message: ReportedMessage): Wanted | undefined
  /** What of the mail is returned: `full` where something failed, `always` whatever became of it, unless anyone says `headers`. */
  returns?(message: ReportedMessage, events: readonly ReportEvent[]): 'full' | 'always' | 'headers' | undefined
  messageFields?(message: ReportedMessage): readonly (readonly [string, string])[]
  recipientFields?(recipient: ReportedRecipient, message: ReportedMessage): readonly (readonly [string, string])[]
  /** Fields of the report's own header. */
  headerFields?(message: ReportedMessage): readonly (readonly [string, string])[]
  /** Parameters for the report's own envelope. */
  envelope?(message: ReportedMessage): ParamBag | undefined
}
