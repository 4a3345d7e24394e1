import type { Issue, Path } from './check.ts'
import { listenKey } from './hosts.ts'
import { lmtpPorts } from './lmtp-ports.ts'
import { loginHosts } from './login-hosts.ts'
import type { Sections } from './schema.ts'
import { valueAt } from './value-at.ts'
import { hint } from './wording.ts'

/** What no section alone can tell. `given` is what was written, `lost` are places of what was wrong and is left out. */
export const crossCheck = (
  found: Partial<Sections>,
  given: Readonly<Record<string, unknown>>,
  lost: readonly Path[] = [],
): readonly Issue[] => [
  ...transportNames(found, given, lost),
  ...quotas(found),
  ...sameAddress(found),
  ...sockets(found),
  ...lmtpPorts(found),
  ...loginHosts(found),
]

type Transports = Sections['transports']
interface User {
  readonly section: 'directors' | 'routers'
  readonly name: string
  readonly driver: string
  readonly transport: string
}

/** Directors and routers name transports that exist. */
const transportNames = (
  { directors = [], routers = [], transports }: Partial<Sections>,
  given: Readonly<Record<string, unknown>>,
  lost: readonly Path[],
): Issue[] => {
  const ofTransports = lost.filter(([section]) => section === 'transports')
  if (!transports || ofTransports.some(({ length }) => length === 1)) return []
  // They are there, whatever is wrong with them.
  const more = ofTransports.flatMap(([, name, ...within]) => (within.length === 0 ? [String(name)] : []))
  const users = [
    ...directors.map((director) => ({ section: 'directors' as const, ...director })),
    ...routers.map((router) => ({ section: 'routers' as const, ...router })),
  ]
  return users.flatMap((user): Issue[] => {
    if (!('transport' in user) || more.includes(user.transport)) return []
    if (given[user.section] === undefined) return ofDefault(user, transports)
    const path = [user.section, user.name, user.driver, 'transport']
    const wrong = misfit(user, transports, more)
    const names = valueAt(given, path) !== undefined ? 'names' : 'names, by default,'
    return wrong === undefined ? [] : [{ path, message: `${names} the transport ${user.transport}, ${wrong}` }]
  })
}

/** Why a transport is none for whoever names it. */
const misfit = (user: User, transports: Transports, more: readonly string[]): string | undefined => {
  const { transport } = user
  const there = transports.find(({ name }) => name === transport)
  if (!there) {
    const names = [...transports.map(({ name }) => name), ...more]
    const known = names.length > 0 ? `expected one of ${names.join(', ')}` : 'there are none'
    return `which does not exist; ${known}${hint(transport, names)}`
  }
  if (FITTING[user.section].includes(there.driver)) return undefined
  const what = user.section === 'directors' ? 'delivers to no mailbox' : 'reaches no host'
  return `a ${there.driver} transport, which ${what}; expected ${orList(FITTING[user.section])}`
}

const FITTING: Readonly<Record<User['section'], readonly string[]>> = {
  directors: ['maildir', 'mbox', 'lmtp', 'discard'],
  routers: ['smtp', 'lmtp', 'discard'],
}

/** Nobody wrote who names it: what is to be mended is what was written, the transports. */
const ofDefault = (user: User, transports: Transports): Issue[] => {
  const { section, name, transport } = user
  const there = transports.find((one) => one.name === transport)
  if (there && FITTING[section].includes(there.driver)) return []
  const [what, one] = section === 'directors' ? ['director', 'maildir'] : ['router', 'smtp']
  const who = `the default ${what} ${name}`
  const why = `(there is no ${section} section)`
  const mend = `or ${section} of your own`
  if (!there) {
    const message = `has no ${transport}, which ${who} uses ${why}; expected one as in ${transport}: { ${one}: {} }, ${mend}`
    return [{ path: ['transports'], message, ofKey: true }]
  }
  const unfit = section === 'directors' ? 'delivers to no mailbox' : 'reaches no host'
  const message = `${unfit}, and ${who} uses it ${why}; expected ${orList(FITTING[section])}, ${mend}`
  return [{ path: ['transports', transport, there.driver], message, ofKey: true }]
}

/** Who does not look into a mailbox cannot hold it to anything. */
const quotas = ({ directors = [], transports = [] }: Partial<Sections>): Issue[] =>
  directors.flatMap((director): Issue[] => {
    if (director.driver !== 'users' || director.quota === 0) return []
    const there = transports.find(({ name }) => name === director.transport)
    if (there === undefined || there.driver === 'maildir' || there.driver === 'mbox') return []
    const message = `cannot be enforced by the ${there.driver} transport ${there.name}; expected a maildir or mbox transport`
    return [{ path: ['directors', director.name, 'users', 'quota'], message }]
  })

const orList = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

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
