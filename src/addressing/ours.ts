import { isIP } from 'node:net'
import type { Address } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'

export interface OursOptions {
  /** In order; the first is the one that names without a domain belong to. */
  readonly domains: readonly string[]
  /** Whether mail reaches us at an IP address, in any spelling: that for `user@[address]` is then for the first domain. */
  readonly isOurAddress?: (address: string) => boolean
  /** Stands in for the first domain where there is none. */
  readonly hostname: string
}

export interface Ours {
  has(domain: string): boolean
  /** An address of ours as directors are asked for it: the bare postmaster and address literals get the first domain. */
  canonical(address: Address): Address
}

/** Which domains are ours. The host name is not, unless it is listed. */
export const ours = ({ domains, isOurAddress = () => false, hostname }: OursOptions): Ours => {
  const names = new Set(domains.map(domainKey))
  const home = domains[0] ?? hostname

  const isOurLiteral = (domain: string): boolean => {
    const address = /^\[(?:IPv6:)?([0-9a-f:.]+)\]$/i.exec(domain)?.[1] ?? ''
    return isIP(address) !== 0 && isOurAddress(address)
  }
  return {
    has: (domain) => domain === '' || names.has(domainKey(domain)) || isOurLiteral(domain),
    canonical: ({ local, domain }) => ({
      local,
      domain: domain === '' || (!names.has(domainKey(domain)) && isOurLiteral(domain)) ? home : domain,
    }),
  }
}
