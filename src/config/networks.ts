import { BlockList, isIP } from 'node:net'

/** Why a text is no network. */
export class BadNetwork extends Error {
  override readonly name = 'BadNetwork'
}

interface Network {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** `192.0.2.0/24`, `2001:db8::/32` or one address. Throws `BadNetwork`. */
export const readNetwork = (text: string): Network => {
  const slash = text.indexOf('/')
  const address = (slash < 0 ? text : text.slice(0, slash)).replace(/^\[(.*)\]$/, '$1')
  const version = address.includes('%') ? 0 : isIP(address)
  if (version === 0) throw new BadNetwork(`'${text}' is no network; expected one as in 192.0.2.0/24 or "2001:db8::/32"`)
  const most = version === 4 ? 32 : 128
  const bits = slash < 0 ? String(most) : text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) {
    throw new BadNetwork(`'${text}' has a bad prefix length; expected /0 to /${most}`)
  }
  return { address, prefix: Number(bits), family: version === 4 ? 'ipv4' : 'ipv6' }
}

/**
 * Tells whether an address lies in one of the networks. IPv4 mapped into IPv6 (`::ffff:192.0.2.1`) counts as IPv4. What
 * is no address, as a UNIX socket's empty one, lies in none. Throws `BadNetwork`.
 */
export const networks = (list: readonly string[]): ((address: string) => boolean) => {
  // Apart from each other, or `::/0` would be the IPv4 addresses too.
  const blocks = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const text of list) {
    const { address, prefix, family } = readNetwork(text)
    blocks[family].addSubnet(address, prefix, family)
  }
  return (given) => {
    const address = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(given)?.[1] ?? given.replace(/%.*$/, '')
    const version = isIP(address)
    const family = version === 4 ? 'ipv4' : 'ipv6'
    return version !== 0 && blocks[family].check(address, family)
  }
}
