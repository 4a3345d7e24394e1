import type { Mailbox } from '../directors/director.ts'
import { type Reply, reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'

/** Octets in a mailbox now, 0 where it is not there yet. Rejects with errors of the file system, or `Misconfigured`. */
export type Used = (mailbox: Mailbox) => Promise<number>

/** Milliseconds for which what was found in a mailbox may be said again to those who only ask. */
const REMEMBERED = 5000
const MOST_REMEMBERED = 1000

/** Holds mailboxes to their quota. Octets of a message are those that SIZE counts: with CRLF. */
export interface Quotas {
  /** Why a message of so many octets would not be taken; 0: of any. Looks into a mailbox every few seconds at most. */
  refuses(mailbox: Mailbox, octets: number): Promise<Reply | undefined>
  /** Runs the delivery if there is room, and no other into the same mailbox meanwhile. A Reply: why there is none. */
  within(mailbox: Mailbox, octets: number, deliver: () => Promise<void>): Promise<Reply | undefined>
}

export const quotas = (used: Used, clock: Pick<Clock, 'now'>): Quotas => {
  let known = new Map<string, { readonly used: number; readonly until: number }>()
  const turns = new Map<string, Promise<void>>()

  const remembered = async (mailbox: Mailbox): Promise<number> => {
    const key = keyOf(mailbox)
    const before = known.get(key)
    if (before !== undefined && clock.now() < before.until) return before.used
    const found = await used(mailbox)
    if (known.size >= MOST_REMEMBERED) known = new Map()
    known.set(key, { used: found, until: clock.now() + REMEMBERED })
    return found
  }

  return {
    async refuses(mailbox, octets) {
      return mailbox.quota && why(mailbox.quota, () => remembered(mailbox), octets)
    },
    async within(mailbox, octets, deliver) {
      const { quota } = mailbox
      if (quota === undefined) {
        await deliver()
        return undefined
      }
      const key = keyOf(mailbox)
      const before = turns.get(key)
      const { promise, resolve } = Promise.withResolvers<void>()
      turns.set(key, promise)
      try {
        await before
        const full = await why(quota, () => used(mailbox), octets)
        if (full === undefined) await deliver()
        return full
      } finally {
        known.delete(key)
        if (turns.get(key) === promise) turns.delete(key)
        resolve()
      }
    },
  }
}

const keyOf = ({ user, home }: Mailbox): string => `${user} ${home}`

const TOO_BIG = reply(552, '5.2.3', 'The message is bigger than all that this mailbox may hold')
const FULL = { defer: reply(452, '4.2.2', 'The mailbox is full'), refuse: reply(552, '5.2.2', 'The mailbox is full') }

const why = async (
  quota: NonNullable<Mailbox['quota']>,
  used: () => Promise<number>,
  octets: number,
): Promise<Reply | undefined> => {
  if (octets > quota.octets) return TOO_BIG
  return (await used()) + Math.max(octets, 1) > quota.octets ? FULL[quota.whenFull] : undefined
}
