import type { RouterSettings, Settings } from '../config/settings.ts'
import type { Resolver } from '../net/resolver.ts'
import { mxRouter } from '../routers/mx.ts'
import type { Router } from '../routers/router.ts'
import type { Self } from '../routers/self.ts'
import { smarthostRouter } from '../routers/smarthost.ts'
import { staticRouter } from '../routers/static.ts'
import { Faults } from './unfit.ts'

/** Throws `Unfit` with all that cannot work as it is set up. */
export const makeRouters = (settings: Settings, resolver: Resolver, self: Self): Router[] => {
  const faults = new Faults()
  const routers: Router[] = []
  for (const one of settings.routers) {
    const made = faults.at(['routers', one.name, one.driver, TABLES[one.driver]], () => make(one, resolver, self))
    if (made) routers.push(made)
  }
  faults.demandNone()
  return routers
}

/** The setting that says where a router leads. */
const TABLES = { mx: 'port', static: 'routes', smarthost: 'hosts' } as const

const make = (one: RouterSettings, resolver: Resolver, self: Self): Router => {
  const { name, transport } = one
  switch (one.driver) {
    case 'mx':
      return mxRouter({ name, transport, port: one.port, resolver, self })
    case 'static':
      return staticRouter({ name, transport, rows: one.routes, resolver, self })
    case 'smarthost':
      return smarthostRouter({ name, transport, hosts: one.hosts, resolver, self })
  }
}
