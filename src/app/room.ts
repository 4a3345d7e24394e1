import { statfs } from 'node:fs/promises'
import type { Resolver } from '../addressing/resolve.ts'
import type { Settings } from '../config/settings.ts'
import type { Room } from '../extensions/index.ts'
import { followed } from '../intake/admission.ts'
import { type Address, formatAddress } from '../mail/address.ts'
import type { Reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Transport } from '../transports/transport.ts'

/** Octets of a folder's file system that somebody like us may use. */
export type Free = (folder: string) => Promise<number>

const freeOf: Free = async (folder) => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

export interface RoomMeans {
  readonly resolver: Pick<Resolver, 'resolve'>
  readonly transports: ReadonlyMap<string, Transport>
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
  /** Absent: as the system says. */
  readonly free?: Free
}

/** What there is room for: in the spool, and in the mailboxes that have a quota. Nobody is asked where there is no bound. */
export const roomFor = ({ spool, directors }: Settings, means: RoomMeans): Room => ({
  ...(spool.driver === 'sqlite' ? { forMessage: roomOnDisk(spool.path, spool['keep-free'], means) } : {}),
  ...(directors.some((one) => one.driver === 'users' && one.quota > 0)
    ? { whyNotFor: (recipient, octets) => whyNotFor(recipient, octets, means) }
    : {}),
})

/** Milliseconds for which plenty of room is believed to be still there. */
const REMEMBERED = 1000

/** Mail that is let in meanwhile is taken off what was found, so that many at once are not each promised the same room. */
const roomOnDisk = (folder: string, keepFree: number, { clock, log, free = freeOf }: RoomMeans) => {
  let found = 0
  let until = 0
  return async (octets: number): Promise<boolean> => {
    const needed = Math.max(octets, 1)
    if (needed > found || clock.now() >= until) {
      try {
        found = (await free(folder)) - keepFree
        until = clock.now() + REMEMBERED
      } catch (error) {
        // Whoever writes there will say what is wrong.
        log.event('warn', 'room-unknown', { folder, why: error instanceof Error ? error.message : String(error) })
        return true
      }
    }
    if (needed > found) return false
    found -= octets
    return true
  }
}

/** What cannot be found out is not held against the mail: delivery tells. */
const whyNotFor = async (
  recipient: Address,
  octets: number,
  { resolver, transports, log }: RoomMeans,
): Promise<Reply | undefined> => {
  try {
    const found = await resolver.resolve(recipient)
    const end = found.to === 'addresses' ? await followed(recipient, found, resolver) : found
    return end.to === 'mailbox' ? await transports.get(end.transport)?.refuses?.(end.mailbox, octets) : undefined
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    log.event('warn', 'room-unknown', { to: formatAddress(recipient), why })
    return undefined
  }
}
