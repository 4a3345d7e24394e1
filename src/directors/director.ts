import type { Address } from '../mail/address.ts'
import type { ReversePath } from '../mail/envelope.ts'
import type { Reply } from '../mail/reply.ts'

/** For the domains that are ours. Directors are asked in order and the first to answer decides. */
export interface Director {
  readonly name: string
  /** Undefined: not mine, ask the next. Throws `Misconfigured` when it cannot be asked as it is set up. */
  direct(target: Address, ancestors: readonly Address[]): Promise<Direction | undefined>
  /** Members of a list or alias, for EXPN. Absent: it has none. */
  expand?(target: Address): Promise<readonly Address[] | undefined>
}

export type Direction =
  /** `sender`: a list's owner, told of failures instead of the message's sender. */
  | { readonly to: 'addresses'; readonly addresses: readonly Address[]; readonly sender?: ReversePath }
  | { readonly to: 'mailbox'; readonly transport: string; readonly mailbox: Mailbox }
  | { readonly to: 'nobody'; readonly reply: Reply }

/** Whose mailbox it is, as a transport needs to know it. */
export interface Mailbox {
  readonly user: string
  /** Absolute. `~` in a transport's path. */
  readonly home: string
  /** Absolute. The home lies below it, and no link on the way down is followed. Absent: the home is the user's own affair. */
  readonly root?: string
  /** As whom to deliver; absent: as whoever runs us. */
  readonly uid?: number
  readonly gid?: number
  /** Octets that the mailbox may hold, and whether mail that does not fit waits or comes back. Absent: any number. */
  readonly quota?: { readonly octets: number; readonly whenFull: 'defer' | 'refuse' }
}
