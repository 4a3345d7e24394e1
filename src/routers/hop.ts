import { isIP } from 'node:net'
import { Misconfigured } from '../mail/misconfigured.ts'
import { Refusal, refuse } from '../mail/reply.ts'
import type { Resolver } from '../net/resolver.ts'
import { asciiDomain, canonicalAddress } from './domain.ts'
import { addressItself, hostItself, mxHosts } from './mx-hosts.ts'
import type { Host } from './router.ts'
import { isOurAddress, type Self } from './self.ts'

/** A next hop that somebody wrote down. */
export type Hop =
  | { readonly by: 'path'; readonly path: string }
  | { readonly by: 'address' | 'host' | 'mx'; readonly name: string; readonly port: number }

/** As settings have it: this very host. An IP address stands without its brackets. */
export interface HopHost {
  readonly name: string
  readonly port: number
}

/**
 * Reads `DOMAIN` (its mail exchangers), `[HOST]` (this very host), `ADDRESS`, `[ADDRESS]`, each with `:PORT` if it is not the
 * usual one, or `unix:/PATH`. Throws `Misconfigured`.
 */
export const readHop = (text: string | HopHost, usualPort: number): Hop => {
  if (typeof text !== 'string') return readHop(`[${text.name}]:${text.port}`, usualPort)
  if (text.startsWith('unix:/')) return { by: 'path', path: text.slice('unix:'.length) }
  if (isIP(text)) return { by: 'address', name: canonicalAddress(text), port: usualPort }
  const [, inside, outside = '', digits] = /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const port = Number(digits ?? usualPort)
  const address = (inside ?? outside).replace(/^IPv6:/i, '')
  const name = isIP(address) ? canonicalAddress(address) : asciiDomain(inside ?? outside)
  if (name === undefined || port < 1 || port > 65535) {
    throw new Misconfigured(
      `'${text}' is no host: expected DOMAIN, [HOST], ADDRESS, each with :PORT or without, or unix:/PATH`,
    )
  }
  return { by: isIP(name) ? 'address' : inside === undefined ? 'mx' : 'host', name, port }
}

/** One text for each hop, for use as a destination. It reads back. */
export const formatHop = (hop: Hop): string => {
  if (hop.by === 'path') return `unix:${hop.path}`
  const name = hop.by === 'mx' ? hop.name : `[${hop.name}]`
  return hop.port === 25 ? name : `${name}:${hop.port}`
}

/**
 * The hosts of all hops in order. Where nothing can be found the mail waits: what is written down may be wrong, and that is
 * not its sender's fault. Throws a Refusal 4yz, or `Misconfigured` when all lead back to ourselves.
 */
export const hopHosts = async (hops: readonly Hop[], resolver: Resolver, self: Self): Promise<readonly Host[]> => {
  const hosts: Host[] = []
  const refusals: Refusal[] = []
  for (const hop of hops) {
    try {
      hosts.push(...(await hostsOf(hop, resolver, self)))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refusals.push(error)
    }
  }
  if (hosts.length > 0) return hosts
  if (refusals.every(isLoop)) throw new Misconfigured(`${hops.map(formatHop).join(', ')}: that is this host itself`)
  const [refusal] = refusals.filter((one) => one.reply.code < 500)
  if (refusal !== undefined) throw refusal
  return refuse(451, '4.3.5', 'The next host is not known now')
}

const isLoop = ({ reply }: Refusal): boolean => reply.status === LOOP

const LOOP = '5.4.6'

const hostsOf = async (hop: Hop, resolver: Resolver, self: Self): Promise<readonly Host[]> => {
  if (hop.by === 'path') return [{ name: hop.path, port: 0 }]
  const { name, port } = hop
  // Our own name with another port is somebody else, such as a filter on this machine: only addresses tell.
  const ours = { name: () => false, address: (address: string) => isOurAddress(self, address, port) }
  if (hop.by === 'mx') return mxHosts(name, { port, resolver, ours })
  return hop.by === 'host' ? hostItself(name, { port, resolver, ours }) : addressItself(name, port, ours)
}
