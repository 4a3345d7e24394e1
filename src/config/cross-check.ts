import type { Issue } from './check.ts'
import { listenKey } from './hosts.ts'
import type { Sections } from './schema.ts'
import { hint } from './wording.ts'

/** What no section alone can tell. Sections that are themselves wrong are absent. */
export const crossCheck = (found: Partial<Sections>): readonly Issue[] => [
  ...transportNames(found),
  ...sameAddress(found),
  ...sockets(found),
]

/** Directors and routers name transports that exist. */
const transportNames = ({ directors = [], routers = [], transports }: Partial<Sections>): Issue[] => {
  if (!transports) return []
  const names = transports.map(({ name }) => name)
  const users = [
    ...directors.map((director) => ({ section: 'directors', ...director })),
    ...routers.map((router) => ({ section: 'routers', ...router })),
  ]
  return users.flatMap((user): Issue[] => {
    if (!('transport' in user)) return []
    const path = [user.section, user.name, user.driver, 'transport']
    const { transport } = user
    const there = transports.find(({ name }) => name === transport)
    if (!there) {
      const known = names.length > 0 ? `expected one of ${names.join(', ')}` : 'there are none'
      return [
        { path, message: `names the transport ${transport}, which does not exist; ${known}${hint(transport, names)}` },
      ]
    }
    const toMailbox = user.section === 'directors'
    const fits = toMailbox
      ? there.driver !== 'smtp'
      : there.driver === 'smtp' || there.driver === 'lmtp' || there.driver === 'discard'
    if (fits) return []
    const what = toMailbox
      ? 'delivers to no mailbox; expected maildir, mbox, lmtp or discard'
      : 'reaches no host; expected smtp, lmtp or discard'
    return [{ path, message: `names the transport ${transport}, a ${there.driver} transport, which ${what}` }]
  })
}

/** No address is listened on twice. Port 0 is a new port each time. */
const sameAddress = ({ listen = [] }: Partial<Sections>): Issue[] => {
  const seen = new Map<string, string>()
  return listen.flatMap(({ name, protocol, addresses }) =>
    addresses.flatMap((address, index): Issue[] => {
      if ('port' in address && address.port === 0) return []
      const key = listenKey(address)
      const other = seen.get(key)
      seen.set(key, name)
      if (other === undefined) return []
      return [
        {
          path: ['listen', name, protocol, index],
          message: `listens on ${key}, as listener ${other} does; expected an address of its own`,
        },
      ]
    }),
  )
}

const sockets = ({ control }: Partial<Sections>): Issue[] =>
  control?.submission !== undefined && control.submission === control.socket
    ? [{ path: ['control', 'submission'], message: 'is the control socket; expected a path of its own' }]
    : []
