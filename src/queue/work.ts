import { type Claim, LeaseLost } from '../spool/spool.ts'
import type { Transport } from '../transports/transport.ts'
import { type Attempted, attempt } from './attempt.ts'
import { createLeases } from './leases.ts'
import { createLedger, type LedgerPage } from './ledger.ts'
import type { QueueParts } from './parts.ts'
import { type Recorded, record } from './record.ts'
import type { Verdicts } from './verdict.ts'
import { line, path, said, stack } from './wording.ts'

/** What became of recipients since the process began. */
export interface Counters {
  readonly delivered: number
  readonly failed: number
  readonly deferred: number
  readonly parked: number
  readonly expanded: number
  readonly reports: number
}

/** A claim that is kept ours until it is recorded or let go. */
export interface Holding {
  readonly claim: Claim
  readonly controller: AbortController
  readonly letGo: () => void
  page?: LedgerPage
}

/**
 * The steps that a claim takes, for whatever decides which claims to take when: the queue's own runner, or a connection
 * that delivers what waits for its peer. No method rejects.
 */
export interface Work {
  readonly parts: QueueParts
  readonly counters: Counters
  /** When a lease that begins now should run out. */
  leaseUntil(): number
  hold(claim: Claim): Holding
  /** `carrier` delivers in place of the transport that the lane names. */
  attempt(holding: Holding, carrier?: Transport): Promise<Attempted>
  /** Settles, reports and lets go. Recipients without a verdict stay as they were. */
  record(holding: Holding, verdicts: Verdicts): Promise<void>
  /** Tells running deliveries to stop. */
  abort(): void
  /** Settlements that do not succeed are no longer tried again. */
  giveUp(): void
  /** Leases are renewed no longer. When nothing runs any more. */
  close(): void
}

type Tally = { -readonly [K in keyof Counters]: Counters[K] }

/** In every process that delivers from a spool, one of these. */
export const createWork = (parts: QueueParts): Work => {
  const { spool, clock, log, settings } = parts
  const leases = createLeases(spool, clock, log, settings.lease)
  const ledger = createLedger()
  const holdings = new Set<Holding>()
  const givingUp = new AbortController()
  const counters: Tally = { delivered: 0, failed: 0, deferred: 0, parked: 0, expanded: 0, reports: 0 }

  const tell = (claim: Claim, { conclusion: { changes }, reports, forks }: Recorded & { is: 'recorded' }): void => {
    for (const { draft, record } of reports) {
      const to = record.recipients.map(({ address }) => path(address)).join(' ')
      log.event('info', 'reported', { id: draft.id, about: claim.message.id, to })
    }
    for (const id of forks) log.event('info', 'forked', { id, from: claim.message.id })
    const by = new Map(claim.recipients.map((r) => [r.key, r]))
    for (const change of changes) {
      if (!('fate' in change)) continue
      const recipient = by.get(change.of)
      const { fate } = change
      if (recipient === undefined || fate.is === 'held' || (fate.is === 'waiting' && !change.attempted)) continue
      const event = fate.is === 'waiting' ? 'deferred' : fate.is
      counters[event] += 1
      log.event(event === 'parked' ? 'error' : 'info', event, {
        id: claim.message.id,
        to: path(recipient.address),
        lane: claim.lane ?? undefined,
        ...(fate.is === 'parked' ? { why: fate.why } : {}),
        ...('last' in fate && fate.last !== undefined ? { reply: said(fate.last) } : {}),
        ...(fate.is === 'waiting' ? { due: new Date(fate.due).toISOString() } : {}),
        ms: clock.now() - claim.message.accepted,
      })
    }
  }

  return {
    parts,
    counters,
    leaseUntil: leases.until,
    hold(claim) {
      const controller = new AbortController()
      const release = leases.hold(claim, () => controller.abort())
      const holding: Holding = {
        claim,
        controller,
        letGo() {
          release()
          holdings.delete(holding)
        },
      }
      holdings.add(holding)
      return holding
    },
    async attempt(holding, carrier) {
      const { claim, controller } = holding
      try {
        const page = await ledger.open(claim)
        holding.page = page
        try {
          return await attempt(parts, claim, page, controller, carrier)
        } finally {
          page.delivered()
        }
      } catch (error) {
        log.event('error', 'attempt-failed', { id: claim.message.id, error: stack(error) })
        const why = line(`A fault in the queue: ${error}`)
        return { verdicts: new Map(claim.recipients.map((r) => [r.key, { is: 'fault', why }])) }
      }
    },
    async record(holding, verdicts) {
      const { claim } = holding
      try {
        const recorded = await record(parts, claim, verdicts, givingUp.signal)
        if (recorded.is === 'recorded') {
          holding.page?.recorded()
          counters.reports += recorded.reports.length
          tell(claim, recorded)
        }
      } catch (error) {
        if (!(error instanceof LeaseLost)) {
          log.event('error', 'record-failed', { id: claim.message.id, error: stack(error) })
        }
      } finally {
        holding.letGo()
      }
    },
    abort() {
      for (const { controller } of holdings) controller.abort()
    },
    giveUp: () => givingUp.abort(),
    close: leases.close,
  }
}
