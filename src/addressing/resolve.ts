import type { Direction, Director } from '../directors/director.ts'
import { type Address, addressKey, formatAddress } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { type Reply, reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Route, Router } from '../routers/router.ts'
import type { Lane } from '../spool/spool.ts'
import { chooseRoute } from './choose.ts'
import { type OursOptions, ours } from './ours.ts'
import { shortCache } from './short-cache.ts'

/** What becomes of an address, and which lane that is. */
export type Resolution = (Direction | Route) & { readonly lane: Lane; readonly by: string }

/** Where does this address go? Asks directors for our own domains, routers for the rest. */
export interface Resolver {
  isOurs(domain: string): boolean
  /** Throws `Misconfigured`, or whatever a look-up fails with (then: try later). */
  resolve(address: Address, ancestors?: readonly Address[]): Promise<Resolution>
  expand(address: Address): Promise<readonly Address[] | undefined>
}

export interface ResolverOptions extends OursOptions {
  readonly directors: readonly Director[]
  readonly routers: readonly Router[]
  /** Who gets postmaster's mail where no director knows a postmaster (RFC 5321 4.5.1 wants one in every domain). */
  readonly postmaster?: Address
  /** Transports that bring all mailboxes to one store, which wants a message for several of them once. */
  readonly stores?: ReadonlySet<string>
  /** Milliseconds for which an answer is remembered. Absent: 5,000. */
  readonly remember?: number
  readonly clock: Clock
  readonly log: Log
}

const DEEPEST = 50
const MOST_REMEMBERED = 10_000

const nobody = (by: string, answer: Reply): Resolution => ({ to: 'nobody', reply: answer, lane: null, by })

const UNKNOWN: Resolution = nobody('directors', reply(550, '5.1.1', 'No such user here'))
const NO_WAY: Resolution = nobody('routers', reply(550, '5.4.4', 'No route to this domain'))
const LOOP: Resolution = nobody('loop check', reply(554, '5.4.6', 'This address leads back to itself'))
const TOO_DEEP: Resolution = nobody('loop check', reply(554, '5.4.6', 'This address was forwarded too often'))

/** The user with the domain: two directors may have an alice each, and one lane must be one mailbox, or one store. */
const lane = (way: Direction | Route, { domain }: Address, stores: ReadonlySet<string> | undefined): Lane => {
  if (way.to === 'host') return `${way.transport}/${way.destination}`
  if (way.to !== 'mailbox') return null
  if (stores?.has(way.transport)) return `${way.transport}/*`
  const { user } = way.mailbox
  return `${way.transport}/${user.includes('@') ? user : `${user}@${domainKey(domain)}`}`
}

/** See `Resolver`. The first director to answer decides; of the routers, the best match. */
export const createResolver = (options: ResolverOptions): Resolver => {
  const { directors, routers, postmaster, stores, clock, log } = options
  const own = ours(options)
  const cache = shortCache<Resolution>(clock, options.remember ?? 5000, MOST_REMEMBERED)

  const canonical = (address: Address): Address => (own.has(address.domain) ? own.canonical(address) : address)
  const key = (address: Address): string => {
    const text = addressKey(canonical(address))
    return own.has(address.domain) ? text.toLowerCase() : text
  }

  const direct = async (target: Address, ancestors: readonly Address[]): Promise<Resolution> => {
    for (const director of directors) {
      const direction = await director.direct(target, ancestors)
      if (direction) return { ...direction, lane: lane(direction, target, stores), by: director.name }
    }
    if (target.local.toLowerCase() !== 'postmaster') return UNKNOWN
    if (postmaster === undefined || key(postmaster) === key(target)) {
      throw new Misconfigured(`nobody reads the mail of ${formatAddress(target)}: set postmaster, or an alias for it`)
    }
    return { to: 'addresses', addresses: [postmaster], lane: null, by: 'postmaster' }
  }

  const ask = async (address: Address, ancestors: readonly Address[]): Promise<Resolution> => {
    if (own.has(address.domain)) return await direct(canonical(address), ancestors)
    const chosen = await chooseRoute(routers, address)
    return chosen ? { ...chosen.way, lane: lane(chosen.way, address, stores), by: chosen.by } : NO_WAY
  }

  /**
   * An address that came out of itself is a loop, but for one case: an entry that names itself (`alice: alice, archive`)
   * leaves its own mail to whoever has the mailbox.
   */
  const askAgain = async (address: Address, ancestors: readonly Address[]): Promise<Resolution> => {
    const parent = ancestors[0]
    if (parent === undefined || key(parent) !== key(address) || !own.has(address.domain)) return LOOP
    const found = await direct(canonical(address), ancestors)
    return found.to === 'mailbox' ? found : LOOP
  }

  return {
    isOurs: own.has,
    async resolve(address, ancestors = []) {
      if (ancestors.length > DEEPEST) return TOO_DEEP
      const name = key(address)
      if (ancestors.some((ancestor) => key(ancestor) === name)) {
        const found = await askAgain(address, ancestors)
        if (found === LOOP) log.event('warn', 'address-loop', { address: name, from: ancestors.map(formatAddress) })
        return found
      }
      // What came out of another address may be answered otherwise than the address itself.
      if (ancestors.length > 0) return await ask(address, ancestors)
      const known = cache.get(name)
      if (known) return known
      const found = await ask(address, ancestors)
      if (found.to !== 'nobody') cache.set(name, found)
      return found
    },
    async expand(address) {
      if (!own.has(address.domain)) return undefined
      const target = canonical(address)
      for (const director of directors) {
        const members = await director.expand?.(target)
        if (members) return members
        // Whoever would get the mail decides; a list behind it in the order is out of reach.
        if (await director.direct(target, [])) return undefined
      }
      return undefined
    },
  }
}
