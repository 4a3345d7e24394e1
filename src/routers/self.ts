import { networkInterfaces } from 'node:os'
import { domainKey } from '../mail/idna.ts'
import type { Peer } from '../net/channel.ts'
import { canonicalAddress } from './domain.ts'

/** Who we are, so that mail is not sent to ourselves (RFC 5321 5.1). */
export interface Self {
  readonly hostname: string
  /** Other host names that lead to us. */
  readonly names?: readonly string[]
  /**
   * Where mail reaches us: what our listeners are bound to (`0.0.0.0` and `::` stand for all of this machine), and
   * addresses that somebody in front of us passes on.
   */
  addresses(): readonly Peer[]
}

export const isOurName = ({ hostname, names = [] }: Self, name: string): boolean =>
  [hostname, ...names].some((ours) => domainKey(ours) === domainKey(name))

/** Whether a connection to this address would come back to us. `machine` are the addresses of all interfaces. */
export const isOurAddress = (
  self: Self,
  address: string,
  port: number,
  machine: () => readonly string[] = interfaceAddresses,
): boolean => {
  const there = canonicalAddress(address)
  const here = self.addresses().flatMap((peer) => (peer.port === port ? [canonicalAddress(peer.address)] : []))
  if (here.includes(there)) return true
  // A socket bound to :: takes IPv4 too.
  const anywhere = here.includes('::') || (here.includes('0.0.0.0') && !there.includes(':'))
  return anywhere && (isLoopback(there) || machine().map(canonicalAddress).includes(there))
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')

const interfaceAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? [])
