import type { ParamBag } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import type { Reply } from '../mail/reply.ts'
import type { Header, HeaderEdit } from '../mime/fields.ts'
import type { Transaction } from './extension.ts'
import type { Completion } from './resume.ts'

export interface ClosingReplies {
  /** Whether this transaction is answered recipient by recipient. */
  applies(transaction: Transaction): boolean
  before?(transaction: Transaction): Reply | undefined
  after?(outcomes: readonly ServerOutcome[], transaction: Transaction): Reply | undefined
}

/** The end of a body as hooks see it. */
export interface BodyEnd {
  readonly header: Header
  readonly facts: BodyFacts
  /** When it came: the mail counts as accepted from then on. */
  readonly at: Instant
}

export interface EndAnswer {
  /** Vetoes the message for all. */
  readonly reply?: Reply
  /** Vetoes it for some, by their place in `transaction.recipients`. */
  readonly recipients?: ReadonlyMap<number, Reply>
  /** In place of the transaction's. */
  readonly params?: ParamBag
  readonly edits?: readonly HeaderEdit[]
  /** What those whose mail is taken are told in place of the usual reply. */
  readonly says?: (usual: Reply) => Reply
  /** What the sink has to complete with the mail. Asked when all have spoken and it is known who is refused. One at most. */
  completes?(refused: ReadonlyMap<number, Reply>): Completion
}

/** What became of one recipient at the end of a body; `index` is its place in `transaction.recipients`. */
export interface ServerOutcome {
  readonly index: number
  readonly reply: Reply
}
