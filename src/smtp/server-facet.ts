import type { ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import type { Reply } from '../mail/reply.ts'
import type { Mark } from '../mime/trace.ts'
import type { Channel } from '../net/channel.ts'
import type { BodyEnd, ClosingReplies, EndAnswer } from './end-of-body.ts'
import type { Extension } from './extension.ts'
import type { Resume } from './resume.ts'

/** What a transaction may hold beyond RFC 5321's own grammar: UTF-8 in paths, a body that is not made of lines. */
export interface Grammar {
  readonly utf8: boolean
  readonly binaryBody: boolean
}

export type Phase = 'connected' | 'greeted' | 'mail' | 'rcpt' | 'body'

/** A hook's say: an answer in place of the usual one, parameters in place of those given. Nothing: all as it was. */
export interface HookAnswer {
  /** 4yz and 5yz end the command there. */
  readonly reply?: Reply
  readonly params?: ParamBag
  /** From MAIL, with a reply of 3yz. */
  readonly resume?: Resume
}

type Hooked = HookAnswer | undefined | void
type Awaitable<T> = T | Promise<T>

export interface ServerFacet {
  /**
   * A greeting was taken, and `offer` is asked next: for what has to be looked up first. Asked of every extension of the
   * listener, on offer or not.
   */
  greeted?(greeting: Greeting, session: Session): Awaitable<void>
  /** Arguments after the keyword in the EHLO reply; undefined while not on offer. Absent: always on offer, no arguments. */
  offer?(session: Session): readonly string[] | undefined
  readonly verbs?: Readonly<Record<string, Verb>>
  /** The greeting verb, where it is not EHLO or HELO. */
  readonly greetsWith?: string
  /**
   * Before any verb there is, also while this extension is not on offer: throw a Refusal to veto. Not asked where a verb
   * that is out of place has to read what follows it.
   */
  guard?(verb: string, session: Session): void
  /** Before any verb, this extension's or another's. A `reply` answers it instead; throw a Refusal to veto. */
  onVerb?(verb: string, args: string, session: Session): Awaitable<Hooked>
  /** After MAIL's parameters are read and before it takes effect. A `reply` of 2yz or 3yz replaces the 250. */
  onMail?(sender: ReversePath, params: ParamBag, session: Session): Awaitable<Hooked>
  onRcpt?(recipient: Recipient, transaction: Transaction, session: Session): Awaitable<Hooked>
  /** Before a part of a body whose length is known; `total` includes it. Throw a Refusal to veto, as in `onBody`. */
  onAnnounced?(total: number, transaction: Transaction, session: Session): Awaitable<void>
  /** As body octets arrive; `total` includes this chunk. Throw a Refusal to veto; the rest is read and dropped. */
  onBody?(total: number, transaction: Transaction, session: Session, chunk: Uint8Array): Awaitable<void>
  /** The session is over, maybe in the midst of a transaction, which is still there. */
  ended?(session: Session): Awaitable<void>
  /** The whole body is here and nothing has been promised. */
  atEnd?(end: BodyEnd, transaction: Transaction, session: Session): Awaitable<EndAnswer | undefined | void>
  /**
   * Tells each outcome as a reply of its own, while it comes; the core sends them in RCPT order. `after` may close the
   * block with one more reply. At most one extension on offer may have it.
   */
  readonly closingReplies?: ClosingReplies
  /** What this transaction may hold, given MAIL's or RCPT's parameters. */
  grammar?(params: ParamBag): Partial<Grammar> | undefined
  /** The last word on how a reply looks. Not called for one without a status: greetings, EHLO's, 3yz. */
  dress?(reply: Reply): Reply
  /** What this adds to the `with` keyword of the Received field (RFC 3848). */
  traceMark?(session: Session, params: ParamBag): TraceMark | undefined
}

export type TraceMark = Mark

export interface Verb {
  readonly phases: readonly Phase[]
  /** What is answered in another phase. Absent: 503 5.5.1 Bad sequence of commands. */
  readonly outOfPhase?: (args: string, session: Session) => Awaitable<Answer>
  /** What is answered while the extension is not on offer. Absent: 502 5.5.1. */
  readonly unavailable?: Reply
  /** Refused unless it is the last of its batch: what follows would be read with another meaning. */
  readonly alone?: boolean
  /** The reply may wait for those of the commands behind it (RFC 2920 3.2): RSET, MAIL, RCPT. Absent: sent at once. */
  readonly batches?: boolean
  /** Octets of the command line at most, CRLF included. Absent: 1000. */
  readonly maxLine?: number
  /** One line for HELP. */
  readonly usage?: string
  run(args: string, session: Session): Awaitable<Answer>
}

/** What a verb answers, and what becomes of the channel once the answer is out. */
export type Answer = Reply | { readonly replies: Iterable<Reply> | AsyncIterable<Reply>; readonly after?: AfterReply }

export type AfterReply =
  | { readonly channel: 'close' }
  /** A new channel takes over and the session starts anew, all it knew forgotten. `greet`: as if just connected (XCLIENT). */
  | { readonly channel: 'replace'; with(channel: Channel): Promise<Channel>; readonly greet?: true }
  /** The session ends, the channel lives on with someone else. */
  | { readonly channel: 'handOver'; to(channel: Channel): Promise<void> }

/** The server's side of one connection, as extensions and policy see it. */
export interface Session {
  readonly peer: string
  readonly channel: Pick<Channel, 'peer' | 'local' | 'secured'>
  readonly phase: Phase
  readonly greeting: Greeting | undefined
  /** What it is held to. Attempts count; 0: any number. */
  readonly limits: SessionLimits
  /** Who the client proved to be. Set by whatever proved it. */
  identity: string | undefined
  readonly transaction: Transaction | undefined
  /** Verbs that exist now, with those of extensions on offer: for HELP. */
  readonly verbs: ReadonlyMap<string, Verb>
  /** What the last greeting put on offer, in the order of the list. */
  readonly extensions: readonly Extension[]
  /** The client has sent more than has been read: it did so without knowing the next reply. */
  readonly ahead: boolean
  /** What a transaction with these parameters may hold. */
  grammar(params: ParamBag): Grammar
  /** Reads a path and parameters as MAIL does and begins a transaction; `kind` tells SEND from MAIL. */
  beginTransaction(args: string, kind: string): Promise<Answer>
  /**
   * The argument of a verb that may have parameters behind it (RFC 6531 3.7.4.2), and what the answer may hold by them.
   * Throws a Refusal for parameters, as MAIL does.
   */
  readArgument(verb: string, args: string): { readonly argument: string; readonly grammar: Grammar }
  /** Sends an intermediate reply and returns the client's next line, at most `limit` octets of it. */
  ask(reply: Reply, limit: number): Promise<string>
  /** Makes ready for a body. Throws a Refusal when none can be taken now; `append` does it too. */
  openBody(): Promise<void>
  /** Exactly this many octets of the client's next input. */
  take(octets: number): AsyncIterable<Uint8Array>
  /**
   * Reads so many octets that nobody wants, so that the dialogue stays in step. If that is too many, they are not read
   * and the connection ends after the answer.
   */
  skip(octets: number): Promise<void>
  /** Sends 354 and gives the dot-terminated body that follows. */
  takeDotted(reply: Reply): AsyncIterable<Uint8Array>
  /**
   * Adds to the body; reads the source to its end even when a part of it is refused, unless too much of it is left, when
   * the connection ends after the answer. A refusal is remembered and thrown when the source is read out; appending goes
   * on throwing it until the transaction ends. `announced`: how many octets the source brings, where that is known.
   */
  append(source: AsyncIterable<Uint8Array>, announced?: number): Promise<void>
  /** Ends the body, hands the mail on, and tells what to reply, as the outcomes come. The transaction is over. */
  conclude(): Answer
  /** Drops the transaction. */
  reset(): void
}

export interface SessionLimits {
  /** RCPT commands of a transaction. */
  readonly recipients: number
  /** Transactions of the session. */
  readonly transactions: number
  /** Domains of its recipients, over all transactions. */
  readonly domains: number
}

export interface Greeting {
  readonly verb: string
  readonly name: string
  /** By EHLO or LHLO, so parameters may be used. */
  readonly extended: boolean
}

export interface Transaction {
  /** MAIL, or the verb that stands for it. */
  readonly kind: string
  /** When MAIL came. */
  readonly begun: Instant
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly recipients: readonly Recipient[]
  /** It goes on from an earlier one. */
  readonly resumed?: true
}
