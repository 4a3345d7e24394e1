import type { Resolution, Resolver } from '../../src/addressing/resolve.ts'
import { type Address, addressKey, readAddress } from '../../src/mail/address.ts'
import type { ReversePath } from '../../src/mail/envelope.ts'
import { type Reply, reply } from '../../src/mail/reply.ts'

/** An alias: whom an address goes to instead. Or a reply: nobody. Or what the look-up fails with. */
export type Entry =
  | readonly string[]
  | { readonly members: readonly Address[]; readonly sender?: ReversePath }
  | { readonly lane: string }
  | Reply
  | Error

export interface AddressTable extends Resolver {
  /** By `local@domain`; may be changed while a test runs. */
  readonly table: Map<string, Entry>
  readonly asked: string[]
}

/**
 * Answers for `ours.example` from a table, where an alias that is its own ancestor is passed over, as directors do; what
 * is not in the table is a mailbox there. Everything else goes to `smtp/DOMAIN`.
 */
export const addressTable = (entries: Readonly<Record<string, Entry>> = {}): AddressTable => {
  const table = new Map(Object.entries(entries))
  const asked: string[] = []

  const host = (lane: string): Resolution => {
    const [transport = '', destination = ''] = lane.split('/')
    return { to: 'host', transport, destination, hosts: async () => [], lane, by: 'table' }
  }
  const plain = (address: Address): Resolution => {
    const domain = address.domain.toLowerCase()
    if (domain !== 'ours.example') return host(`smtp/${domain}`)
    const mailbox = { user: address.local, home: `/home/${address.local}` }
    return { to: 'mailbox', transport: 'local', mailbox, lane: `local/${address.local}`, by: 'users' }
  }

  return {
    table,
    asked,
    isOurs: (domain) => domain === 'ours.example',
    async resolve(address, ancestors = []) {
      const key = addressKey(address)
      asked.push(key)
      const entry = table.get(key)
      if (entry === undefined) return plain(address)
      if (entry instanceof Error) throw entry
      if ('code' in entry) return { to: 'nobody', reply: entry, lane: null, by: 'table' }
      if ('lane' in entry) return host(entry.lane)
      const plainly = Array.isArray(entry) ? (entry as readonly string[]) : undefined
      if (ancestors.some((one) => addressKey(one) === key)) {
        // Only a name that names itself is a mailbox, too.
        if (plainly?.includes(key)) return plain(address)
        const nobody = reply(550, '5.1.1', 'An alias that leads to itself')
        return { to: 'nobody', reply: nobody, lane: null, by: 'table' }
      }
      const list = 'members' in entry ? entry : { members: entry.map((one) => readAddress(one)) }
      const sender = list.sender === undefined ? {} : { sender: list.sender }
      return { to: 'addresses', addresses: list.members, ...sender, lane: null, by: 'aliases' }
    },
    async expand() {
      return undefined
    },
  }
}
