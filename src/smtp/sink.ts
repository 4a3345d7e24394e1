import type { ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import type { Reply } from '../mail/reply.ts'
import type { Trail } from '../mail/trail.ts'
import type { Header, HeaderEdit } from '../mime/fields.ts'
import type { Completion, Schedule, ServerOutcome, Session, TraceMark, Transaction } from './extension.ts'

/**
 * Where a server's mail goes: the only thing the server core knows of the rest of the program. Every method may throw a
 * Refusal, which is answered as it stands; anything else thrown is a fault of ours and is answered with 451.
 */
export interface Sink {
  connect?(session: Session): Promise<void>
  hello?(session: Session): Promise<void>
  /** May answer in place of the usual 250. */
  mail?(sender: ReversePath, params: ParamBag, session: Session): Promise<Reply | void> | Reply | void
  rcpt?(recipient: Recipient, transaction: Transaction, session: Session): Promise<Reply | void> | Reply | void
  /** The first octet of a body is about to come. */
  open(transaction: Transaction, session: Session): Incoming | Promise<Incoming>
}

/** One message on its way in. After `conclude` or `abort` nothing more is called. */
export interface Incoming {
  /** Whoever is refused at the end while others are taken, and cannot be told so by a reply, is reported to the sender. */
  readonly reportsRefused?: true
  /** Resolves when more may be written. */
  write(chunk: Uint8Array): Promise<void> | void
  /** One outcome per recipient, as they come, each index once; none comes before the mail is as safe as its reply says. */
  conclude(end: IncomingEnd): AsyncIterable<ServerOutcome>
  /** Nothing of it remains. Never rejects. */
  abort(): Promise<void>
}

/** What the core and its extensions found out about the body. */
export interface IncomingEnd {
  readonly header: Header
  readonly facts: BodyFacts
  /** When the end came: when the mail counts as accepted. */
  readonly at: Instant
  readonly params: ParamBag
  /** The transaction's, in its order, with the parameters that the header brought. */
  readonly recipients: readonly Recipient[]
  readonly edits: readonly HeaderEdit[]
  /** Recipients that an extension refused at the end, by index. Their outcomes are the core's affair; do not take them. */
  readonly refused: ReadonlyMap<number, Reply>
  /** No reply says so: the sender must get a report of them. Only where `reportsRefused`. */
  readonly unsaid?: true
  /** What the Received field says of how the mail came (RFC 3848). */
  readonly marks: readonly TraceMark[]
  readonly schedule: Schedule
  /** By what the sender may ask what became of it. */
  readonly trail?: Trail
  /** What is to be true as soon as the mail is kept, and not before. */
  readonly completes?: Completion
}
