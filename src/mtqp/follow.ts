import { isIP } from 'node:net'
import type { Channel } from '../net/channel.ts'
import { DnsError, type ServiceResolver } from '../net/resolver.ts'
import type { Question } from './client.ts'
import type { TrackedMessage } from './read-answer.ts'
import { type AskedHost, MTQP_PORT, readAskedHost } from './uri.ts'

export interface FollowOptions {
  readonly resolver: ServiceResolver
  /** Of hosts whose port the DNS does not tell; 1038 if absent. */
  readonly port?: number
  /** Only the first host is asked. */
  readonly firstOnly?: boolean
  connect(host: string, port: number): Promise<Channel>
  /** As `ask` does. */
  ask(channel: Channel, question: Question, names: readonly string[]): Promise<readonly TrackedMessage[]>
}

/** What one host said, or why it said nothing. */
export interface Station {
  readonly host: string
  readonly messages?: readonly TrackedMessage[]
  readonly why?: string
  /** What was thrown where nothing was said. */
  readonly error?: unknown
}

/** Of one message; a trail that goes on for longer is a loop, or a joke. */
const MOST_HOSTS = 50

/**
 * Asks a host, and then those it transferred the mail to, each once, unless it has asked them itself (RFC 3886 3.3.3,
 * RFC 3887 section 2). In the order of the trail; the first station is the host that was given. Where a trail cannot be
 * followed, a station that was not asked says why.
 */
export async function* follow(
  from: AskedHost,
  question: Question,
  options: FollowOptions,
): AsyncGenerator<Station, void> {
  const waiting: Next[] = [{ host: from.host, at: from }]
  const trail = new Trail(options)
  for (let count = 0; count < MOST_HOSTS; count++) {
    const next = waiting.shift()
    if (next === undefined) return
    if (next.at) trail.asked(next.at)
    const station = next.at === undefined ? next : await visit(next.at, question, options)
    yield station
    if (options.firstOnly) return
    for (const { reporter } of station.messages ?? []) trail.asked({ host: reporter.toLowerCase() })
    for (const { recipients } of station.messages ?? []) {
      for (const { action, remote = '' } of recipients)
        if (action === 'transferred') waiting.push(...trail.next(station.host, remote))
    }
  }
  const [next] = waiting
  if (next) yield { host: next.host, why: `${NOT_ASKED}: ${MOST_HOSTS} hosts were asked for this message` }
}

/** A host to be asked, or why it is not. */
type Next = Station & { readonly at?: AskedHost }

const NOT_ASKED = 'not asked, so the trail ends here'

/** Which hosts were met on the way. */
class Trail {
  readonly #port: number
  readonly #asked = new Set<string>()
  /** What waits to be asked, or was told. */
  readonly #noted = new Set<string>()

  constructor({ port = MTQP_PORT }: Pick<FollowOptions, 'port'>) {
    this.#port = port
  }

  /** This host has told all that it knows. */
  asked(at: AskedHost): void {
    this.#asked.add(this.#keyOf(at))
  }

  /** The host that `by` passed mail on to. None if it is met already. */
  next(by: string, remote: string): readonly Next[] {
    const host = readAskedHost(remote)?.host
    if (remote === '')
      return this.#once(`${by} `, by, 'it does not tell to which host it passed mail on; the trail ends here')
    if (host === undefined) return this.#once(remote, remote, `${NOT_ASKED}: it is no name of a host`)
    const key = this.#keyOf({ host })
    if (!this.#asked.has(key)) return this.#noted.has(key) ? [] : [{ host, at: { host: this.#note(key, host) } }]
    // Of a name all is known by now; behind an address there may be others, at ports that nobody tells.
    if (!isIP(host)) return []
    return this.#once(`${key} `, host, `${NOT_ASKED}: ${ADDRESS_ONLY}, and port ${this.#port} was asked before`)
  }

  #once(key: string, host: string, why: string): readonly Next[] {
    return this.#noted.has(key) ? [] : [{ host: this.#note(key, host), why }]
  }

  #note(key: string, host: string): string {
    this.#noted.add(key)
    return host
  }

  /** Several servers may be behind one address. */
  #keyOf({ host, port = this.#port }: AskedHost): string {
    return isIP(host) ? `${host} ${port}` : host
  }
}

const ADDRESS_ONLY = 'it is known by its address only, so no SRV record tells its port'

const visit = async (asked: AskedHost, question: Question, options: FollowOptions): Promise<Station> => {
  const { host } = asked
  let error: unknown = new DnsError('notFound', `${host} has no service for tracking`)
  try {
    for (const { name, port } of await placesOf(asked, options)) {
      try {
        const channel = await options.connect(name, port)
        return { host, messages: await options.ask(channel, question, [...new Set([host, name])]) }
      } catch (why) {
        error = why
        // Another machine of the same service may be up; what one has said is the service's word.
        if ((why as Error).name === 'TrackingRefused') break
      }
    }
  } catch (why) {
    error = why
  }
  const why = error instanceof Error ? error.message : String(error)
  // Nobody need wonder why a host that was named by its port is not found.
  const isGuess = isIP(host) > 0 && asked.port === undefined && (error as Error).name !== 'TrackingRefused'
  return { host, why: isGuess ? `${why}; ${ADDRESS_ONLY}` : why, error }
}

/** By SRV records, or the host itself where there are none. */
const placesOf = async (
  { host, port }: AskedHost,
  { resolver, port: usual = MTQP_PORT }: FollowOptions,
): Promise<readonly { readonly name: string; readonly port: number }[]> => {
  if (port !== undefined || isIP(host)) return [{ name: host, port: port ?? usual }]
  const services = await resolver.services(`_mtqp._tcp.${host}`)
  return services.length === 0 ? [{ name: host, port: usual }] : services.filter(({ name }) => name !== '')
}
