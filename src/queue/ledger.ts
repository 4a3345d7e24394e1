import type { Claim, MessageId } from '../spool/spool.ts'
import type { Outcome } from '../transports/transport.ts'

/**
 * What this process knows of deliveries the spool does not know of yet. A lease may run out while the spool cannot be
 * written; when the same recipients are claimed again, what was delivered is not delivered twice.
 */
export interface Ledger {
  /** Waits for deliveries of the same recipients that are under way here. */
  open(claim: Claim): Promise<LedgerPage>
}

export interface LedgerPage {
  known(key: number): Outcome | undefined
  note(outcome: Outcome): void
  /** The delivery is over; outcomes are kept. */
  delivered(): void
  /** The spool knows: they need not be kept. */
  recorded(): void
}

interface Entry {
  readonly running: Map<number, Promise<void>>
  readonly known: Map<number, Outcome>
}

/** Messages kept at most; the oldest are forgotten first. More than any outage leaves behind, for running deliveries are bounded. */
const MOST = 20_000

export const createLedger = (): Ledger => {
  const entries = new Map<MessageId, Entry>()

  const prune = (): void => {
    if (entries.size <= MOST) return
    for (const [id, entry] of entries) {
      if (entry.running.size > 0) continue
      entries.delete(id)
      return
    }
  }

  return {
    async open({ message: { id }, recipients }) {
      for (;;) {
        const busy = recipients.map((r) => entries.get(id)?.running.get(r.key)).find((one) => one !== undefined)
        if (busy === undefined) break
        await busy
      }
      const entry = entries.get(id) ?? { running: new Map(), known: new Map() }
      entries.set(id, entry)
      const { promise, resolve } = Promise.withResolvers<void>()
      for (const r of recipients) entry.running.set(r.key, promise)
      prune()
      return {
        known: (key) => entry.known.get(key),
        note: (outcome) => void entry.known.set(outcome.of, outcome),
        delivered() {
          for (const r of recipients) if (entry.running.get(r.key) === promise) entry.running.delete(r.key)
          if (entry.running.size === 0 && entry.known.size === 0) entries.delete(id)
          resolve()
        },
        recorded() {
          for (const r of recipients) entry.known.delete(r.key)
          if (entry.running.size === 0 && entry.known.size === 0) entries.delete(id)
        },
      }
    },
  }
}
