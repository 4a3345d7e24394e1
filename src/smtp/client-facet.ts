import type { Address } from '../mail/address.ts'
import type { Envelope, ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import type { Reply } from '../mail/reply.ts'
import type { Channel } from '../net/channel.ts'
import type { Attempt, ReplyMeaning } from './attempt.ts'
import type { AfterReply } from './server-facet.ts'
import type { Sendable, Variant } from './variant.ts'

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
