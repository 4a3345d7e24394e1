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
 * RFC 3887 section 2). In the order of the trail; the first station is the host that was given.
 */
export async function* follow(
  from: AskedHost,
  question: Question,
  options: FollowOptions,
): AsyncGenerator<Station, void> {
  const waiting: AskedHost[] = [from]
  const met = new Set<string>([from.host])
  for (let count = 0; count < MOST_HOSTS; count++) {
    const next = waiting.shift()
    if (next === undefined) return
    const station = await visit(next, question, options)
    yield station
    if (options.firstOnly) return
    for (const { reporter } of station.messages ?? []) met.add(reporter.toLowerCase())
    for (const { recipients } of station.messages ?? []) {
      for (const { action, remote } of recipients) {
        const host = action === 'transferred' ? readAskedHost(remote ?? '') : undefined
        if (host === undefined || met.has(host.host)) continue
        met.add(host.host)
        waiting.push({ host: host.host })
      }
    }
  }
}

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
  return { host, why: error instanceof Error ? error.message : String(error), error }
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
