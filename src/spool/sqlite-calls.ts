import type { Instant } from '../mail/instant.ts'
import type { Trail } from '../mail/trail.ts'
import type { Sought } from './match.ts'
import type { Ahead, ClaimRequest, Counts, HistoryEvent, MessageId, Operation } from './spool.ts'

/** Octets in the one buffer that travels with a batch: from where, and how many. */
export type Span = readonly [from: number, octets: number]

export type NewRow = readonly [
  local: string,
  domain: string,
  site: string,
  params: string,
  sender: string | null,
  lane: string,
  due: Instant,
  /** Of one that begins a message: what it was expanded from elsewhere. A child has its parent's and its parent. */
  ancestors: string,
  reported: string,
  last: string | null,
]

/** A message as its row has it: what is only kept and given back is JSON. */
export interface NewMessage {
  readonly id: MessageId
  readonly sender: string
  readonly senderKey: string
  readonly params: string
  readonly facts: string
  readonly origin: string
  readonly schedule: string
  readonly accepted: Instant
  readonly urgency: number
  readonly bodyFrom: number
  readonly bodyOctets: number
  /** Both relative to the first octet of the call. No data: the body is a file of this message's name. */
  readonly prefix: Span
  readonly data: Span | null
  readonly recipients: readonly NewRow[]
  readonly history: readonly string[]
  readonly completes: CompletionRow | null
  readonly trail: Trail | null
}

/** That the partial which has this file open is the message. */
export interface CompletionRow {
  readonly name: string
  readonly file: string
  readonly message: MessageId
  readonly octets: number
  readonly until: Instant
  readonly note: string | null
}

export interface NewPartial {
  readonly name: string
  readonly file: string
  readonly note: string
  readonly owner: string
  readonly cost: number
  readonly most: number
  readonly mostOfAll: number
  readonly mostPartials: number
  readonly expires: Instant
}

/** `room`: octets that its owner may yet store. `files`: those with octets, in order. `left`: one that is needed no more. */
export type FoundRow =
  | { readonly message: MessageId; readonly octets: number; readonly note: string }
  | {
      readonly message: null
      readonly note: string
      readonly room: number
      readonly files: readonly { readonly file: string; readonly octets: number }[]
      readonly left: readonly string[]
    }

export interface NewFork {
  readonly id: MessageId
  readonly sender: string
  readonly senderKey: string
  readonly params: string
  readonly schedule: string
  readonly urgency: number
  readonly recipients: readonly NewRow[]
}

/** What one recipient of a claim comes to; absent parts stay. */
export interface Outcome {
  readonly of: number
  readonly lane?: string
  readonly attempts: number
  readonly reported: readonly string[]
  readonly fate?: FateRow
}

export interface FateRow {
  readonly fate: number
  readonly due: Instant
  readonly last: string | null
  readonly why: string | null
}

export interface SettleCall {
  readonly token: number
  readonly message: MessageId
  readonly now: Instant
  readonly outcomes: readonly Outcome[]
  readonly children: readonly { readonly parent: number; readonly row: NewRow }[]
  readonly commits: readonly NewMessage[]
  readonly forks: readonly NewFork[]
  readonly history: readonly string[]
}

/** A message to claim or to read, with its body: in the buffer that comes with the answer, or the name of a file. */
export interface BodyRow {
  readonly bodyFrom: number
  readonly bodyOctets: number
  readonly prefix: Span
  readonly data: Span | null
  readonly file: string | null
}

export interface MessageRow {
  readonly id: MessageId
  readonly sender: string
  readonly params: string
  readonly facts: string
  readonly origin: string
  readonly schedule: string
  readonly accepted: Instant
  readonly octets: number
}

export interface RecipientRow {
  readonly key: number
  readonly parent: number | null
  readonly local: string
  readonly domain: string
  readonly params: string
  readonly sender: string | null
  readonly ancestors: string
  readonly lane: string
  readonly fate: number
  readonly due: Instant
  readonly attempts: number
  readonly reported: string
  readonly last: string | null
  readonly why: string | null
}

