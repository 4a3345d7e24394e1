import { Refusal, type Reply, reply } from '../mail/reply.ts'
import { Closed } from '../net/channel.ts'
import { BareNewline, beginsLine, exactly, SenderWire, sendDotted } from './client-body.ts'
import { readClosing } from './client-closing.ts'
import { mailCommand, rcptCommand } from './client-commands.ts'
import { exchange, type Step } from './client-exchange.ts'
import { type Broken, Outcomes, type SendOutcome } from './client-outcomes.ts'
import { type ClientWire, HungUp } from './client-wire.ts'
import type { Attempt, Extension, Hop, OutboundMail, OutboundRecipient, ReplyMeaning } from './extension.ts'
import type { RelayPlan } from './relay-mail.ts'
import { notes } from './relay-params.ts'
import { BadReply } from './reply-reader.ts'

export interface TransactionOptions {
  readonly wire: ClientWire
  readonly hop: Hop
  /** The extensions in force. */
  readonly used: ReadonlySet<Extension>
  readonly plan: RelayPlan
  readonly recipients: readonly OutboundRecipient[]
  /** An earlier transaction may still be open at the hop: RSET comes first. */
  readonly reset: boolean
  /** The connection has rested since it was last used, and may have been closed meanwhile. */
  readonly rested: boolean
  readonly settled: (outcome: SendOutcome) => void
  /**
   * Something was learned of these recipients, and nothing has been sent: whether they are to be begun anew, by whoever is
   * asked. `anew`: they have to be.
   */
  readonly reconsider: (recipients: readonly OutboundRecipient[], anew: boolean) => Promise<boolean>
}

export interface TransactionEnd {
  /** Recipients to be sent in further transactions, each group in one. */
  readonly again: readonly (readonly OutboundRecipient[])[]
  /** The hop may still hold a transaction of ours. */
  readonly open: boolean
  /** What broke the connection; every recipient still open has been told. */
  readonly broken?: Broken
  /** The connection was dead before anything was said: nobody has been sent, and another connection may do. */
  readonly stale?: true
}

/** One mail transaction (RFC 5321 3.3): at its end every recipient has its outcome or is to be sent again. Throws for faults of ours. */
export const transact = (options: TransactionOptions): Promise<TransactionEnd> => new Transaction(options).run()

class Transaction implements Attempt {
  readonly accepted: OutboundRecipient[] = []
  asked: OutboundRecipient | undefined
  readonly #options: TransactionOptions
  readonly #outcomes: Outcomes
  readonly #again: (readonly OutboundRecipient[])[] = []
  readonly #split: OutboundRecipient[] = []
  readonly #heard: number
  readonly #notes: readonly string[]
  #phase = 'MAIL'
  #open = false
  #refused = false
  /** The hop has the recipients from an earlier attempt: what it says to RCPT means nothing. */
  #known = false
  /** The hop took a recipient of a mail it had refused. */
  #astray = false
  /** What the hop has taken is not what belongs here: the transaction must be begun anew. */
  #anew = false
  /** Something was learned of a recipient, and what of those that were refused then. */
  #learned = false
  readonly #askAgain: OutboundRecipient[] = []
  #skipTo = 0
  #unusable: (() => void) | undefined
  /** What was said to DATA. */
  #ready: Reply | undefined
  /** The end of the body is on its way: from here on the mail may have been accepted. */
  #promised = false

  constructor(options: TransactionOptions) {
    this.#options = options
    this.#outcomes = new Outcomes(options.recipients, options.settled)
    this.#heard = options.wire.heard
    this.#notes = notes(options.plan.mail, options.plan.params, options.used)
  }

  get mail(): OutboundMail {
    return this.#options.plan.mail
  }

  get hop(): Hop {
    return this.#options.hop
  }

