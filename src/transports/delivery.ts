import { type Diagnosis, ours } from '../mail/diagnosis.ts'
import { Refusal, reply } from '../mail/reply.ts'
import { IN_MAILBOX } from '../mail/trail.ts'
import type { Host, Route } from '../routers/router.ts'
import type { SendOutcome } from '../smtp/client-outcomes.ts'
import type { ClientConversation } from '../smtp/conversation.ts'
import type { OutboundRecipient } from '../smtp/extension.ts'
import type { RelayMail } from '../smtp/relay-mail.ts'
import type { SpooledMessage, SpooledRecipient } from '../spool/spool.ts'
import type { Connections } from './connections.ts'
import { asConvertible } from './convertible.ts'
import { lastWord, OutOfReach, type ReachOptions, reach } from './reach.ts'
import type { Job, Outcome } from './transport.ts'

export interface DeliveryTools {
  readonly options: ReachOptions
  readonly connections: Connections
  /** What such a host takes, a mailbox has. */
  readonly toMailboxes: boolean
}

/** Where a delivery goes. */
export type Hosts = Pick<Route, 'destination' | 'hosts'>

/** One message on its way to one destination, from host to host until everybody has a final outcome. */
export class Delivery {
  readonly #tools: DeliveryTools
  readonly #message: SpooledMessage
  readonly #signal: AbortSignal
  readonly #settled: (outcome: Outcome) => void
  readonly #left: Map<number, OutboundRecipient>
  /** The word on those that another host may still take. */
  readonly #words: Map<number, Diagnosis> = new Map()
  /** Where an earlier attempt broke off within the body, and this one may go on. */
  readonly #brokeOff: Diagnosis['remote']
  #reached = false

  constructor(
    tools: DeliveryTools,
    { message, recipients }: Pick<Job, 'message' | 'recipients'>,
    signal: AbortSignal,
    settled: (outcome: Outcome) => void,
  ) {
    this.#tools = tools
    this.#message = message
    this.#signal = signal
    this.#settled = settled
    this.#left = new Map(recipients.map((recipient) => [recipient.key, outbound(recipient)] as const))
    const { extensions } = tools.options.registry
    const mail = this.#mail([...this.#left.values()])
    this.#brokeOff = extensions.some(({ client }) => client?.goesOn?.(mail)) ? brokeOff(recipients) : undefined
  }

  /** Once the signal is aborted, recipients may be left without outcome: nothing is known of them. */
  async run(to: Hosts): Promise<void> {
    let last: Diagnosis
    try {
      last = this.#word(reply(451, '4.4.4', 'There is no host to send to'))
      for (const host of this.#inOrder(await to.hosts())) {
        if (this.#signal.aborted) return
        await this.#at(host, to)
        if (this.#left.size === 0) return
      }
    } catch (error) {
      if (this.#signal.aborted) return
      if (!(error instanceof Refusal)) throw error
      last = this.#word(error.reply)
    }
    if (this.#signal.aborted) return
    this.#end(last)
  }

  /** The host that has a part of the mail comes first, where it may go on (RFC 1845 section 3). */
  #inOrder(hosts: readonly Host[]): readonly Host[] {
    const name = this.#brokeOff?.name
    return [...hosts.filter((host) => host.name === name), ...hosts.filter((host) => host.name !== name)]
  }

  #word(said: Refusal['reply']): Diagnosis {
    return ours(said, this.#tools.options.clock.now(), 'route')
  }

  #end(last: Diagnosis): void {
    for (const key of [...this.#left.keys()]) this.#conclude(key, this.#words.get(key) ?? last, !this.#reached)
  }

  #conclude(of: number, diagnosis: Diagnosis, down = false): void {
    this.#left.delete(of)
    this.#settled({ of, diagnosis, ...(down && diagnosis.code < 500 ? { destinationDown: true } : {}) })
  }

  /** At this host, everybody who has no outcome yet gets one, if only for the time being. */
  async #at(host: Host, { destination }: Hosts): Promise<void> {
    const { connections, options } = this.#tools
    let todo: readonly OutboundRecipient[] = [...this.#left.values()]
    const lenient = this.#isLenient(todo)
    const first = host.name === this.#brokeOff?.name ? this.#brokeOff.address : undefined
    const how = { ...options, ...(lenient ? { lenient } : {}), ...(first === undefined ? {} : { first }) }
    // What was reached without its demands being met is not for other mail.
    const key = `${destination} ${host.name} ${host.port}${lenient ? ' lenient' : ''}`
    while (todo.length > 0 && !this.#signal.aborted) {
      let conversation = connections.take(key, todo)
      try {
        conversation ??= await reach(host, how, this.#signal)
      } catch (error) {
        if (!(error instanceof OutOfReach)) throw error
        for (const one of todo) this.#remember(one.key, error.diagnosis)
        // Mail that does not demand so much may find the host well.
        if (error.ofOurs) this.#reached = true
        return
      }
      const rest = await this.#over(conversation, todo)
      // A connection that had died in the meantime has reached nobody.
      this.#reached ||= rest.length < todo.length
      todo = rest
      connections.give(key, conversation)
    }
  }

  #isLenient(recipients: readonly OutboundRecipient[]): true | undefined {
    const { extensions } = this.#tools.options.registry
    return extensions.some(({ client }) => client?.lenient?.(this.#mail(recipients))) || undefined
  }

  /** Those returned need another connection. */
  async #over(
    conversation: ClientConversation,
    recipients: readonly OutboundRecipient[],
  ): Promise<readonly OutboundRecipient[]> {
    const signal = this.#signal
    const stop = () => conversation.stop()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      return await conversation.send(this.#mail(recipients), (outcome) => this.#take(conversation, outcome))
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #take(conversation: ClientConversation, { of, diagnosis, event, next, notes, converted }: SendOutcome): void {
    if (diagnosis.code >= 400 && this.#signal.aborted && diagnosis.by === 'us') return
    if (next === 'otherHost') this.#remember(of, diagnosis)
    else if (diagnosis.code >= 400) this.#conclude(of, diagnosis)
    else {
      this.#left.delete(of)
      const known = this.#tools.toMailboxes ? (conversation.reports ? undefined : 'delivered') : event
      // A mailbox behind a host looks like a host; who asks for the mail is to be told which it was.
      const remembered = notes ?? (this.#tools.toMailboxes ? [IN_MAILBOX] : undefined)
      this.#settled({
        of,
        diagnosis,
        ...(known ? { event: known } : {}),
        ...(remembered ? { notes: remembered } : {}),
        ...(converted ? { converted } : {}),
      })
    }
  }

  #remember(key: number, diagnosis: Diagnosis): void {
    this.#words.set(key, lastWord(this.#words.get(key), diagnosis))
  }

  #mail(recipients: readonly OutboundRecipient[]): RelayMail {
    const { sender, params, accepted } = this.#message
    return {
      ...asConvertible(this.#message),
      envelope: { sender, params, recipients },
      accepted,
      now: this.#tools.options.clock.now(),
      released: true,
      recipients,
    }
  }
}

const outbound = ({ key, address, params, sender }: SpooledRecipient): OutboundRecipient =>
  sender === undefined ? { key, address, params } : { key, address, params, sender }

/** A body was on its way, and the connection broke. */
const brokeOff = (recipients: readonly SpooledRecipient[]): Diagnosis['remote'] => {
  const last = recipients.flatMap(({ fate }) => ('last' in fate && fate.last ? [fate.last] : []))
  return last.filter(({ by, phase }) => by === 'us' && phase === 'body').sort((a, b) => b.at - a.at)[0]?.remote
}
