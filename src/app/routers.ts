import type { RouterSettings, Settings } from '../config/settings.ts'
import type { Resolver } from '../net/resolver.ts'
import { mxRouter } from '../routers/mx.ts'
import type { Router } from '../routers/router.ts'
import type { Self } from '../routers/self.ts'
import { smarthostRouter } from '../routers/smarthost.ts'
import { staticRouter } from '../routers/static.ts'

/** Throws `Misconfigured` for what cannot work as it is set up. */
export const makeRouters = (settings: Settings, resolver: Resolver, self: Self): Router[] =>
  settings.routers.map((one) => make(one, resolver, self))

const make = (one: RouterSettings, resolver: Resolver, self: Self): Router => {
  const { name, transport } = one
  switch (one.driver) {
    case 'mx':
      return mxRouter({ name, transport, port: one.port, resolver, self })
    case 'static': {
      return staticRouter({ name, transport, rows: one.routes, resolver, self })
    }
    case 'smarthost':
      return smarthostRouter({ name, transport, hosts: one.hosts, resolver, self })
  }
}