  async run(): Promise<TransactionEnd> {
    try {
      await exchange(this.#options.wire, this.#steps(), this.hop.mayBatch === true)
      await this.#body()
    } catch (error) {
      return this.#broke(error)
    }
    if (this.#split.length > 0) this.#again.push(this.#split)
    return { again: this.#again, open: this.#open }
  }

  /** RSET, MAIL, RCPT and, where nothing stands against it, DATA. */
  #steps(): readonly Step[] {
    const { wire, plan, recipients, reset } = this.#options
    const { timeouts } = wire
    const steps: Step[] = []
    if (reset) steps.push({ line: 'RSET', timeout: timeouts.rset, take: onReset })
    steps.push({
      line: mailCommand(plan.mail.envelope.sender, plan.params),
      timeout: timeouts.mail,
      take: (answer) => this.#onMail(answer),
    })
    for (const [index, recipient] of recipients.entries()) {
      steps.push({
        line: rcptCommand(recipient.address, plan.recipientParams.get(recipient.key)),
        timeout: timeouts.rcpt,
        waits: index === 0 && plan.awaits.has('MAIL'),
        take: (answer) => this.#onRcpt(recipient, answer),
      })
    }
    if (this.hop.mayBatch && !this.hop.sendBody && !plan.awaits.has('RCPT')) {
      steps.push({ line: 'DATA', timeout: timeouts.data, take: (answer) => this.#onData(answer) })
    }
    return steps
  }

  #onMail(answer: Reply): 'stop' | undefined {
    const meaning = this.#meaning('MAIL', answer)
    this.#phase = 'RCPT'
    if (meaning && 'begin' in meaning) {
      this.#known = true
      this.#beginAnew()
    } else if (meaning && 'skipTo' in meaning) {
      this.#known = true
      this.#skipTo = meaning.skipTo
      this.#unusable = meaning.unusable
      this.accepted.push(...this.#options.recipients)
    } else if (answer.code >= 300) {
      this.#refused = true
      demandRefusal('MAIL', answer)
      if (meaning && 'split' in meaning && this.#outcomes.left > 1) this.#apart(this.#options.recipients)
      else this.#outcomes.settleRest({ diagnosis: this.#refusal('MAIL', answer, meaning) })
    }
    this.#open = !this.#refused
    return this.#known || this.#refused ? 'stop' : undefined
  }

  #onRcpt(recipient: OutboundRecipient, answer: Reply): void {
    const taken = answer.code < 300
    if (this.#known) return
    if (this.#refused) {
      this.#astray ||= taken
      this.#open ||= taken
      return
    }
    const notFirst = this.accepted.length > 0
    if (taken) this.accepted.push(recipient)
    this.asked = recipient
    const meaning = this.#meaning('RCPT', answer)
    this.asked = undefined
    if (meaning && 'learned' in meaning) {
      this.#learned = true
      if (!taken) this.#askAgain.push(recipient)
      return
    }
    if (meaning && 'skipTo' in meaning) this.#skipTo = meaning.skipTo
    if (meaning && 'split' in meaning && notFirst && (!taken || this.#options.plan.awaits.has('RCPT'))) {
      if (taken) this.accepted.pop()
      this.#anew ||= taken
      this.#split.push(recipient)
    } else if (!taken) {
      this.#anew ||= meaning !== undefined && 'begin' in meaning
      demandRefusal('RCPT', answer)
      if (notFirst && tooMany(answer)) this.#split.push(recipient)
      else this.#outcomes.settle(recipient, this.#refusal('RCPT', answer, meaning))
    }
  }

  #onData(answer: Reply): void {
    if (answer.code < 300) throw new BadReply(`${answer.code} in answer to DATA`)
    this.#ready = answer
  }

  #meaning(verb: string, answer: Reply): ReplyMeaning | undefined {
    for (const { client } of this.#options.used) {
      const meaning = client?.onReply?.(verb, answer, this)
      if (meaning) return meaning
    }
    return undefined
  }

  #refusal(verb: string, answer: Reply, meaning: ReplyMeaning | undefined): Broken['diagnosis'] {
    const { wire } = this.#options
    return meaning && 'wait' in meaning && answer.code >= 500 ? wire.ours(meaning.wait, verb) : wire.said(answer, verb)
  }

  /** All of them, with the parameters of then. */
  #beginAnew(): void {
    this.#again.push(this.#options.recipients)
    this.accepted.length = 0
    // A body that is waited for already would have to be sent.
    if (this.#ready && this.#ready.code < 400) this.#options.wire.destroy()
  }

  /** Whether a body can be sent from the octet that was asked for. By DATA, a line must begin there. */
  async #isUsable(): Promise<boolean> {
    const { mail } = this.#options.plan
    if (this.#skipTo > mail.facts.octets) return false
    return this.hop.sendBody !== undefined || (await beginsLine(mail.content(), this.#skipTo))
  }

  async #body(): Promise<void> {
    const { wire } = this.#options
    if (this.#unusable && !(await this.#isUsable())) {
      this.#unusable()
      this.#beginAnew()
      return
    }
    if (this.#ready === undefined) {
      if (await this.#reconsidered()) return
      if (this.accepted.length === 0) return
      if (this.#anew) {
        this.#again.push([...this.accepted])
        return
      }
      if (this.hop.sendBody) return this.#transmit()
      this.#phase = 'DATA'
      this.#onData(await wire.command('DATA', wire.timeouts.data))
    }
    this.#phase = 'DATA'
    const ready = this.#ready
    if (ready && ready.code >= 400) this.#outcomes.settleAll(this.accepted, wire.said(ready, 'DATA'))
    else if (this.accepted.length === 0) await this.#loneDot()
    else await this.#transmit()
  }

  async #reconsidered(): Promise<boolean> {
    const known = [...this.accepted, ...this.#askAgain]
    return this.#learned && known.length > 0 && this.#options.reconsider(known, this.#askAgain.length > 0 || this.#anew)
  }

  /** The hop waits for a body although nobody is to have one (RFC 2920 3.1). */
  async #loneDot(): Promise<void> {
    const { wire } = this.#options
    // Somebody would get an empty message, or the replies cannot be counted.
    if (this.#astray || this.hop.closingReplyPerRecipient) return wire.destroy()
    await wire.command('.', wire.timeouts.end)
    this.#open = false
  }

  async #transmit(): Promise<void> {
    const { wire, plan } = this.#options
    const { octets } = plan.mail.facts
    this.#phase = 'body'
    if (this.#skipTo > octets) throw new BadReply(`It claims to have ${this.#skipTo} octets of ${octets}`)
    const body = exactly(plan.mail.content(), octets, this.#skipTo)
    if (!this.hop.sendBody) {
      await sendDotted(body, wire)
    } else if (!(await this.#sendAs(body, octets - this.#skipTo))) {
      return
    }
    const early = this.hop.sendBody ? undefined : await this.#early()
    this.#promised = true
    // Pushed, not flushed: whatever becomes of our last octets, a reply that is there already is the truth.
    wire.push()
    const closing = await readClosing({
      wire,
      accepted: this.accepted,
      said: early,
      perRecipient: this.hop.closingReplyPerRecipient === true,
      meaning: (answer) => this.#meaning('body', answer),
      conclude: (recipient, answer) => this.#conclude(recipient, answer),
    })
    if (closing === 'apart') this.#apart(this.accepted)
    this.#open = false
  }

  /** The end of the body has not been sent: nothing but a refusal can be the answer to it. */
  async #early(): Promise<Reply | undefined> {
    const { wire } = this.#options
    if (!wire.channel.pending()) return undefined
    const said = await wire.reply(wire.timeouts.end)
    if (said.code < 400) throw new BadReply(`${said.code} before the end of the body`)
    return said
  }

  /** By an extension's own way. False: it was refused on the way. */
  async #sendAs(body: AsyncIterable<Uint8Array>, octets: number): Promise<boolean> {
    const { wire } = this.#options
    try {
      await this.hop.sendBody?.(body, new SenderWire(this.hop, octets, wire))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      demandRefusal('the body', error.given)
      this.#outcomes.settleAll(this.accepted, wire.said(error.reply, 'body'))
      return false
    }
    return true
  }

  #conclude(recipient: OutboundRecipient, answer: Reply): void {
    const { wire, plan } = this.#options
    const said = wire.said(answer, 'body')
    const taken = answer.code < 300
    const relayed = taken && plan.relayed.has(recipient.key)
    const remembered = taken ? this.#notes : []
    this.#outcomes.settle(recipient, said, {
      ...(relayed ? { event: 'relayed' } : {}),
      ...(taken && (plan.conversion || plan.mail.variant !== undefined) ? { converted: true } : {}),
      ...(remembered.length > 0 ? { notes: remembered } : {}),
    })
  }

  /** Each in a transaction of its own. */
  #apart(recipients: readonly OutboundRecipient[]): void {
    for (const recipient of recipients) this.#again.push([recipient])
  }

  /** The connection is gone, or had better go. */
  async #broke(error: unknown): Promise<TransactionEnd> {
    const { wire, rested } = this.#options
    if (rested && this.#saidNothing(error)) {
      wire.destroy()
      return { again: [], open: false, stale: true }
    }
    const diagnosis = this.#trouble(await this.#lastWord(error))
    wire.destroy()
    if (diagnosis === undefined) throw error
    const final = diagnosis.code >= 500 || this.#promised
    const broken: Broken = final ? { diagnosis } : { diagnosis, next: 'otherHost' }
    this.#outcomes.settleRest(broken)
    return { again: [], open: false, broken }
  }

