import type { Clock } from '../observe/clock.ts'
import type { Exchange } from './dns-exchange.ts'
import { type Answer, type DnsRecord, NOERROR, NXDOMAIN, type Question } from './dns-message.ts'
import { isHostName } from './dns-name.ts'
import type { Server } from './dns-servers.ts'
import { DnsError } from './resolver.ts'

/** What the DNS says about a name and type. */
export interface Finding {
  /** False: the name does not exist, whatever the type. */
  readonly exists: boolean
  /** Of the type asked for, whoever owns them at the end of a chain of CNAMEs. */
  readonly records: readonly DnsRecord[]
  /** Seconds for which all of it holds. */
  readonly ttl: number
}

/** CNAMEs that lead from one name to another until they are taken for a loop. */
const MOST_ALIASES = 12

/** Milliseconds for which a server that gave no answer is asked after the others. */
const LAST_IN_LINE = 30_000

/** Asks the servers in turn until one knows. Throws `DnsError` with kind `failed` when none does. */
export const dnsLookup = (
  exchange: Exchange,
  servers: readonly Server[],
  tries: number,
  clock: Clock,
): ((question: Question) => Promise<Finding>) => {
  const silentUntil = new Map<Server, number>()
  const silent = (server: Server): number => Number((silentUntil.get(server) ?? 0) > clock.now())

  const ask = async (question: Question): Promise<Answer> => {
    let last = new DnsError('failed', 'no name server')
    let left = servers
    for (let round = 0; round < tries; round += 1) {
      for (const server of left.toSorted((a, b) => silent(a) - silent(b))) {
        try {
          const answer = await exchange.ask(server, question)
          silentUntil.delete(server)
          if (isUsable(answer)) return answer
          last = new DnsError('failed', `${server.address}#${server.port}: ${describe(answer)}`)
          left = left.filter((other) => other !== server)
        } catch (error) {
          if (!(error instanceof DnsError)) throw error
          silentUntil.set(server, clock.now() + LAST_IN_LINE)
          last = error
        }
      }
    }
    throw last
  }

  return async (asked) => {
    const seen = new Set([asked.name])
    let question = asked
    let ttl = Number.POSITIVE_INFINITY
    for (;;) {
      const answer = await ask(question)
      const end = follow(answer.records, question, seen)
      ttl = Math.min(ttl, end.ttl)
      if (end.records.length > 0) return { exists: true, records: end.records, ttl }
      const none = { records: [], ttl: Math.min(ttl, answer.negativeTtl ?? 0) }
      if (answer.rcode === NXDOMAIN) return { exists: false, ...none }
      if (end.name === question.name || answer.negativeTtl !== undefined) return { exists: true, ...none }
      // An alias alone, and no word on what it leads to: that is another question.
      if (!isHostName(end.name)) throw new DnsError('failed', `${asked.name} is an alias for no host name`)
      question = { ...question, name: end.name }
    }
  }
}

const isUsable = ({ rcode, records, competent }: Answer): boolean =>
  (rcode === NOERROR && (records.length > 0 || competent)) || (rcode === NXDOMAIN && competent)

const describe = ({ rcode }: Answer): string =>
  rcode === NOERROR || rcode === NXDOMAIN
    ? 'looks nothing up for us'
    : `${['', 'FORMERR', 'SERVFAIL', '', 'NOTIMP', 'REFUSED'][rcode] || `rcode ${rcode}`}`

/** Where the CNAMEs in an answer lead from the question's name, what is there, and how long all of that holds. */
const follow = (
  records: readonly DnsRecord[],
  question: Question,
  seen: Set<string>,
): { readonly name: string; readonly records: readonly DnsRecord[]; readonly ttl: number } => {
  let name = question.name
  let ttl = Number.POSITIVE_INFINITY
  for (;;) {
    const here = records.filter(({ owner }) => owner === name)
    const wanted = here.filter(({ type }) => type === question.type)
    if (wanted.length > 0) return { name, records: wanted, ttl: Math.min(ttl, ...wanted.map((one) => one.ttl)) }
    const alias = here.find(({ type }) => type === 'CNAME')
    if (alias === undefined) return { name, records: [], ttl }
    if (seen.has(alias.value) || seen.size > MOST_ALIASES) {
      throw new DnsError('failed', `${question.name} is an alias that leads in a circle, or too far`)
    }
    seen.add(alias.value)
    name = alias.value
    ttl = Math.min(ttl, alias.ttl)
  }
}
