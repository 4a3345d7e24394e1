import type { Lane } from '../spool/spool.ts'
import type { Transport } from '../transports/transport.ts'
import type { Work } from './work.ts'

export interface LaneRun {
  readonly lanes: readonly Lane[]
  /** Delivers in place of the transports that the lanes name: over a connection that is there already. */
  readonly carrier?: Transport
  /** Ends the run after the delivery that is under way, which is told to stop. */
  readonly signal?: AbortSignal
}

/**
 * Delivers everything that is due in some lanes, one message after the other, and tells how many it tried. Ends when
 * nothing is left, when the peer is out of reach, or by the signal. Rejects with what `claim` rejects with.
 */
export const deliverLanes = async (work: Work, { lanes, carrier, signal }: LaneRun): Promise<number> => {
  const { spool, clock, owner, settings } = work.parts
  for (let tried = 0; ; tried += 1) {
    if (signal?.aborted) return tried
    // One at a time: another connection of the same peer may take the next.
    const [claim] = await spool.claim({
      owner,
      now: clock.now(),
      leaseUntil: work.leaseUntil(),
      most: 1,
      mostRecipients: settings.batch.recipients,
      mostPerLane: 1,
      only: lanes,
    })
    if (claim === undefined) return tried
    const holding = work.hold(claim)
    const stop = (): void => holding.controller.abort()
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop, { once: true })
    const { verdicts, destination } = await work.attempt(holding, carrier)
    signal?.removeEventListener('abort', stop)
    await work.record(holding, verdicts)
    if (typeof destination === 'object') return tried + 1
  }
}
