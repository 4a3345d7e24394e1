import { domainKey } from '../mail/idna.ts'
import { Refusal, reply } from '../mail/reply.ts'
import type { Channel } from '../net/channel.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { type Introduced, introduce } from './client-hello.ts'
import { inForce } from './client-hop.ts'
import type { Broken, SendOutcome } from './client-outcomes.ts'
import { type ClientTimeouts, clientTimeouts } from './client-timeouts.ts'
import { type TransactionEnd, type TransactionOptions, transact } from './client-transaction.ts'
import { ClientWire } from './client-wire.ts'
import type { Extension, Hop, HostProof, OutboundRecipient } from './extension.ts'
import type { Registry } from './registry.ts'
import { type Convert, forSome, type RelayMail, type RelayPlan, type Sign, type Unsent } from './relay-mail.ts'
import { planRelay, type RelayPlans } from './relay-plan.ts'

export interface ConversationOptions {
  readonly registry: Registry
  /** How we introduce ourselves: our name, or an address literal in its brackets. */
  readonly hostname: string
  /** The name the hop was looked up by. */
  readonly name: string
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds; those absent are RFC 5321's. */
  readonly timeouts?: Partial<ClientTimeouts>
  /** By what the name is known to be a host for the mail. Absent: `named`. */
  readonly proof?: HostProof
  /** See `Conversation.lenient`. */
  readonly lenient?: true
  readonly convert?: Convert
  readonly sign?: Sign
}

/**
 * Greets the hop and lets every extension have its say. The conversation may be over already when an extension took the
 * channel (`ended`). Throws `HopUnusable`, or an extension's `RetryWithout`; the channel is closed then.
 */
export const openConversation = async (channel: Channel, options: ConversationOptions): Promise<ClientConversation> => {
  const { name, clock, timeouts } = options
  const wire = new ClientWire(channel, name, clock, { ...clientTimeouts, ...timeouts })
  return new ClientConversation(wire, await introduce(wire, options), options)
}

/** The client's side of one connection, ready for mail. One `send` at a time. */
export class ClientConversation {
  readonly hop: Hop
  /** What an extension made of the connection; undefined: it is ours. */
  readonly ended: 'closed' | 'handedOver' | undefined
  readonly #wire: ClientWire
  readonly #options: ConversationOptions
  readonly #used: ReadonlySet<Extension>
  readonly #domains: Set<string> = new Set()
  #transactions = 0
  #open = false
  #busy = false

  constructor(wire: ClientWire, { hop, is }: Introduced, options: ConversationOptions) {
    this.hop = hop
    this.ended = is === 'ready' ? undefined : is
    this.#wire = wire
    this.#options = options
    this.#used = inForce(options.registry, hop.offers)
  }

  /** Transactions begun, those refused included. */
  get transactions(): number {
    return this.#transactions
  }

  /** Whether another mail can be sent: the connection lives, nothing came unasked, and the hop's limits leave room. */
  get usable(): boolean {
    return !this.#wire.over && !this.#busy && !this.#spent && !this.#wire.channel.pending()
  }

  /** The hop makes the reports of what it takes itself, for it was told how much they are wanted. */
  get reports(): boolean {
    return this.hop.reports === true
  }

