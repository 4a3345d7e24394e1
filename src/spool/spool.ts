import type { Address } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import type { Trail } from '../mail/trail.ts'
import type { Schedule } from '../smtp/extension.ts'
import type { Completion, Partials } from './partials.ts'
import type { Trails } from './trails.ts'

export type { AboutPartial, Completion, Found, PartialBody, Partials } from './partials.ts'
export type { Trailed, Trails } from './trails.ts'

/** Short, sortable by time, unique in a spool: letters and digits only. */
export type MessageId = string

/** Transport and destination, as `transport/destination`; null until the address was resolved. */
export type Lane = string | null

/** Accepted mail, kept until the fate of every recipient is settled. What may fail rejects with `SpoolError`. */
export interface Spool {
  /** A place to write one message. Nothing of it exists before `commit`, all of it after. Synchronous and cheap. */
  open(): Draft
  /**
   * Due recipients, each group ours alone until its lease runs out. Ordered by priority, then due time. A group is one
   * message's due recipients of one lane, at most `mostRecipients` of them.
   */
  claim(by: ClaimRequest): Promise<readonly Claim[]>
  /** Throws `LeaseLost`. */
  renew(claim: Claim, until: Instant): Promise<void>
  /**
   * Records what became of a claim's recipients, and whatever follows from it, in one transaction, and ends the claim.
   * Recipients without a change stay as they were. A message with nobody left to serve is gone, its history remains.
   * Returns the ids of the forks. Throws `LeaseLost`, and then nothing is changed.
   */
  settle(claim: Claim, settlement: Settlement): Promise<readonly MessageId[]>
  /** At a start: an earlier life's claims are void, and mail accepted "in the future" (the clock went back) is due now. */
  recover(owner: string, now: Instant): Promise<void>
  /** Resolves when mail may be due, at the latest after `ms`; a commit or settle in this process wakes it early. */
  wake(ms: number): Promise<void>
  /** When the next recipient is due, of those not held by a claim; undefined when none waits. */
  nextDue(): Promise<Instant | undefined>
  /** A page of messages by id, `after` exclusive. At most 500. */
  list(page: { after?: MessageId; most: number; match?: ListMatch }): Promise<readonly Listed[]>
  show(id: MessageId): Promise<Listed | undefined>
  /** Prefix and body as they would be sent. Undefined: no such message. */
  read(id: MessageId): Promise<AsyncIterable<Uint8Array> | undefined>
  trace(id: MessageId): Promise<readonly HistoryEvent[]>
  counts(): Promise<Counts>
  /** Mail that its schedule keeps beyond `now`: of one identity, or of all. */
  ahead(of: { readonly identity?: string; readonly now: Instant }): Promise<Ahead>
  /** What an operator does to recipients that wait: one transaction for all that match; tells how many it met. */
  operate(operation: Operation): Promise<number>
  /** Messages whose recipients' lanes must be found anew: a new configuration is in force. */
  forgetLanes(): Promise<void>
  readonly rests: Rests
  readonly partials: Partials
  readonly trails: Trails
  /** History older than this, expired partials and trails, orphans of dead drafts. Small steps; call it when idle. */
  sweep(now: Instant): Promise<void>
  /** Waits for what is under way, then lets go of everything. */
  close(): Promise<void>
}

export interface ClaimRequest {
  readonly owner: string
  readonly now: Instant
  readonly leaseUntil: Instant
  /** Claims at most. */
  readonly most: number
  readonly mostRecipients: number
  /** Claims of one lane at most. Null is no lane: recipients without one are not bounded by it. */
  readonly mostPerLane: number
  readonly only?: readonly Lane[]
  readonly except?: readonly Lane[]
}

export interface Draft {
  readonly id: MessageId
  /** Resolves when more may be written. */
  write(chunk: Uint8Array): Promise<void> | void
  /** Octets written so far. */
  readonly octets: number
  /** What was written so far, from the start. */
  body(): AsyncIterable<Uint8Array>
  /** Durable on return: a crash of the program or the machine loses none of it. */
  commit(record: MessageRecord): Promise<void>
  /** Never rejects. */
  abort(): Promise<void>
}

/** How a message came to us; kept with it. */
export interface Origin {
  readonly listener: string
  readonly peer: string
  readonly helo: string
  readonly identity?: string
  readonly secured?: string
  /** The Received field's `with`. */
  readonly protocol: string
  /**
   * MAIL, or the verb that stood for it. What did not come by SMTP: `local`, `report`, and `double-bounce` for what
   * postmaster is told of mail without a sender.
   */
  readonly kind: string
  /** A user of ours wrote it: it came to a submission listener, from a program of this machine, or with a proved identity. */
  readonly submitted?: true
}

/** What is stored beside the body. */
export interface MessageRecord {
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly recipients: readonly NewRecipient[]
  /** Octets before the body: trace fields, and the header anew where it was edited. */
  readonly prefix: Uint8Array
  /** The message is `prefix` and the body from this octet on. */
  readonly bodyFrom: number
  readonly facts: BodyFacts
  readonly origin: Origin
  readonly schedule: Schedule
  readonly accepted: Instant
  readonly history?: readonly string[]
  /** Its sender may ask what became of it. Forks have none. */
  readonly trail?: Trail
  /** The partial that this message was, completed with it or not at all. Whoever lost it is refused with `LeaseLost`. */
  readonly completes?: Completion
}

