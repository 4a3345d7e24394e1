import type { Address } from '../mail/address.ts'
import type { Envelope, ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import type { Reply } from '../mail/reply.ts'
import type { Mark } from '../mime/trace.ts'
import type { Channel } from '../net/channel.ts'
import type { Attempt, ReplyMeaning } from './attempt.ts'
import type { BodyEnd, ClosingReplies, EndAnswer } from './end-of-body.ts'
import type { QueueFacet, ReportFacet } from './queue-facet.ts'
import type { Resume } from './resume.ts'
import type { Sendable, Variant } from './variant.ts'

export type { Attempt, ReplyMeaning } from './attempt.ts'
export { Barred, RetryWithout } from './barred.ts'
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

// ---- server ----

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

// ---- client ----

/** The client's side of one connection, as extensions see it while greetings are exchanged. */
export interface Conversation {
  readonly hop: Hop
  /** The mail that waits is to go even where what is demanded of hops cannot be had: demands are wishes now. */
  readonly lenient?: true
  /** One command, its reply. None of the `secrets` stands in what is returned or thrown, should the hop repeat them. */
  command(line: string, secrets?: readonly string[]): Promise<Reply>
  replaceChannel(make: (channel: Channel) => Promise<Channel>): Promise<void>
}

/** What the next hop can do. Extensions fill in the settings; the client core reads them. */
export interface Hop {
  /** The name it was looked up by; certificates are checked against it. */
  readonly name: string
  readonly address: string
  readonly offers: ReadonlyMap<string, readonly string[]>
  readonly channel: Pick<Channel, 'peer' | 'local' | 'secured'>
  /** Open: recipients, transactions, domains, octets, line. The core obeys the smallest that any extension gave. */
  readonly limits: Map<string, number>
  /** How sure we are of who the hop is, and that nobody listens. */
  assurance: 'none' | 'encrypted' | 'verified'
  readonly proofs: Proofs
  mayBatch?: boolean
  /** Its reply texts begin with RFC 3463 statuses. */
  givesStatuses?: boolean
  /** MIME encodings it takes beyond 7bit: filled in by the extensions that bring them. */
  readonly encodings: Set<BodyFacts['encoding']>
  /** It takes UTF-8 in header fields, at any depth. */
  takesUtf8Headers?: true
  sendBody?: BodySender
  closingReplyPerRecipient?: boolean
  /** What it takes is in a mailbox: a mail store, where relaying ends. */
  isStore?: true
  /** It makes the reports of what it takes itself, for it is told how much they are wanted. */
  reports?: true
  /** What extensions keep about this hop between greeting and mail, by their keyword. */
  readonly notes: Map<string, unknown>
}

/** By what a hop is known to be who it should be. Sources of assurance fill it in; whoever demands assurance asks for it. */
export interface Proofs {
  /** By what its certificate is known to be that of its name. Absent: it is not, or there is none. */
  readonly certificate?: 'pkix' | 'dane'
  readonly host: HostProof
}

/** By what a name is known to be a host for the mail: settings or the address itself `named` it, or an MX record, proved or not. */
export type HostProof = 'named' | 'unproved' | 'dnssec' | 'mta-sts'

/** Throws the hop's answer as a Refusal, should it refuse the mail on the way. */
export type BodySender = (body: AsyncIterable<Uint8Array>, wire: BodyWire) => Promise<void>

/** The wire while a body is sent: what a body sender may do. `command` reads its reply; `line` does not. */
export interface BodyWire {
  readonly hop: Hop
  /** The exact size of the body. */
  readonly octets: number
  command(line: string): Promise<Reply>
  raw(data: Uint8Array): void
  line(text: string): void
  flush(): Promise<void>
  reply(): Promise<Reply>
}

export interface OutboundMail {
  readonly id: string
  readonly envelope: Envelope
  readonly facts: BodyFacts
  /** Mail that this program is the first to handle: what a user of ours submitted, or a report it wrote. Absent: others' mail. */
  readonly origin?: 'submitted' | 'report'
  readonly accepted: Instant
  readonly now: Instant
  /** The queue says that it is time, whatever its sender wished. Absent: nobody has looked. */
  readonly released?: true
  /** What was made of the content since it was accepted: the same only where every octet is. */
  readonly version?: string
}

/** A recipient of outbound mail. `key` tells two of the same address apart. */
export interface OutboundRecipient extends Recipient {
  readonly key: number
}

export interface ClientFacet {
  /** The greeting verb, where it is not EHLO. */
  readonly greetsWith?: string
  /** The hop offers this. `greetAgain` after the channel was replaced; an `AfterReply` when the connection turns round. */
  offered?(talk: Conversation, args: readonly string[]): Promise<'greetAgain' | AfterReply | void> | void
  /** The hop does not offer it; throw a Refusal if it may not be done without. */
  notOffered?(talk: Conversation): void
  /** Whether this mail makes use of the extension. Absent: when it carries one of its parameters. */
  concerns?(mail: OutboundMail): boolean
  /** Whether this mail is to go even where what is demanded of hops (TLS, a right certificate) cannot be had. */
  lenient?(mail: OutboundMail): boolean
  /** The mail makes use of it and the hop lacks it. Absent: drop the parameters. */
  without?(mail: OutboundMail, hop: Hop, recipients: readonly OutboundRecipient[]): readonly Remedy[]
  /** The mail makes use of it and the hop has it, but not all that is needed, or the sender is to be told. */
  with?(mail: OutboundMail, hop: Hop, recipients: readonly OutboundRecipient[]): readonly Remedy[]
  /** Where the body of this mail broke off, it may go on: the host that has a part of it is asked first, at the same address. */
  goesOn?(mail: OutboundMail): boolean
  /** MAIL parameters for this hop, on the final facts; they win over those that travel. Asked anew right before each MAIL. Throw a Refusal to give the mail up. */
  adds?(mail: OutboundMail, hop: Hop): ParamBag
  /** RCPT parameters likewise. */
  forRecipient?(recipient: OutboundRecipient, mail: OutboundMail, hop: Hop): ParamBag
  /**
   * What recipients are sent in place of the content as it was accepted, as far as is known of them: asked before anything
   * else is planned, and again with what was `learned`. Recipients of no variant get the content as it is.
   */
  variants?(mail: Sendable, hop: Hop): Promise<readonly Variant[]>
  /** Notes that each recipient keeps once the hop has taken it, given MAIL's parameters for the hop. */
  notes?(mail: OutboundMail, params: ParamBag): readonly string[]
  /**
   * Whether, where MAIL carries its parameters, the hop makes a reverse-path for each recipient itself: those that recipients
   * have are left out, and one transaction is for all.
   */
  makesSenders?(hop: Hop): boolean
  /** The hop does not offer it: how an address of the envelope is said there all the same. Undefined: as it is. */
  readdress?(address: Address): Address | undefined
  /** A reply to `MAIL`, `RCPT` or the `body` that means more here than its code says. The first to find a meaning decides. */
  onReply?(verb: string, answer: Reply, attempt: Attempt): ReplyMeaning | undefined | void
  /**
   * Verbs whose replies are read before anything further is sent, where the mail makes use of the extension: `MAIL` where
   * `onReply` may say `skipTo`, `RCPT` where it may split off a recipient the hop has taken, or learn something.
   */
  readonly awaits?: readonly ('MAIL' | 'RCPT')[]
}

/** What a body should become for a hop. */
export interface ConversionTarget {
  readonly encoding: BodyFacts['encoding']
  /** Octets of a line at most, CRLF not counted. */
  readonly maxLine: number
  /** Of header fields, at any depth: no octets above 127, or whatever there is. */
  readonly header: 'ascii' | 'raw'
}

export type Remedy =
  | { readonly do: 'convert'; readonly into: Partial<ConversionTarget> }
  | {
      readonly do: 'refuse'
      readonly reply: Reply
      readonly next: 'otherHost' | 'later' | 'never'
      /** Keys; absent: all. */
      readonly of?: readonly number[]
    }
  | { readonly do: 'prepend' | 'replaceField'; readonly field: readonly [string, string] }
  | { readonly do: 'removeField'; readonly name: string }
  /** RCPT parameters, as if the recipients had come with them: sent where their owner is in force. */
  | { readonly do: 'addParams'; readonly params: ParamBag; readonly of: readonly number[] }
  /**
   * These go under another reverse-path than their own, in transactions apart; if they are refused for good so, under
   * their own after all. The empty one wins.
   */
  | { readonly do: 'sendAs'; readonly sender: ReversePath; readonly of: readonly number[] }
  /** All go under the reverse-paths that they have, whatever `sendAs` says: the sender is a part of what was promised. */
  | { readonly do: 'keepSenders' }
  /** We are the last hop that can tell the sender; takes effect for recipients the hop accepts. */
  | { readonly do: 'report'; readonly event: 'relayed'; readonly of: readonly number[] }
