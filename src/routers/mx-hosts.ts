import { isIP, isIPv6 } from 'node:net'
import { Refusal, type Reply, refuse, reply } from '../mail/reply.ts'
import { isHostName } from '../net/dns-name.ts'
import { DnsError, type Resolver } from '../net/resolver.ts'
import { canonicalAddress } from './domain.ts'
import type { Host } from './router.ts'

/** Which hosts are ourselves. */
export interface Ours {
  name(name: string): boolean
  address(address: string): boolean
}

interface Exchanger {
  readonly preference: number
  readonly name: string
}

interface Found extends Exchanger {
  readonly addresses: readonly string[]
  /** No answer from the DNS, or none at the time. */
  readonly failed: boolean
}

/** More would not be tried before the mail is due again. */
const MOST_HOSTS = 12
const MOST_ADDRESSES = 6

/** How to find hosts. `port` is for all of them. */
export interface Means {
  readonly port: number
  readonly resolver: Resolver
  readonly ours: Ours
}

/** The hosts that take mail for a domain, given as A-labels, best first (RFC 5321 5.1). Throws a Refusal when there are none. */
export const mxHosts = async (domain: string, means: Means): Promise<readonly Host[]> => {
  const exchangers = await exchangersOf(domain, means.resolver)
  if (exchangers === undefined) return hostItself(domain, means)
  const none = reply(550, '5.4.4', `The mail exchangers of ${domain} have no address`)
  const hosts: readonly Host[] = await usable(domain, exchangers, means, none)
  return hosts.map((host) => ({ ...host, mx: 'unproved' }))
}

/** A host by its name, whatever the DNS says about mail exchangers. Throws a Refusal. */
export const hostItself = (name: string, means: Means): Promise<readonly Host[]> =>
  usable(name, [{ preference: 0, name }], means, reply(550, '5.1.2', `${name} has no address`))

/** An address that somebody chose, in an address literal or in settings. Throws a Refusal when it is ours. */
export const addressItself = (address: string, port: number, ours: Ours): readonly Host[] =>
  ours.address(address)
    ? refuse(554, '5.4.6', `Mail for [${address}] loops back to this host`)
    : [{ name: address, port, addresses: [address] }]

const usable = async (domain: string, all: readonly Exchanger[], { port, resolver, ours }: Means, none: Reply) => {
  const named = before(ownPreference(all.filter(({ name }) => ours.name(name))), all)
  const found = await Promise.all(named.slice(0, MOST_HOSTS).map((one) => lookUp(one, resolver)))
  const left = before(ownPreference(found.filter(({ addresses }) => addresses.some(ours.address))), found)
  const hosts = left
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ name, addresses }) => ({ name, port, addresses: few(addresses, MOST_ADDRESSES) }))
  if (hosts.length > 0) return hosts
  if (left.some(({ failed }) => failed)) return refuse(451, '4.4.3', `Hosts of ${domain} could not be looked up now`)
  if (named.length < all.length || left.length < found.length) {
    return refuse(554, '5.4.6', `Mail for ${domain} loops back to this host`)
  }
  throw new Refusal(none)
}

/** By preference, without what can be no host. Undefined: the domain is its own. */
const exchangersOf = async (domain: string, resolver: Resolver): Promise<readonly Exchanger[] | undefined> => {
  const records = await exchangeRecords(domain, resolver)
  if (records.length === 0) return undefined
  const named = records.filter(({ name }) => name !== '')
  if (named.length === 0) return refuse(556, '5.1.10', `${domain} does not accept mail`)
  const hosts = named.filter(({ name }) => isHostName(name))
  return hosts.length > 0 ? hosts : refuse(550, '5.4.4', `The mail exchangers of ${domain} are no host names`)
}

const exchangeRecords = async (domain: string, resolver: Resolver): Promise<readonly Exchanger[]> => {
  try {
    return await resolver.mx(domain)
  } catch (error) {
    if (!(error instanceof DnsError)) throw error
    if (error.kind === 'failed') return refuse(451, '4.4.3', `${domain} could not be looked up now`)
    // A name that is not in the DNS may be in the hosts file.
    const { addresses } = await lookUp({ preference: 0, name: domain }, resolver)
    return addresses.length > 0 ? [] : refuse(550, '5.1.2', `${domain} does not exist`)
  }
}

const lookUp = async (exchanger: Exchanger, resolver: Resolver): Promise<Found> => {
  try {
    const addresses = await resolver.addresses(exchanger.name)
    return { ...exchanger, addresses: addresses.map(canonicalAddress).filter(isUsable), failed: false }
  } catch (error) {
    if (!(error instanceof DnsError)) throw error
    return { ...exchanger, addresses: [], failed: error.kind === 'failed' }
  }
}

/** Connecting to the unspecified address leads to this machine, whatever its owner meant by it. */
const isUsable = (address: string): boolean => isIP(address) !== 0 && address !== '0.0.0.0' && address !== '::'

const ownPreference = (own: readonly Exchanger[]): number => Math.min(...own.map(({ preference }) => preference))

const before = <E extends Exchanger>(preference: number, all: readonly E[]): readonly E[] =>
  all.filter((one) => one.preference < preference)

/** At most this many, of both families if there are both, in their order. */
const few = (addresses: readonly string[], most: number): readonly string[] => {
  if (addresses.length <= most) return addresses
  const six = addresses.filter((one) => isIPv6(one))
  const four = addresses.filter((one) => !isIPv6(one))
  const fours = Math.min(four.length, Math.max(most - six.length, most / 2))
  const taken = new Set([...four.slice(0, fours), ...six.slice(0, most - fours)])
  return addresses.filter((one) => taken.has(one))
}
