import { isIP } from 'node:net'
import type { Clock } from '../observe/clock.ts'
import { dnsCache } from './dns-cache.ts'
import { dnsExchange } from './dns-exchange.ts'
import { dnsLookup, type Finding } from './dns-lookup.ts'
import type { DnsRecord, Question, RecordType } from './dns-message.ts'
import { isHostName, isQuestion } from './dns-name.ts'
import { readServer } from './dns-servers.ts'
import type { HostsFile } from './hosts-file.ts'
import { DnsError, type RecordResolver, type Resolver, type ServiceResolver } from './resolver.ts'

export interface StubOptions {
  /** Recursive name servers in the order to ask them: `ADDRESS`, `ADDRESS:PORT`, `[IPv6]:PORT`. */
  readonly servers: readonly string[]
  readonly clock: Clock
  readonly hosts?: HostsFile
  /** Milliseconds for one answer of one server; 4000 unless told. */
  readonly timeout?: number
  /** How often a server that does not answer is asked; 2 unless told. */
  readonly tries?: number
  /** Questions whose answers are kept; 4096 unless told. */
  readonly entries?: number
  /** Whose addresses come first; IPv6 unless told. */
  readonly prefer?: 'ipv4' | 'ipv6'
  /** At least 0, below 1: shuffles hosts of equal preference (RFC 5321 5.1). */
  readonly random?: () => number
}

interface Kept {
  /** Undefined: the name does not exist. */
  readonly value: readonly DnsRecord[] | undefined
  /** Seconds. */
  readonly ttl: number
}

/** Seconds. Records that claim to hold longer are asked for again; that something is not there is believed less long. */
const LONGEST = 24 * 3600
const LONGEST_NEGATIVE = 3600

/** Records of one answer that are kept. */
const MOST_RECORDS = 64

/** RFC 6761 6.3: such a name is this machine, and no name server is asked. */
const LOCALHOST = /(?:^|\.)localhost$/

/** Asks recursive name servers, and keeps their answers as long as they hold. Throws a RangeError for a bad server. */
export const stubResolver = (
  options: StubOptions,
): Resolver & ServiceResolver & RecordResolver & { close(): Promise<void> } => {
  const { clock, hosts, timeout = 4000, tries = 2, entries = 4096, prefer = 'ipv6', random = Math.random } = options
  const exchange = dnsExchange(clock, timeout)
  const lookup = dnsLookup(exchange, options.servers.map(readServer), tries, clock)
  const cache = dnsCache<Kept['value']>(clock, entries)
  const underWay = new Set<Promise<Kept>>()

  const load = (question: Question): Promise<Kept> => {
    const found = lookup(question).then(toKeep)
    const done = () => underWay.delete(found)
    underWay.add(found)
    found.then(done, done)
    return found
  }
  const records = (name: string, type: RecordType) => cache.get(`${type} ${name}`, () => load({ name, type }))

  return {
    async mx(domain) {
      const name = canonical(domain)
      if (LOCALHOST.test(name)) return []
      const found = (await records(name, 'MX')) ?? missing(name)
      return shuffled(found, random)
        .sort((a, b) => a.preference - b.preference)
        .map(({ preference, value }) => ({ preference, name: value === '.' ? '' : value }))
    },

    async addresses(host) {
      if (isIP(host)) return [host]
      const name = canonical(host)
      const written = (await hosts?.addresses(name)) ?? []
      if (written.length > 0) return written
      const [first, second] = prefer === 'ipv4' ? (['A', 'AAAA'] as const) : (['AAAA', 'A'] as const)
      if (LOCALHOST.test(name)) return prefer === 'ipv4' ? ['127.0.0.1', '::1'] : ['::1', '127.0.0.1']
      const both = await Promise.allSettled([records(name, first), records(name, second)])
      const known = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      const addresses = known.flatMap((some) => some ?? []).map(({ value }) => value)
      if (addresses.length > 0) return addresses
      // Half an answer must not be taken for "there is no address", for mail bounces on that.
      for (const one of both) if (one.status === 'rejected') throw one.reason
      return known.some((some) => some !== undefined) ? [] : missing(name)
    },

    async services(service) {
      const found = (await records(canonical(service), 'SRV')) ?? []
      const order = [...new Set(found.map(({ preference }) => preference))].sort((a, b) => a - b)
      return order
        .flatMap((priority) =>
          weighted(
            found.filter(({ preference }) => preference === priority),
            random,
          ),
        )
        .map(({ value, service: { port } = { port: 0 } }) => ({ name: value === '.' ? '' : value, port }))
    },

    async records(asked, type) {
      const name = asked.toLowerCase().replace(/\.$/, '')
      if (!isQuestion(name) || LOCALHOST.test(name)) return missing(asked)
      return (await records(name, type)) ?? missing(name)
    },

    async close() {
      exchange.close()
      await Promise.allSettled(underWay)
    },
  }
}

const canonical = (text: string): string => {
  const name = text.toLowerCase().replace(/\.$/, '')
  return isHostName(name) ? name : missing(text)
}

const missing = (name: string): never => {
  throw new DnsError('notFound', `${name} does not exist`)
}

/** Those that matter most, should there be too many. */
const toKeep = ({ exists, records, ttl }: Finding): Kept => ({
  value: exists ? records.toSorted((a, b) => a.preference - b.preference).slice(0, MOST_RECORDS) : undefined,
  ttl: Math.min(ttl, records.length > 0 ? LONGEST : LONGEST_NEGATIVE),
})

/** Each as likely first among those left as its weight says (RFC 2782); of weight 0 hardly ever. */
const weighted = (records: readonly DnsRecord[], random: () => number): DnsRecord[] => {
  const rest = shuffled(records, random)
  const out: DnsRecord[] = []
  const weightOf = ({ service }: DnsRecord): number => Math.max(service?.weight ?? 0, 0.01)
  while (rest.length > 0) {
    let mark = random() * rest.reduce((sum, one) => sum + weightOf(one), 0)
    const at = rest.findIndex((one) => (mark -= weightOf(one)) < 0)
    out.push(...rest.splice(Math.max(0, at), 1))
  }
  return out
}

/** By Fisher and Yates. */
const shuffled = <T>(items: readonly T[], random: () => number): T[] => {
  const rest = [...items]
  const out: T[] = []
  while (rest.length > 0) out.push(...rest.splice(Math.floor(random() * rest.length), 1))
  return out
}
