import { sleep } from '../observe/clock.ts'
import { type Claim, LeaseLost, SpoolError } from '../spool/spool.ts'
import { type Conclusion, conclude, parkedAll, reduced, unreported } from './conclude.ts'
import type { QueueParts } from './parts.ts'
import { abandon, type Written, writeReports } from './reporting.ts'
import type { Verdicts } from './verdict.ts'
import { reason, stack } from './wording.ts'

/** Tries of what only a mistake of ours can make fail: a report that is not written, a settlement that is refused. */
const TRIES = 3
/** Tries of a report while the spool cannot be read or written: some two minutes. It may be this one message that is unreadable. */
const PATIENT_TRIES = 20
const PAUSE = { first: 100, most: 10_000 }

export type Recorded =
  | {
      readonly is: 'recorded'
      readonly conclusion: Conclusion
      readonly reports: readonly Written[]
      readonly forks: readonly string[]
    }
  | { readonly is: 'lost' | 'givenUp' }

type Step = Recorded | { readonly is: 'again' | 'unwritten' | 'unreadable' | 'refused'; readonly error: unknown }

/**
 * Records the verdicts on a claim, with the reports they owe, in one settlement; goes on trying while the spool cannot be
 * written, until `signal` is aborted.
 */
export const record = async (
  parts: QueueParts,
  claim: Claim,
  verdicts: Verdicts,
  signal: AbortSignal,
): Promise<Recorded> => {
  const { clock, log } = parts
  const { id } = claim.message
  let conclusion = concluded(parts, claim, verdicts)
  let unwritten = 0
  let refused = 0
  for (let tries = 0; ; tries += 1) {
    const step = await settleOnce(parts, claim, conclusion)
    if (!('error' in step)) return step
    const report = step.is === 'unwritten' || step.is === 'unreadable'
    log.event('error', report ? 'report-failed' : 'settle-failed', { id, error: stack(step.error) })
    if (report && ++unwritten >= (step.is === 'unwritten' ? TRIES : PATIENT_TRIES)) {
      conclusion = unreported(conclusion, `The report could not be written: ${reason(step.error)}`, clock.now())
      continue
    }
    if (step.is === 'refused' && ++refused >= TRIES) {
      if (refused >= 2 * TRIES) return { is: 'givenUp' }
      conclusion = reduced(conclusion, `The spool refused what became of it: ${reason(step.error)}`, clock.now())
    }
    if (signal.aborted) return { is: 'givenUp' }
    await sleep(clock, Math.min(PAUSE.most, PAUSE.first * 2 ** Math.min(tries, 20)), signal)
  }
}

const concluded = ({ clock, log, settings, random }: QueueParts, claim: Claim, verdicts: Verdicts): Conclusion => {
  try {
    return conclude(claim, verdicts, clock.now(), settings, random)
  } catch (error) {
    log.event('error', 'conclude-failed', { id: claim.message.id, error: stack(error) })
    return parkedAll(claim, `A fault in the queue: ${reason(error)}`, clock.now())
  }
}

const settleOnce = async (parts: QueueParts, claim: Claim, conclusion: Conclusion): Promise<Step> => {
  const { changes, forks, history, owed } = conclusion
  let reports: readonly Written[] = []
  try {
    if (owed.length > 0) reports = await writeReports(parts, claim.message, owed)
  } catch (error) {
    const kind = error instanceof SpoolError ? error.kind : 'invalid'
    return { is: kind === 'full' ? 'again' : kind === 'broken' ? 'unreadable' : 'unwritten', error }
  }
  try {
    const forked = await parts.spool.settle(claim, {
      now: parts.clock.now(),
      changes,
      ...(reports.length === 0 ? {} : { commits: reports }),
      ...(forks.length === 0 ? {} : { forks }),
      ...(history.length === 0 ? {} : { history }),
    })
    return { is: 'recorded', conclusion, reports, forks: forked }
  } catch (error) {
    // Written anew for the next try: what a failed settlement left of a draft is nobody's promise.
    await abandon(reports.map((report) => report.draft))
    if (error instanceof LeaseLost) {
      parts.log.event('warn', 'lease-lost', { id: claim.message.id, lane: claim.lane ?? '' })
      return { is: 'lost' }
    }
    return { is: error instanceof SpoolError && error.kind !== 'invalid' ? 'again' : 'refused', error }
  }
}
