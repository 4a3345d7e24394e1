import type { Issue, Path } from '../config/check.ts'
import type { DirectorSettings, Settings } from '../config/settings.ts'
import { valueAt } from '../config/value-at.ts'
import { domainKey } from '../mail/idna.ts'

/** What else can have no effect. `given`: the settings as they were written; what is not there is not told. */
export const idleSettings = (settings: Settings, given: unknown): readonly Issue[] =>
  [strangeDomains, neverAsked, neverRouted, unused, noQuota, ofMail, beyond]
    .flatMap((find) => find(settings))
    .filter(({ path }) => isWritten(given, path))
    .map(({ path, why, ofKey }) => ({ path, message: `has no effect: ${why}`, ...(ofKey ? { ofKey } : {}) }))

interface Idle {
  readonly path: Path
  readonly why: string
  readonly ofKey?: true
}

/** The one item of a list may stand without its list. */
const isWritten = (given: unknown, path: Path): boolean =>
  valueAt(given, path) !== undefined || (path.at(-1) === 0 && typeof valueAt(given, path.slice(0, -1)) === 'string')

const strangeDomains = ({ domains, directors }: Settings): readonly Idle[] => {
  const ours = new Set(domains.map(domainKey))
  return directors.flatMap(({ name, driver, domains: asked = [] }) =>
    asked.flatMap((domain, index): Idle[] =>
      ours.has(domainKey(domain))
        ? []
        : [{ path: ['directors', name, driver, 'domains', index], why: 'it is none of our domains' }],
    ),
  )
}

/** Nobody is asked of what a catch-all before them has answered. */
const neverAsked = ({ domains, directors }: Settings): readonly Idle[] => {
  const ours = new Set(domains.map(domainKey))
  const of = (one: DirectorSettings) => (one.domains ?? domains).map(domainKey).filter((domain) => ours.has(domain))
  return directors.flatMap((one, index): Idle[] => {
    const before = directors.slice(0, index).filter(({ driver }) => driver === 'catch-all')
    const taken = new Set(before.flatMap(of))
    const [asked, last] = [of(one), before.at(-1)]
    if (last === undefined || asked.length === 0 || !asked.every((domain) => taken.has(domain))) return []
    return [{ path: ['directors', one.name], why: `${last.name} before it answers for all addresses`, ofKey: true }]
  })
}

/** Both take every domain, and the first to do so decides. */
const neverRouted = ({ routers }: Settings): readonly Idle[] => {
  const [first, ...others] = routers.filter(({ driver }) => driver !== 'static')
  return others.map(({ name }) => ({
    path: ['routers', name],
    why: `${first?.name} before it takes all domains`,
    ofKey: true,
  }))
}

const unused = ({ directors, routers, transports }: Settings): readonly Idle[] => {
  const used = new Set([...directors, ...routers].flatMap((one) => ('transport' in one ? [one.transport] : [])))
  return transports.flatMap(({ name }): Idle[] =>
    used.has(name) ? [] : [{ path: ['transports', name], why: 'no director and no router names it', ofKey: true }],
  )
}

const noQuota = ({ directors }: Settings): readonly Idle[] =>
  directors.flatMap((one): Idle[] =>
    one.driver === 'users' && one.quota === 0
      ? [{ path: ['directors', one.name, 'users', 'when-full'], why: 'there is no quota', ofKey: true }]
      : [],
  )

const ENOUGH = new Set(['connections', 'connections-per-peer', 'errors', 'junk', 'session'])

/** Where mail is asked after, none comes in. */
const ofMail = ({ listen }: Settings): readonly Idle[] =>
  listen.flatMap(({ name, protocol, limits }): Idle[] => {
    if (protocol !== 'mtqp') return []
    const idle = Object.keys(limits).filter((limit) => !ENOUGH.has(limit))
    const paths = [['bare-newlines'], ...idle.map((limit) => ['limits', limit])]
    return paths.map((path) => ({ path: ['listen', name, ...path], why: 'no mail comes in by MTQP', ofKey: true }))
  })

/** Bounds of one client or one kind, beside those of all. */
const BOUNDS: readonly (readonly [keyword: string, bound: string, ofAll: string])[] = [
  ['checkpoint', 'room', 'total'],
  ['futurerelease', 'per-user', 'total'],
]

/** Nobody reaches a bound that lies beyond that of all. */
const beyond = (settings: Settings): readonly Idle[] => {
  const places = settings.listen.map(({ name, extensions, limits }) => ({
    at: ['listen', name, 'extensions'],
    extensions,
    limits,
  }))
  const { extensions, limits } = settings
  return [{ at: ['extensions'], extensions, limits }, ...places].flatMap(({ at, extensions: blocks, limits: held }) => [
    ...BOUNDS.flatMap(([keyword, bound, ofAll]): Idle[] => {
      const block = mapOf(blocks[keyword])
      if (!(Number(block[bound]) > Number(block[ofAll]))) return []
      return [{ path: [...at, keyword, bound], why: `${ofAll} is less` }]
    }),
    ...Object.entries(mapOf(mapOf(blocks['mt-priority'])['levels'])).flatMap(([level, given]): Idle[] => {
      const { size, retry, 'retry-max': longest } = mapOf(given)
      const path = [...at, 'mt-priority', 'levels', level]
      return [
        ...(Number(size) > held.message ? [{ path: [...path, 'size'], why: 'limits.message is less' }] : []),
        ...(Number(retry) > Number(longest) ? [{ path: [...path, 'retry'], why: 'retry-max is less' }] : []),
      ]
    }),
  ])
}

const mapOf = (block: unknown): Readonly<Record<string, unknown>> =>
  typeof block === 'object' && block !== null ? (block as Readonly<Record<string, unknown>>) : {}
