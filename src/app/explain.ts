import type { Resolution, Resolver } from '../addressing/resolve.ts'
import { type Address, formatAddress } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { Refusal } from '../mail/reply.ts'
import type { Route } from '../routers/router.ts'
import type { Explained } from './mta.ts'

/** Addresses of one explanation; a list with more is cut there. */
const MOST = 200

/** What would become of mail for an address, step by step, hosts looked up. Never rejects: what is wrong is said. */
export const explainAddress = (address: Address, resolver: Resolver): Promise<Explained> =>
  explain(address, [], resolver, { left: MOST })

const explain = async (
  address: Address,
  ancestors: readonly Address[],
  resolver: Resolver,
  budget: { left: number },
): Promise<Explained> => {
  budget.left -= 1
  const text = formatAddress(address)
  try {
    return await told(text, address, await resolver.resolve(address, ancestors), ancestors, resolver, budget)
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error)
    const by = error instanceof Misconfigured ? 'settings' : 'look-up'
    return { address: text, by, result: 'problem', says }
  }
}

const told = async (
  text: string,
  address: Address,
  found: Resolution,
  ancestors: readonly Address[],
  resolver: Resolver,
  budget: { left: number },
): Promise<Explained> => {
  const base = { address: text, by: found.by, ...(found.lane === null ? {} : { lane: found.lane }) }
  switch (found.to) {
    case 'nobody': {
      const { code, status, lines } = found.reply
      return { ...base, result: 'nobody', says: `refused: ${code} ${status} ${lines.join(' ')}`, reply: found.reply }
    }
    case 'mailbox':
      return {
        ...base,
        result: 'mailbox',
        says: `mailbox of ${found.mailbox.user} (${found.mailbox.home}) by transport ${found.transport}`,
      }
    case 'host':
      return { ...base, result: 'host', says: `by transport ${found.transport} to ${await hosts(found)}` }
    case 'addresses': {
      const addresses: Explained[] = []
      for (const next of found.addresses) {
        if (budget.left <= 0) break
        addresses.push(await explain(next, [address, ...ancestors], resolver, budget))
      }
      const owner = found.sender ? `; failures go to ${formatAddress(found.sender)}` : ''
      return {
        ...base,
        result: 'addresses',
        says: `stands for ${found.addresses.length} address(es)${owner}`,
        addresses,
      }
    }
  }
}

const hosts = async (route: Route): Promise<string> => {
  try {
    const found = await route.hosts()
    return found.map(({ name, port }) => (name.startsWith('/') ? name : `${name}:${port}`)).join(', then ')
  } catch (error) {
    if (error instanceof Refusal)
      return `nowhere: ${error.reply.code} ${error.reply.status} ${error.reply.lines.join(' ')}`
    throw error
  }
}
