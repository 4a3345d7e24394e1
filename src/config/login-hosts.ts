import type { Issue } from './check.ts'
import type { Sections } from './schema.ts'
import type { RouterSettings } from './settings.ts'

/** Logins that could not be told to anybody, or might be told to anyone. */
export const loginHosts = ({ transports = [], routers = [] }: Partial<Sections>): Issue[] =>
  transports.flatMap((transport): Issue[] => {
    if (transport.driver !== 'smtp' && transport.driver !== 'lmtp') return []
    const { name, driver, tls, login, logins } = transport
    if (login === undefined && logins.size === 0) return []
    const path = ['transports', name, driver]
    const clear: Issue[] =
      tls === 'off'
        ? [{ path: [...path, 'tls'], message: 'is off, and no login is told in clear; expected verify or wrapped' }]
        : []
    const asksDns = login && routers.find((router) => router.driver !== 'smarthost' && leadsAnywhere(router, name))
    if (!asksDns) return clear
    const message = `is for hosts that settings name, and the router ${asksDns.name} uses this transport for hosts that the DNS names; expected logins, by host, or a transport apart`
    return [...clear, { path: [...path, 'login'], message, ofKey: true }]
  })

const leadsAnywhere = (router: RouterSettings, transport: string): boolean =>
  'transport' in router &&
  router.transport === transport &&
  (router.driver === 'mx' || (router.driver === 'static' && router.routes.some(({ to }) => to === 'mx')))
