import type { Issue } from './check.ts'
import type { Sections } from './schema.ts'
import type { HostSettings, ListenAddress, RouterSettings, StaticRoute } from './settings.ts'

const SMTP_PORT = 25

const WHY = 'port 25, where LMTP must not be spoken (RFC 2033 section 5); expected another port, or unix:/path'
const MESSAGE = `is ${WHY}`

type Where = readonly (string | number)[]

/** LMTP and SMTP are told apart by their ports alone: whoever meets the wrong one loses mail or its reports. */
export const lmtpPorts = ({ listen = [], transports = [], routers = [] }: Partial<Sections>): Issue[] => {
  const stores = new Set(transports.flatMap(({ driver, name }) => (driver === 'lmtp' ? [name] : [])))
  return [
    ...listen.flatMap(({ name, protocol, addresses }) =>
      protocol === 'lmtp' ? addresses.flatMap((one, at) => issue(one, ['listen', name, protocol, at])) : [],
    ),
    ...transports.flatMap((one) =>
      one.driver === 'lmtp' && one.to ? issue(one.to, ['transports', one.name, one.driver, 'to']) : [],
    ),
    ...routers.flatMap((router) => (stores.has(router.transport) ? ofRouter(router) : [])),
  ]
}

const issue = (address: ListenAddress | HostSettings | StaticRoute['to'][number], path: Where): Issue[] =>
  typeof address === 'object' && 'port' in address && address.port === SMTP_PORT ? [{ path, message: MESSAGE }] : []

const ofRouter = (router: RouterSettings): Issue[] => {
  const path = ['routers', router.name, router.driver]
  if (router.driver === 'mx') return router.port === SMTP_PORT ? [{ path: [...path, 'port'], message: MESSAGE }] : []
  if (router.driver === 'smarthost') return router.hosts.flatMap((host, at) => issue(host, [...path, 'hosts', at]))
  return router.routes.flatMap(({ domain, to }) =>
    typeof to === 'string'
      ? leads(to, [...path, 'routes', domain])
      : to.flatMap((host, at) => issue(host, [...path, 'routes', domain, at])),
  )
}

/** Exchangers of a table are reached at the usual port. */
const leads = (way: string, path: Where): Issue[] => (way === 'mx' ? [{ path, message: `leads to ${WHY}` }] : [])
