import type { Resolution, Resolver } from '../addressing/resolve.ts'
import { type Address, formatAddress } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { refuse } from '../mail/reply.ts'
import type { Log } from '../observe/log.ts'

/** Whether mail for an address is taken at all, and where it would go. Throws a Refusal. */
export const admit = async (
  address: Address,
  resolver: Resolver,
  mayRelay: boolean,
  log: Log,
): Promise<Exclude<Resolution, { to: 'nobody' }>> => {
  // An open relay is one whatever its routes say, so this comes before them.
  if (!mayRelay && address.domain !== '' && !resolver.isOurs(address.domain)) {
    refuse(550, '5.7.1', 'Relaying is not for you; this server takes mail for its own domains')
  }
  const found = await resolve(address, resolver, log)
  const end = found.to === 'addresses' ? await followed(address, found, resolver) : found
  if (end.to === 'nobody') return refuse(end.reply.code, end.reply.status, end.reply.lines.join(' '))
  return found.to === 'nobody' ? refuse(found.reply.code, found.reply.status, found.reply.lines.join(' ')) : found
}

const DEEPEST = 10

/**
 * Where an alias for one address leads in the end. Mail for one that leads nowhere is refused at the door: a report about
 * it would go to whoever is named as its sender. What cannot be found out now is the queue's affair.
 */
export const followed = async (
  first: Address,
  alias: Extract<Resolution, { to: 'addresses' }>,
  resolver: Pick<Resolver, 'resolve'>,
): Promise<Resolution> => {
  let found: Resolution = alias
  let ancestors: readonly Address[] = [first]
  for (let depth = 0; depth < DEEPEST && found.to === 'addresses'; depth++) {
    const [only, ...more]: readonly Address[] = found.addresses
    if (only === undefined || more.length > 0) return found
    try {
      found = await resolver.resolve(only, ancestors)
    } catch {
      return alias
    }
    ancestors = [only, ...ancestors]
  }
  return found
}

const resolve = async (address: Address, resolver: Resolver, log: Log): Promise<Resolution> => {
  try {
    return await resolver.resolve(address)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    log.event('warn', 'address-unresolved', { address: formatAddress(address), why })
    return error instanceof Misconfigured
      ? refuse(451, '4.3.5', 'This address cannot be served just now: a fault in the configuration')
      : refuse(451, '4.4.3', 'Nothing can be found out about this address just now')
  }
}