export interface NewRecipient extends Recipient {
  readonly lane?: Lane
  readonly due?: Instant
  /** In a fork: the addresses it was expanded from, nearest first. In an `add` they follow from the parent. */
  readonly ancestors?: readonly Address[]
  /** Notes that it begins with; see `SpooledRecipient.reported`. */
  readonly reported?: readonly string[]
  /** What was said of it already. Of 5yz: it was refused on its way in, and the queue gives it up with that; due at once. */
  readonly last?: Diagnosis
}

/** The message of a claim. All recipients are not in it: there may be 100,000. */
export interface SpooledMessage {
  readonly id: MessageId
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly facts: BodyFacts
  readonly origin: Origin
  readonly schedule: Schedule
  readonly accepted: Instant
  /** Prefix and body, in octets. */
  readonly octets: number
  /** Replayable. Rejects with `SpoolError` when the body cannot be read. */
  content(): AsyncIterable<Uint8Array>
}

export interface Claim {
  readonly message: SpooledMessage
  readonly lane: Lane
  readonly recipients: readonly SpooledRecipient[]
  readonly token: string
}

export interface SpooledRecipient extends Recipient {
  /** Unique within the message. */
  readonly key: number
  /** The recipient this one was expanded from. */
  readonly parent?: number
  /** Addresses this one was expanded from, nearest first: what stops alias loops. */
  readonly ancestors: readonly Address[]
  readonly attempts: number
  readonly lane: Lane
  readonly fate: Fate
  /** What must happen once: reports already made, milestones met; and notes of the queue that outlive an attempt. */
  readonly reported: readonly string[]
}

export type Fate =
  | { readonly is: 'waiting'; readonly due: Instant; readonly last?: Diagnosis }
  | { readonly is: 'held'; readonly due: Instant; readonly last?: Diagnosis }
  | { readonly is: 'delivered' | 'failed' | 'expanded'; readonly last: Diagnosis }
  /** Our own configuration or a fault of ours is to blame: kept until someone has mended it, never bounced. */
  | { readonly is: 'parked'; readonly why: string; readonly at: Instant }

export type Change =
  /** `attempted` counts one more attempt; `reported` is added to the recipient's list. */
  | { readonly of: number; readonly fate: Fate; readonly attempted?: true; readonly reported?: readonly string[] }
  | { readonly of: number; readonly lane: Lane }
  /** A recipient that another one was expanded into. Its ancestors are its parent's and its parent. */
  | { readonly add: NewRecipient; readonly parent: number }

/** A claim whose lease ran out may be settled as long as nobody else took its recipients. */
export interface Settlement {
  readonly now: Instant
  /** Of recipients in the claim, and of children of theirs. */
  readonly changes: readonly Change[]
  /** New messages: reports that are owed. Committed with the changes or not at all. */
  readonly commits?: readonly { readonly draft: Draft; readonly record: MessageRecord }[]
  /** New messages with the claim's prefix and body, accepted when it was. Its trace goes on in theirs. */
  readonly forks?: readonly Fork[]
  readonly history?: readonly string[]
}

export interface Fork {
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly recipients: readonly NewRecipient[]
  readonly schedule: Schedule
}

export interface Listed {
  readonly id: MessageId
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly facts: BodyFacts
  readonly octets: number
  readonly accepted: Instant
  readonly origin: Origin
  readonly schedule: Schedule
  /** Those not yet settled and, while the message lives, the others too; at most 1,000. */
  readonly recipients: readonly SpooledRecipient[]
}

/** Everything given must fit. What waits for the time that its schedule names is held, and not waiting. */
export interface ListMatch {
  readonly id?: MessageId
  readonly sender?: string
  readonly recipient?: string
  readonly domain?: string
  readonly fate?: Fate['is']
}

export interface HistoryEvent {
  readonly at: Instant
  readonly text: string
}

/** Recipients by fate, as `ListMatch` has it. */
export interface Counts {
  readonly messages: number
  readonly waiting: number
  readonly held: number
  readonly parked: number
}

export interface Ahead {
  readonly messages: number
  readonly octets: number
}

/**
 * Meets recipients that are not settled and not under a claim whose lease runs. `retry`: due now, but for those that are
 * held by their schedule. `hold`: those that wait. `release`: those that an operator held; where `match` names a message, none
 * of its recipients, and no operator holds any, all of it before its schedule's time. `bounce`: due now, with a last word of 5yz by us,
 * upon which the queue gives them up. `delete`: gone, and nobody is told.
 */
export type Operation = {
  readonly do: 'retry' | 'hold' | 'release' | 'park' | 'unpark' | 'delete' | 'bounce'
  readonly match: ListMatch
  readonly now: Instant
  readonly why?: string
}

/** Destinations that are left alone for a while. Survives a restart. */
export interface Rests {
  rest(lane: string, until: Instant, why: string): Promise<void>
  lift(lane: string): Promise<void>
  list(now: Instant): Promise<readonly { lane: string; until: Instant; why: string }[]>
}

/** `full`: no room. `broken`: the store cannot be written or read just now. `invalid`: the caller's mistake. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError'
  readonly kind: 'full' | 'broken' | 'invalid'

  constructor(kind: 'full' | 'broken' | 'invalid', message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** Another owner has the recipients, or the partial, now; whatever was done for them must not be recorded. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}
