import { BlockList, isIP } from 'node:net'
import type { Address } from '../mail/address.ts'

export interface OursOptions {
  /** In order; the first is the one that names without a domain belong to. */
  readonly domains: readonly string[]
  /** Our own IP addresses: mail for `user@[address]` is for the first domain. */
  readonly addresses?: readonly string[]
  /** Stands in for the first domain where there is none. */
  readonly hostname: string
}

export interface Ours {
  has(domain: string): boolean
  /** An address of ours as directors are asked for it: the bare postmaster and address literals get the first domain. */
  canonical(address: Address): Address
}

const family = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Which domains are ours. The host name is not, unless it is listed. */
export const ours = ({ domains, addresses = [], hostname }: OursOptions): Ours => {
  const names = new Set(domains.map((domain) => domain.toLowerCase()))
  const home = domains[0] ?? hostname
  const literals = new BlockList()
  for (const address of addresses) literals.addAddress(address, family(address))

  const isOurLiteral = (domain: string): boolean => {
    const address = /^\[(?:IPv6:)?([0-9a-f:.]+)\]$/i.exec(domain)?.[1] ?? ''
    return isIP(address) !== 0 && literals.check(address, family(address))
  }
  return {
    has: (domain) => domain === '' || names.has(domain.toLowerCase()) || isOurLiteral(domain),
    canonical: ({ local, domain }) => ({
      local,
      domain: domain === '' || (!names.has(domain.toLowerCase()) && isOurLiteral(domain)) ? home : domain,
    }),
  }
}
