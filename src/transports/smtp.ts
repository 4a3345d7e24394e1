import { Misconfigured } from '../mail/misconfigured.ts'
import type { Host } from '../routers/router.ts'
import { type ConnectionLimits, Connections, connectionLimits } from './connections.ts'
import { Delivery, type DeliveryTools, type Hosts } from './delivery.ts'
import type { ReachOptions } from './reach.ts'
import type { Job, JobTarget, Outcome, Transport } from './transport.ts'

export interface SmtpTransportOptions extends ReachOptions {
  readonly name: string
  readonly limits?: Partial<Transport['limits']>
  readonly connections?: Partial<ConnectionLimits>
}

/** To other hosts, by SMTP (RFC 5321 section 5): the route's hosts in their order, over connections that are used again. */
export const smtpTransport = (options: SmtpTransportOptions): Transport => new HostTransport(options, undefined)

/** What of this is peculiar to mail stores. */
export interface StoreOptions {
  /** Where mail goes that was directed to a mailbox, not routed to a host. */
  readonly store?: Host
}

/** Delivers to hosts. With `stores` these are mail stores: what such a host takes, a mailbox has. */
export class HostTransport implements Transport {
  readonly name: string
  readonly limits: Transport['limits']
  readonly #tools: DeliveryTools
  readonly #store: Host | undefined

  constructor(options: SmtpTransportOptions, stores: StoreOptions | undefined) {
    this.name = options.name
    this.limits = { perDestination: 20, recipientsPerDelivery: 1000, ...options.limits }
    const connections = new Connections(options.clock, { ...connectionLimits, ...options.connections })
    this.#tools = { options, connections, toMailboxes: stores !== undefined }
    this.#store = stores?.store
  }

  async deliver(job: Job, signal: AbortSignal, settled: (outcome: Outcome) => void): Promise<void> {
    const delivery = new Delivery(this.#tools, job, signal, settled)
    await delivery.run(this.#hosts(job.to))
  }

  #hosts(to: JobTarget): Hosts {
    if (to.to === 'host') return to
    const store = this.#store
    if (store === undefined) throw new Misconfigured(`${this.name} delivers to hosts, and was given a mailbox`)
    return { destination: 'store', hosts: async () => [store] }
  }

  close(): Promise<void> {
    return this.#tools.connections.close()
  }
}