  #trouble(error: unknown): Broken['diagnosis'] | undefined {
    const { wire } = this.#options
    return error instanceof BareNewline
      ? wire.ours(reply(554, '5.6.0', error.message), this.#phase)
      : wire.trouble(error, this.#phase)
  }

  #saidNothing(error: unknown): boolean {
    const replies = this.#options.wire.heard - this.#heard
    return replies === 0 ? error instanceof Closed : replies === 1 && error instanceof HungUp
  }

  /** A hop that goes away while we send may have said why. */
  async #lastWord(error: unknown): Promise<unknown> {
    const { wire } = this.#options
    if (!(error instanceof Closed) || this.#promised || !wire.channel.pending()) return error
    try {
      const said = await wire.reply(0)
      return said.code >= 400 ? new HungUp(said) : error
    } catch (worse) {
      return worse instanceof HungUp ? worse : error
    }
  }
}

const onReset = (answer: Reply): void => {
  if (answer.code >= 300) throw new BadReply(`${answer.code} in answer to RSET`)
}

const demandRefusal = (verb: string, answer: Reply): void => {
  if (answer.code < 400) throw new BadReply(`${answer.code} in answer to ${verb}`)
}

/** RFC 5321 4.5.3.1.10; with a status it must be that of RFC 3463 3.6 for it. */
const tooMany = ({ code, status }: Reply): boolean =>
  (code === 452 || code === 552) && (status === '' || status.endsWith('.5.3'))