export interface ClaimRow {
  readonly token: number
  readonly message: MessageRow
  readonly body: BodyRow
  readonly recipients: readonly RecipientRow[]
}

export interface ListedRow {
  readonly message: MessageRow
  readonly recipients: readonly RecipientRow[]
}

/** A message that is followed. No schedule: it is gone. */
export interface TrailedRow {
  readonly id: MessageId
  readonly proof: string
  readonly accepted: Instant
  readonly schedule: string | null
  readonly recipients: readonly RecipientRow[]
}

/** Calls by name: what goes in, what comes out. Plain values, for they cross to another thread. */
export type Calls = Readonly<Record<string, { readonly in: unknown; readonly out: unknown }>>

/** What the writing thread does, each call whole or not at all. Files are those of bodies that nobody needs any more. */
export type Writes = {
  keep: { in: NewMessage; out: undefined }
  claim: { in: ClaimRequest; out: readonly ClaimRow[] }
  renew: { in: { token: number; message: MessageId; until: Instant }; out: undefined }
  settle: { in: SettleCall; out: { readonly files: readonly string[] } }
  recover: { in: { owner: string; now: Instant }; out: undefined }
  nextDue: { in: { now: Instant }; out: Instant | undefined }
  operate: {
    in: { operation: Operation; by: Sought }
    out: { readonly met: number; readonly files: readonly string[] }
  }
  /** Some recipients; the message to go on after, undefined when all are done. */
  forgetLanes: { in: { after: MessageId }; out: MessageId | undefined }
  rest: { in: { lane: string; until: Instant; why: string }; out: undefined }
  lift: { in: { lane: string }; out: boolean }
  rests: { in: { now: Instant }; out: { lane: string; until: Instant; why: string }[] }
  /** A small step; whether there is more. */
  sweep: { in: { now: Instant; before: Instant }; out: boolean }
  /** Of these files, those that no body is in. */
  orphans: { in: { files: readonly string[] }; out: readonly string[] }
  /** Gives a partial to who opens this file. */
  findPartial: { in: { name: string; file: string; now: Instant; mostOfAll: number }; out: FoundRow | undefined }
  /** Room for so many octets, and files of what had the name. */
  beginPartial: { in: NewPartial; out: { readonly room: number; readonly files: readonly string[] } }
  /** So many octets of a partial's last file are durable; its owner's room. */
  syncPartial: { in: { name: string; file: string; octets: number; mostOfAll: number }; out: number }
  completePartial: { in: CompletionRow; out: undefined }
  /** Whatever has the name, or the partial that has this file open; its files. */
  dropPartial: { in: { name: string; file: string | null }; out: readonly string[] }
  /** What became of a partial is not known any more. */
  forgetPartial: { in: { name: string }; out: undefined }
  /** Some of those that have expired, and whether there are more. */
  sweepPartials: { in: { now: Instant }; out: { readonly files: readonly string[]; readonly isMore: boolean } }
  /** Of these files, those that no partial has. */
  orphansOfPartials: { in: { files: readonly string[] }; out: readonly string[] }
  owners: { in: undefined; out: readonly { name: string; pid: number; started: number }[] }
}

/** What the reading thread does. */
export type Reads = {
  list: { in: { after: MessageId; most: number; by: Sought; now: Instant }; out: readonly ListedRow[] }
  read: { in: { id: MessageId }; out: BodyRow | undefined }
  trace: { in: { id: MessageId }; out: readonly HistoryEvent[] }
  counts: { in: { now: Instant }; out: Counts }
  ahead: { in: { identity: string | null; now: Instant }; out: Ahead }
  trails: { in: { name: string; proof: string; now: Instant }; out: readonly TrailedRow[] }
}
