import { formatPath } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { ReversePath } from '../mail/envelope.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import type { SpooledRecipient } from '../spool/spool.ts'
import { type ConnectionLimits, Connections, connectionLimits } from './connections.ts'
import { Delivery, type DeliveryTools } from './delivery.ts'
import type { ReachOptions } from './reach.ts'
import type { Job, Outcome, Transport } from './transport.ts'

export interface SmtpTransportOptions extends ReachOptions {
  readonly name: string
  readonly limits?: Partial<Transport['limits']>
  readonly connections?: Partial<ConnectionLimits>
}

/** To other hosts, by SMTP (RFC 5321 section 5): the route's hosts in their order, over connections that are used again. */
export const smtpTransport = (options: SmtpTransportOptions): Transport => new HostTransport(options, false)

/** Delivers to hosts. `toMailboxes`: what such a host takes, a mailbox has. */
export class HostTransport implements Transport {
  readonly name: string
  readonly limits: Transport['limits']
  readonly #tools: DeliveryTools

  constructor(options: SmtpTransportOptions, toMailboxes: boolean) {
    this.name = options.name
    this.limits = { perDestination: 20, recipientsPerDelivery: 1000, ...options.limits }
    const connections = new Connections(options.clock, { ...connectionLimits, ...options.connections })
    this.#tools = { options, connections, toMailboxes }
  }

  async deliver(job: Job, signal: AbortSignal, settled: (outcome: Outcome) => void): Promise<void> {
    if (job.to.to !== 'host') throw new Misconfigured(`${this.name} delivers to hosts, not to mailboxes`)
    let down: Diagnosis | undefined
    for (const [sender, recipients] of bySender(job)) {
      const delivery = new Delivery(this.#tools, job.message, sender, recipients, signal, settled)
      if (down) delivery.giveUp(down)
      else down = await delivery.run(job.to)
    }
  }

  close(): Promise<void> {
    return this.#tools.connections.close()
  }
}

/** A list's owner stands as the sender of what its members get (RFC 5321 3.9.2). */
const bySender = ({ message, recipients }: Job): Iterable<readonly [ReversePath, readonly SpooledRecipient[]]> => {
  if (recipients.every(({ sender }) => sender === undefined)) return [[message.sender, recipients]]
  const groups = new Map<string, [ReversePath, SpooledRecipient[]]>()
  for (const recipient of recipients) {
    const sender = recipient.sender === undefined ? message.sender : recipient.sender
    const group = groups.get(formatPath(sender))
    if (group) group[1].push(recipient)
    else groups.set(formatPath(sender), [sender, [recipient]])
  }
  return groups.values()
}
