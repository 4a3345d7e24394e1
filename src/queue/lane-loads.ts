import type { Lane } from '../spool/spool.ts'
import type { Destinations } from './destinations.ts'
import type { QueueSettings } from './settings.ts'
import type { Holding } from './work.ts'

/** What a runner holds of one lane. */
export interface LaneLoad {
  readonly lane: Lane
  /** Claimed and not begun, the most urgent first. */
  readonly backlog: Holding[]
  active: number
  /** How long a delivery takes, in milliseconds: a moving average. */
  pace: number
}

/** How much is held of which lane, and of which more is wanted. */
export interface LaneLoads extends Iterable<LaneLoad> {
  /** Lanes with something to begin, the one served longest ago first. */
  readonly ready: Set<LaneLoad>
  of(lane: Lane): LaneLoad
  add(holding: Holding): void
  /** Lanes of which enough is held. */
  full(): readonly Lane[]
  /** Lanes that are done faster than claims of the usual size can follow. Told once, until they ask again. */
  hungry(): readonly Lane[]
  /** Something of the lane is done. True: there is room for more, and more there may be. */
  eased(load: LaneLoad): boolean
  /** A claim brought as much of the lane as it could. True: more can be taken. */
  fed(lane: Lane): boolean
}

/** Lanes remembered at most when nothing is held of them, and what their destinations were like. */
const MOST = 1000
/** What is held of a lane lasts about so long, so that fast ones do not run dry while more is claimed. */
const AHEAD = 40

const urgency = ({ claim }: Holding): number => claim.message.schedule.priority ?? 0

export const createLaneLoads = (destinations: Destinations, { concurrency, batch }: QueueSettings): LaneLoads => {
  const loads = new Map<Lane, LaneLoad>()
  const ready = new Set<LaneLoad>()
  const full = new Set<LaneLoad>()
  const hungry = new Set<LaneLoad>()

  const sizeOf = ({ active, backlog }: LaneLoad): number => active + backlog.length

  /** Twice of what may run, or as much as is done until more has come; a probe waits alone. */
  const enough = ({ lane, pace }: LaneLoad): number => {
    if (destinations.probing(lane)) return 1
    const window = Math.max(1, destinations.window(lane))
    return Math.max(2 * window, Math.min((window * AHEAD) / Math.max(1, pace), 2 * batch.claims))
  }

  const wants = (load: LaneLoad): void => {
    if (enough(load) > 2 * concurrency.perDestination) hungry.add(load)
  }

  const forget = (): void => {
    for (const load of loads.values()) {
      if (sizeOf(load) > 0) continue
      loads.delete(load.lane)
      hungry.delete(load)
      destinations.idle(load.lane)
    }
  }

  const of = (lane: Lane): LaneLoad => {
    const known = loads.get(lane)
    if (known !== undefined) return known
    if (loads.size >= MOST) forget()
    const fresh: LaneLoad = { lane, backlog: [], active: 0, pace: AHEAD }
    loads.set(lane, fresh)
    return fresh
  }

  return {
    ready,
    of,
    add(holding) {
      const load = of(holding.claim.lane)
      const at = load.backlog.findLastIndex((one) => urgency(one) >= urgency(holding))
      load.backlog.splice(at + 1, 0, holding)
      if (sizeOf(load) >= enough(load)) full.add(load)
      ready.add(load)
    },
    full: () => [...full].map((load) => load.lane),
    hungry() {
      const lanes = [...hungry].map((load) => load.lane)
      hungry.clear()
      return lanes
    },
    eased(load) {
      if (load.backlog.length > 0) ready.add(load)
      if (!full.has(load) || sizeOf(load) > enough(load) / 2) return false
      full.delete(load)
      wants(load)
      return true
    },
    fed(lane) {
      const load = loads.get(lane)
      if (load === undefined || full.has(load)) return false
      wants(load)
      return true
    },
    *[Symbol.iterator]() {
      for (const load of loads.values()) if (sizeOf(load) > 0) yield load
    },
  }
}
