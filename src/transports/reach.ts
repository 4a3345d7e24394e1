import { isIP } from 'node:net'
import { type Diagnosis, ours } from '../mail/diagnosis.ts'
import { Refusal, type Reply, reply } from '../mail/reply.ts'
import { type Channel, Closed, TimedOut } from '../net/channel.ts'
import { DialError, type DialOptions, type DialTarget } from '../net/dialer.ts'
import { DnsError, type Resolver } from '../net/resolver.ts'
import { TlsFailed } from '../net/tls.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Host } from '../routers/router.ts'
import { HopUnusable } from '../smtp/client-hello.ts'
import { leaveOut } from '../smtp/client-hop.ts'
import type { ClientTimeouts } from '../smtp/client-timeouts.ts'
import { type ClientConversation, openConversation } from '../smtp/conversation.ts'
import { Barred, RetryWithout } from '../smtp/extension.ts'
import type { Registry } from '../smtp/registry.ts'
import type { Convert, Sign } from '../smtp/relay-mail.ts'

export interface ReachOptions {
  readonly registry: Registry
  readonly dial: (to: DialTarget, options: DialOptions) => Promise<Channel>
  readonly resolver: Pick<Resolver, 'addresses'>
  /** How we introduce ourselves. */
  readonly hostname: string
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds. `connect`: for each address; 30 s if absent. */
  readonly timeouts?: Partial<ClientTimeouts> & { readonly connect?: number }
  /** TLS from the first octet (RFC 8314): given before the hop's greeting. `lenient`: see `Conversation.lenient`. */
  readonly secure?: (channel: Channel, name: string, lenient: boolean) => Promise<Channel>
  /** See `Conversation.lenient`. */
  readonly lenient?: true
  /** The address that is connected to first, if it is one of the host's. */
  readonly first?: string
  readonly convert?: Convert
  readonly sign?: Sign
}

/** A host with which no conversation could be begun. */
export class OutOfReach extends Error {
  override readonly name = 'OutOfReach'
  readonly diagnosis: Diagnosis

  constructor(diagnosis: Diagnosis, options?: ErrorOptions) {
    super(diagnosis.lines.join(' / '), options)
    this.diagnosis = diagnosis
  }

  /** The host was there, and did not meet a demand of ours. */
  get ofOurs(): boolean {
    return this.#refusal !== undefined && !this.barred
  }

  /** It will not do for any mail before somebody has mended something. */
  get barred(): boolean {
    return this.#refusal instanceof Barred
  }

  get #refusal(): Refusal | undefined {
    const { cause } = this
    if (cause instanceof OutOfReach) return cause.#refusal
    if (cause instanceof Refusal) return cause
    return cause instanceof HopUnusable && cause.cause instanceof Refusal ? cause.cause : undefined
  }
}

/** Addresses of one host that are connected to before it is given up. */
const MOST_ADDRESSES = 5

/** A failure that may pass outweighs one that will not; else the later one stands. */
export const lastWord = (before: Diagnosis | undefined, now: Diagnosis): Diagnosis =>
  before !== undefined && before.code < 500 && now.code >= 500 ? before : now

/** A conversation with the first of the host's addresses that wants one (RFC 5321 5.1). Throws `OutOfReach`. */
export const reach = async (host: Host, options: ReachOptions, signal: AbortSignal): Promise<ClientConversation> => {
  if (host.name.startsWith('/')) return begin(host, { path: host.name }, options, signal)
  const all = await addressesOf(host, options)
  const first = all.filter((address) => address === options.first)
  let addresses = [...first, ...all.filter((address) => !first.includes(address))].slice(0, MOST_ADDRESSES)
  let worst: Diagnosis | undefined
  let last: OutOfReach | undefined
  while (addresses.length > 0) {
    try {
      return await begin(host, { addresses, port: host.port }, options, signal)
    } catch (error) {
      if (!(error instanceof OutOfReach)) throw error
      last = error
      worst = lastWord(worst, error.diagnosis)
      const failed = addresses.indexOf(error.diagnosis.remote?.address ?? '')
      // Behind another address of its name is the same host, to which it would be said again.
      addresses = failed < 0 || error.barred ? [] : addresses.slice(failed + 1)
    }
  }
  throw new OutOfReach(worst ?? failure(host, '', options, reply(550, '5.4.4', `${host.name} has no address`)), {
    cause: last,
  })
}

const addressesOf = async (host: Host, options: ReachOptions): Promise<readonly string[]> => {
  if (host.addresses) return host.addresses
  if (isIP(host.name)) return [host.name]
  try {
    return await options.resolver.addresses(host.name)
  } catch (error) {
    if (!(error instanceof DnsError)) throw error
    const said =
      error.kind === 'notFound'
        ? reply(550, '5.4.4', `${host.name} does not exist`)
        : reply(451, '4.4.3', `The address of ${host.name} cannot be looked up now: ${error.message}`)
    throw new OutOfReach(failure(host, '', options, said), { cause: error })
  }
}

const failure = (host: Host, address: string, { clock }: ReachOptions, said: Reply): Diagnosis => ({
  ...ours(said, clock.now(), 'connect'),
  remote: { name: host.name, address },
})

const begin = async (
  host: Host,
  to: DialTarget,
  options: ReachOptions,
  signal: AbortSignal,
): Promise<ClientConversation> => {
  const channel = await connect(host, to, options, signal)
  const stop = () => channel.destroy()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    const conversation = await openConversation(await secured(channel, host, options), {
      ...options,
      name: host.name,
      proof: host.mx ?? 'named',
    })
    if (conversation.ended === undefined) return conversation
    throw new OutOfReach(failure(host, '', options, reply(451, '4.4.2', `${host.name} was left before mail was sent`)))
  } catch (error) {
    if (error instanceof HopUnusable) throw new OutOfReach(error.diagnosis, { cause: error })
    if (!(error instanceof RetryWithout) || signal.aborted) throw error
    const { keyword, message } = error
    options.log.event('info', 'hop-retry', { hop: host.name, without: keyword, why: message })
    return begin(host, to, { ...options, registry: leaveOut(options.registry, keyword) }, signal)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const connect = async (host: Host, to: DialTarget, options: ReachOptions, signal: AbortSignal): Promise<Channel> => {
  const { clock, timeouts } = options
  try {
    return await options.dial(to, { clock, signal, timeout: timeouts?.connect ?? 30_000 })
  } catch (error) {
    if (!(error instanceof DialError)) throw error
    const last = 'addresses' in to ? (to.addresses.at(-1) ?? '') : ''
    const said = reply(451, '4.4.1', `No connection to ${host.name}: ${error.message}`)
    throw new OutOfReach(failure(host, last, options, said), { cause: error })
  }
}

const secured = async (channel: Channel, host: Host, options: ReachOptions): Promise<Channel> => {
  if (!options.secure) return channel
  try {
    return await options.secure(channel, host.name, options.lenient === true)
  } catch (error) {
    channel.destroy()
    const passing = error instanceof TlsFailed || error instanceof Closed || error instanceof TimedOut
    if (!passing && !(error instanceof Refusal)) throw error
    const said = error instanceof Refusal ? error.reply : reply(451, '4.4.2', `${host.name}: ${error.message}`)
    throw new OutOfReach(failure(host, channel.peer.address, options, said), { cause: error })
  }
}
