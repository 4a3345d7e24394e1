import { Misconfigured } from '../mail/misconfigured.ts'
import type { Resolver } from '../net/resolver.ts'
import { formatHop, type HopHost, hopHosts, readHop } from './hop.ts'
import type { Router } from './router.ts'
import type { Self } from './self.ts'

export interface SmarthostOptions {
  readonly name: string
  readonly transport: string
  /** In the order to try them: `DOMAIN` for its mail exchangers, `[HOST]` or an address for that very host, with `:PORT`. */
  readonly hosts: readonly (string | HopHost)[]
  /** Where none is written; 25 unless told. */
  readonly port?: number
  readonly resolver: Resolver
  readonly self: Self
}

/**
 * Takes anything, and gives it to one host, or the next if that does not answer. All of it is one destination, whatever the
 * domain. Throws `Misconfigured` for hosts that are none.
 */
export const smarthostRouter = (options: SmarthostOptions): Router => {
  const { name, transport, hosts, port = 25, resolver, self } = options
  if (hosts.length === 0) throw new Misconfigured(`${name}: no host to send to`)
  const hops = hosts.map((host) => readHop(host, port))
  const destination = hops.map(formatHop).join(',')
  return {
    name,
    async route({ domain }) {
      if (domain === '') return undefined
      return { matched: 0, way: { to: 'host', transport, destination, hosts: () => hopHosts(hops, resolver, self) } }
    },
  }
}
