import type { Direction } from '../directors/director.ts'
import type { Address } from '../mail/address.ts'
import type { Route } from '../routers/router.ts'
import type { Lane } from '../spool/spool.ts'

/** What becomes of an address, and which lane that is. */
export type Resolution = (Direction | Route) & { readonly lane: Lane; readonly by: string }

/** Where does this address go? Asks directors for our own domains, routers for the rest. */
export interface Resolver {
  isOurs(domain: string): boolean
  /** Throws `Misconfigured`, or whatever a look-up fails with (then: try later). */
  resolve(address: Address, ancestors?: readonly Address[]): Promise<Resolution>
  expand(address: Address): Promise<readonly Address[] | undefined>
}
