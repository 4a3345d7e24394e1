import type { Alarm, Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { type Claim, LeaseLost, type Spool } from '../spool/spool.ts'
import { stack } from './wording.ts'

/** Keeps claims ours while they are worked on. */
export interface Leases {
  /** When a claim made now should run out. */
  until(): number
  /** Renews the claim until the returned function is called. `lost` runs once, when somebody else has it. */
  hold(claim: Claim, lost: () => void): () => void
  /** Renews nothing any more. */
  close(): void
}

interface Held {
  readonly claim: Claim
  readonly lost: () => void
  until: number
  renewing: boolean
}

/** One alarm serves all claims: there may be hundreds, and most end long before their lease. */
export const createLeases = (spool: Pick<Spool, 'renew'>, clock: Clock, log: Log, lease: number): Leases => {
  const held = new Set<Held>()
  const alarms: Alarm[] = []

  const renew = async (one: Held): Promise<void> => {
    one.renewing = true
    const until = clock.now() + lease
    try {
      await spool.renew(one.claim, until)
      one.until = until
    } catch (error) {
      const id = one.claim.message.id
      if (error instanceof LeaseLost) {
        if (held.delete(one)) {
          log.event('warn', 'lease-lost', { id, lane: one.claim.lane ?? '' })
          one.lost()
        }
      } else {
        log.event('error', 'renew-failed', { id, error: stack(error) })
      }
    }
    one.renewing = false
  }

  const round = (): void => {
    alarms.pop()
    if (held.size > 0) alarms.push(clock.after(lease / 4, round))
    const now = clock.now()
    for (const one of held) if (one.until - now <= lease / 2 && !one.renewing) void renew(one)
  }

  return {
    until: () => clock.now() + lease,
    hold(claim, lost) {
      const one: Held = { claim, lost, until: clock.now() + lease, renewing: false }
      held.add(one)
      if (alarms.length === 0) alarms.push(clock.after(lease / 4, round))
      return () => void held.delete(one)
    },
    close() {
      held.clear()
      for (const alarm of alarms.splice(0)) alarm.cancel()
    },
  }
}