  /** Whether the hop's limits leave room for one of these on this connection. */
  takes(recipients: readonly OutboundRecipient[]): boolean {
    return this.usable && recipients.some((recipient) => this.#domainFits(recipient))
  }

  /**
   * Sends the mail in as many transactions as it takes; `settled` is called once for each recipient as its outcome comes,
   * but not for those returned: they need another connection, for this one was dead already or the hop allows no more
   * on it. Rejects for faults of ours only (a body that cannot be read), and then the connection is closed.
   */
  async send(mail: RelayMail, settled: (outcome: SendOutcome) => void): Promise<readonly OutboundRecipient[]> {
    if (this.#busy) throw new Error('Another mail is being sent')
    this.#busy = true
    await using scope = new AsyncDisposableStack()
    try {
      const plan = (some: RelayMail) => planRelay(some, { ...this.#options, hop: this.hop, used: this.#used, scope })
      const first = await plan(mail)
      for (const one of first.unsent) settled(this.#unsent(one))
      return await this.#work(worksOf(first), (recipients) => plan(forSome(mail, recipients)), settled)
    } catch (error) {
      this.#wire.destroy()
      throw error
    } finally {
      this.#busy = false
    }
  }

  async #work(
    todo: Work[],
    replan: (recipients: readonly OutboundRecipient[]) => Promise<RelayPlans>,
    settled: (outcome: SendOutcome) => void,
  ): Promise<readonly OutboundRecipient[]> {
    const elsewhere: OutboundRecipient[] = []
    let broken: Broken | undefined
    let rested = this.#transactions > 0
    for (let work = todo.shift(); work !== undefined; work = todo.shift()) {
      const { plan, recipients } = work
      broken ??= this.#wire.over ? this.#gone() : undefined
      if (broken) {
        for (const { key } of recipients) settled({ of: key, ...broken })
        continue
      }
      const { now, later, never } = this.#portion(recipients)
      elsewhere.push(...never)
      if (later.length > 0) todo.unshift({ plan, recipients: later })
      if (now.length === 0) continue
      let better: RelayPlans | undefined
      const refused = new Set<number>()
      const take = (outcome: SendOutcome): void => {
        if (plan.otherwise && isRefusal(outcome)) refused.add(outcome.of)
        else settled(outcome)
      }
      const end = await this.#transact(plan, now, rested, take, async (known, anew) => {
        const plans = await replan(known)
        if (!anew && sameContent(plan, plans)) return false
        better = plans
        return true
      })
      if (end.stale) return [...elsewhere, ...now, ...todo.flatMap((one) => one.recipients)]
      rested = false
      broken = end.broken
      for (const other of plan.otherwise ?? []) {
        const theirs = other.mail.recipients.filter(({ key }) => refused.has(key))
        if (theirs.length > 0) todo.unshift({ plan: other, recipients: theirs })
      }
      todo.unshift(...end.again.map((group) => ({ plan, recipients: group })), ...(better ? worksOf(better) : []))
      for (const one of better?.unsent ?? []) settled(this.#unsent(one))
    }
    return elsewhere
  }

  async #transact(
    plan: RelayPlan,
    recipients: readonly OutboundRecipient[],
    rested: boolean,
    settled: (outcome: SendOutcome) => void,
    reconsider: TransactionOptions['reconsider'],
  ): Promise<TransactionEnd> {
    const now = this.#now(plan, recipients)
    if (now instanceof Refusal) {
      const next = now.reply.code >= 500 ? 'never' : 'later'
      for (const recipient of recipients) settled(this.#unsent({ recipient, reply: now.reply, next }))
      return { again: [], open: this.#open }
    }
    this.#transactions += 1
    const [wire, hop, used, reset] = [this.#wire, this.hop, this.#used, this.#open]
    const end = await transact({ wire, hop, used, plan: now, recipients, reset, rested, settled, reconsider })
    this.#open = end.open
    return end
  }

  /** Time has passed since the plan was made: by converting, or by transactions before this one. */
  #now(plan: RelayPlan, recipients: readonly OutboundRecipient[]): RelayPlan | Refusal {
    const mail = forSome(plan.mail, recipients)
    try {
      return { ...plan, mail, params: plan.paramsAt(this.#options.clock.now(), mail) }
    } catch (error) {
      if (error instanceof Refusal) return error
      throw error
    }
  }

  /** Who goes into the next transaction, who into a later one, and who cannot go over this connection any more. */
  #portion(recipients: readonly OutboundRecipient[]): Portion {
    if (this.#spent) return { now: [], later: [], never: recipients }
    const most = Math.floor(this.hop.limits.get('recipients') ?? MOST_RECIPIENTS)
    if (recipients.length <= most && !this.hop.limits.has('domains')) return { now: recipients, later: [], never: [] }
    const now: OutboundRecipient[] = []
    const later: OutboundRecipient[] = []
    const never: OutboundRecipient[] = []
    for (const recipient of recipients) {
      if (!this.#domainFits(recipient)) never.push(recipient)
      else if (now.length >= most) later.push(recipient)
      else {
        now.push(recipient)
        this.#domains.add(domainKey(recipient.address.domain))
      }
    }
    return { now, later, never }
  }

  get #spent(): boolean {
    return this.#transactions >= (this.hop.limits.get('transactions') ?? Number.POSITIVE_INFINITY)
  }

  #domainFits({ address }: OutboundRecipient): boolean {
    const most = this.hop.limits.get('domains') ?? Number.POSITIVE_INFINITY
    return this.#domains.size < most || this.#domains.has(domainKey(address.domain))
  }

  #unsent({ recipient, reply: said, next }: Unsent): SendOutcome {
    const diagnosis = this.#wire.ours(said, 'MAIL')
    return { of: recipient.key, diagnosis, ...(next === 'otherHost' ? { next } : {}) }
  }

  #gone(): Broken {
    const said = reply(451, '4.4.2', `The connection to ${this.hop.name} is closed`)
    return { diagnosis: this.#wire.ours(said, 'MAIL'), next: 'otherHost' }
  }

  /** Drops whatever transaction the hop may hold. False: the connection is of no more use. */
  async rset(): Promise<boolean> {
    try {
      if ((await this.#wire.command('RSET', this.#wire.timeouts.rset)).code < 300) {
        this.#open = false
        return true
      }
    } catch {
      // However it failed, nobody knows now what the hop holds.
    }
    this.#wire.destroy()
    return false
  }

  /** Takes leave, without waiting long. Never rejects. */
  quit(): Promise<void> {
    return this.#wire.quit()
  }

  /** Drops the connection in the middle of whatever it does; a `send` under way ends soon. */
  stop(): void {
    this.#wire.stop()
  }
}

/** The hop's own, of the recipient or the mail. */
const isRefusal = ({ diagnosis: { code, by } }: SendOutcome): boolean => code >= 500 && by === 'smtp'

interface Work {
  readonly plan: RelayPlan
  readonly recipients: readonly OutboundRecipient[]
}

const worksOf = ({ plans }: RelayPlans): Work[] => plans.map((plan) => ({ plan, recipients: plan.mail.recipients }))

/** Planned anew, everybody is to be sent what they were going to be sent. */
const sameContent = ({ mail }: RelayPlan, { plans, unsent }: RelayPlans): boolean =>
  unsent.length === 0 && plans.every((plan) => plan.mail.variant === mail.variant)

interface Portion {
  readonly now: readonly OutboundRecipient[]
  readonly later: readonly OutboundRecipient[]
  readonly never: readonly OutboundRecipient[]
}

/** RFC 5321 4.5.3.1.8 demands that hops take 100 at least; more are tried, and what the hop refuses as too many follows. */
const MOST_RECIPIENTS = 1000
