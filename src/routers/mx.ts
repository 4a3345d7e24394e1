import { type Reply, reply } from '../mail/reply.ts'
import type { Resolver } from '../net/resolver.ts'
import { asciiDomain, literalAddress, literalOf } from './domain.ts'
import { addressItself, mxHosts } from './mx-hosts.ts'
import type { Host, Route, Router } from './router.ts'
import { isOurAddress, isOurName, type Self } from './self.ts'

export interface MxOptions {
  readonly name: string
  readonly transport: string
  /** Of the hosts that the DNS names; 25 unless told. */
  readonly port?: number
  readonly resolver: Resolver
  readonly self: Self
}

/** Takes anything, and sends it where the DNS says, or to the address in an address literal (RFC 5321 5.1, 4.1.3). */
export const mxRouter = (options: MxOptions): Router => ({
  name: options.name,
  async route({ domain }) {
    return domain === '' ? undefined : { matched: 0, way: mxWay(domain, options) }
  },
})

/** Where mail for a domain goes by the DNS. A domain that can be in no DNS is nobody's. */
export const mxWay = (domain: string, options: Omit<MxOptions, 'name'>): Route | { to: 'nobody'; reply: Reply } => {
  const { transport, port = 25, resolver, self } = options
  const address = literalAddress(domain)
  const name = address === undefined ? asciiDomain(domain) : literalOf(address)
  if (name === undefined) return { to: 'nobody', reply: reply(550, '5.1.2', 'No such domain can exist') }
  const ours = {
    name: (host: string) => isOurName(self, host),
    address: (host: string) => isOurAddress(self, host, port),
  }
  return {
    to: 'host',
    transport,
    // Without the port, two routers with different ones would share a delivery.
    destination: port === 25 ? name : `${name}:${port}`,
    hosts: async (): Promise<readonly Host[]> =>
      address === undefined ? mxHosts(name, { port, resolver, ours }) : addressItself(address, port, ours),
  }
}
