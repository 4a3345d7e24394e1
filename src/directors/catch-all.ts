import { type Address, addressKey } from '../mail/address.ts'
import type { Director } from './director.ts'
import { fold, serves } from './local-part.ts'

export interface CatchAllOptions {
  readonly name: string
  /** Who gets what no director before this one knew. */
  readonly to: Address
  /** Absent: for all domains that are ours. */
  readonly domains?: readonly string[]
}

/** Sends everything to one address: the last of the directors, where somebody wants it. */
export const catchAllDirector = ({ name, to, domains }: CatchAllOptions): Director => {
  const mine = serves(domains)
  const key = fold(addressKey(to))
  return {
    name,
    async direct(target) {
      // That nobody has a mailbox for `to` itself must end as "no such user", not as a loop.
      if (!mine(target) || fold(addressKey(target)) === key) return undefined
      return { to: 'addresses', addresses: [to] }
    },
  }
}
