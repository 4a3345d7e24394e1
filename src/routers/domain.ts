import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { aLabels } from '../mail/idna.ts'
import { isHostName } from '../net/dns-name.ts'

/**
 * A domain name as A-labels in lower case (RFC 5891 4). Undefined when it is none, as an address literal is not, or when it
 * comes out as a number, which would be read as an IPv4 address.
 */
export const asciiDomain = (domain: string): string | undefined => {
  const ascii = aLabels(domain)
  return ascii !== undefined && isHostName(ascii) ? ascii : undefined
}

/** The IP address in an address literal (RFC 5321 4.1.3), as `canonicalAddress` writes it. Undefined when there is none. */
export const literalAddress = (domain: string): string | undefined => {
  const [, six, four = ''] = /^\[(?:IPv6:([0-9a-f:.]+)|([0-9.]+))\]$/i.exec(domain) ?? []
  if (six === undefined) return isIPv4(four) ? four : undefined
  return isIPv6(six) ? canonicalAddress(six) : undefined
}

/** One text for each IP address. One of IPv4 in the clothes of IPv6 (`::ffff:192.0.2.1`) is an IPv4 address. */
export const canonicalAddress = (address: string): string => {
  if (!isIPv6(address) || address.includes('%')) return address
  const text = new SocketAddress({ address, family: 'ipv6' }).address.toLowerCase()
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1] ?? text
}

/** An IP address as the domain of a mailbox. */
export const literalOf = (address: string): string => (isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`)
