import type { Lane } from '../spool/spool.ts'
import { deliverLanes, type LaneRun } from './deliver-lanes.ts'
import { createDestinations, type Rest } from './destinations.ts'
import type { QueueParts } from './parts.ts'
import { createRunner, type Load } from './runner.ts'
import { type QueueSettings, queueDefaults } from './settings.ts'
import { type Counters, createWork } from './work.ts'

/** Delivers what is in a spool. */
export interface Queue {
  /** Voids the claims of an earlier life and begins to deliver. Rejects with `SpoolError` when the spool cannot be read. */
  start(): Promise<void>
  /** Ends the rest of a lane, or all, and looks for due mail at once. What is due is the spool's affair: see `Spool.operate`. */
  kick(lane?: string): void
  /** As `deliverLanes`, with this queue's knowledge of what is under way. */
  deliver(run: LaneRun): Promise<number>
  /** Takes no more mail, lets running deliveries end, stops those that take too long. Resolves when nothing runs. Never rejects. */
  drain(ms?: number): Promise<void>
  /** Drains without patience. */
  stop(): Promise<void>
  status(): QueueStatus
  readonly counters: Counters
}

export interface QueueStatus extends Load {
  readonly rests: readonly Rest[]
}

export type QueueOptions = Omit<QueueParts, 'settings' | 'random'> & {
  readonly settings?: Partial<QueueSettings>
  readonly random?: () => number
}

/** For settlements, when nothing else runs any more. */
const LAST_CHANCE = 2000

export const createQueue = ({ settings: given, random = Math.random, ...parts }: QueueOptions): Queue => {
  const settings = { ...queueDefaults, ...given }
  const { spool, clock, log, transports, owner } = parts
  const work = createWork({ ...parts, settings, random })

  const top = (lane: Lane): number => {
    const transport = transports.get(lane === null ? '' : lane.slice(0, Math.max(0, lane.indexOf('/'))))
    const { perDestination } = settings.concurrency
    return Math.max(1, transport?.limits.perDestination ?? perDestination)
  }
  const destinations = createDestinations({ clock, log, rests: spool.rests, random }, settings, top, () =>
    runner.poke(),
  )
  const runner = createRunner(work, destinations)

  const drain = async (ms: number): Promise<void> => {
    if (!(await runner.halt(ms))) {
      work.abort()
      // What is told to stop has its grace; then the spool has a last chance to hear of it.
      if (!(await runner.halt(settings.delivery.grace + LAST_CHANCE))) {
        work.giveUp()
        if (!(await runner.halt(LAST_CHANCE))) log.event('error', 'drain-incomplete', { ...tally() })
      }
    }
    destinations.close()
    work.close()
  }
  const tally = (): { readonly delivering: number; readonly settling: number } => {
    const { delivering, settling } = runner.load()
    return { delivering, settling }
  }

  return {
    async start() {
      await spool.recover(owner, clock.now())
      await destinations.restore()
      if (settings.concurrency.total > 0) runner.run()
    },
    kick(lane) {
      destinations.lift(lane)
      runner.poke()
    },
    deliver: (run) => deliverLanes(work, run),
    drain: (ms = settings.drain) => drain(ms),
    stop: () => drain(0),
    status: () => ({ ...runner.load(), rests: destinations.list() }),
    counters: work.counters,
  }
}
