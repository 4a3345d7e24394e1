import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Lane, Rests } from '../spool/spool.ts'
import type { Attempted } from './attempt.ts'
import { backoff } from './schedule.ts'
import type { QueueSettings } from './settings.ts'
import { said, stack } from './wording.ts'

/** How a destination is treated: how much at once, and whether it is left alone. */
export interface Destinations {
  /** Takes up rests of an earlier life. */
  restore(): Promise<void>
  /** Deliveries the lane may have at once now; 0 while it rests. */
  window(lane: Lane): number
  rest(lane: Lane): Rest | undefined
  /** Whether a delivery finds out just now if the destination is back. */
  probing(lane: Lane): boolean
  /** Lanes at rest, at most so many. */
  resting(most: number): readonly string[]
  /** When a delivery begins: what to give `judge` when it has ended. */
  begin(): number
  /** Learns from a delivery. A rest it leads to, or has met. */
  judge(lane: Lane, delivery: Judged): Rest | undefined
  /** Ends a lane's rest, or all. */
  lift(lane?: string): void
  /** Nothing of the lane is held any more: what was learned of it may be forgotten. */
  idle(lane: Lane): void
  list(): readonly Rest[]
  close(): void
}

export interface Judged {
  readonly began: number
  readonly found: Attempted['destination']
  /** Deliveries of the lane that still run. */
  readonly others: number
}

export interface Rest {
  readonly lane: string
  readonly until: number
  readonly why: string
}

interface State {
  size: number
  lastGood: number
  /** Out of reach, one time after the other. */
  downs: number
  rest?: Rest
  /** After a rest: one delivery finds out for all. */
  probing: boolean
  alarm?: { cancel(): void }
}

/**
 * Windows grow with success and shrink with deferrals, as TCP's do. A destination out of reach rests, longer each time;
 * after that one delivery probes it. `ended` is called when a rest is over.
 */
export const createDestinations = (
  parts: { readonly clock: Clock; readonly log: Log; readonly rests: Rests; readonly random: () => number },
  settings: QueueSettings,
  top: (lane: Lane) => number,
  ended: (lane: string) => void,
): Destinations => {
  const { clock, log, rests, random } = parts
  const states = new Map<Lane, State>()
  const atRest = new Set<string>()
  let sequence = 0

  const stateOf = (lane: Lane): State => {
    const known = states.get(lane)
    if (known !== undefined) return known
    const size = Math.min(top(lane), settings.concurrency.initial)
    const fresh = { size, lastGood: 0, downs: 0, probing: false }
    states.set(lane, fresh)
    return fresh
  }

  const keep = (doing: Promise<void>, lane: string): void =>
    void doing.catch((error) => log.event('error', 'rest-failed', { lane, error: stack(error) }))

  const over = (lane: string, state: State): void => {
    state.alarm?.cancel()
    delete state.rest
    atRest.delete(lane)
    state.probing = true
    // Without mail for it nobody would ever find out; such a destination is forgotten.
    state.alarm = clock.after(2 * settings.rest.most, () => {
      states.delete(lane)
      keep(rests.lift(lane), lane)
    })
    ended(lane)
  }

  const enter = (lane: string, state: State, until: number, why: string): Rest => {
    state.alarm?.cancel()
    state.rest = { lane, until, why }
    state.probing = false
    atRest.add(lane)
    state.alarm = clock.after(until - clock.now(), () => over(lane, state))
    return state.rest
  }

  const lifted = (lane: string, state: State): void => {
    state.alarm?.cancel()
    delete state.alarm
    delete state.rest
    atRest.delete(lane)
    state.probing = false
    state.downs = 0
    state.size = Math.min(top(lane), settings.concurrency.initial)
    keep(rests.lift(lane), lane)
    log.event('info', 'rest-lifted', { lane })
  }

  const restNow = (lane: string, state: State, why: string): Rest => {
    const until = clock.now() + backoff(state.downs, { ...settings.rest, jitter: settings.backoff.jitter }, random)
    state.downs += 1
    const rest = enter(lane, state, until, why)
    keep(rests.rest(lane, until, why), lane)
    log.event('warn', 'resting', { lane, until: new Date(until).toISOString(), why })
    return rest
  }

  return {
    async restore() {
      const now = clock.now()
      for (const { lane, until, why } of await rests.list(now)) {
        const state = stateOf(lane)
        state.downs = 1
        // Where the clock was fast and went back, a rest would not end for as long.
        enter(lane, state, Math.min(until, now + settings.rest.most), why)
      }
    },
    window(lane) {
      if (lane === null) return settings.concurrency.resolving
      const state = stateOf(lane)
      if (state.rest !== undefined) return 0
      return state.probing ? 1 : Math.max(1, Math.floor(Math.min(state.size, top(lane))))
    },
    rest: (lane) => states.get(lane)?.rest,
    probing: (lane) => states.get(lane)?.probing ?? false,
    resting(most) {
      const some: string[] = []
      for (const lane of atRest) if (some.push(lane) >= most) break
      return some
    },
    begin: () => ++sequence,
    judge(lane, { began, found, others }) {
      if (lane === null || found === undefined) return undefined
      const state = stateOf(lane)
      if (typeof found === 'object') {
        if (state.rest !== undefined) return state.rest
        // Others got through meanwhile, or may yet: it is alive, perhaps, and has enough of us.
        if (others > 0 || state.lastGood > began) {
          state.size = Math.max(1, state.size / 2)
          return undefined
        }
        return restNow(lane, state, said(found.down))
      }
      state.lastGood = ++sequence
      if (state.probing || state.rest !== undefined) {
        lifted(lane, state)
        ended(lane)
        return undefined
      }
      state.size = found === 'reached' ? Math.min(top(lane), state.size + 1 / state.size) : Math.max(1, state.size / 2)
      return undefined
    },
    lift(lane) {
      for (const one of lane === undefined ? [...atRest] : [lane]) {
        const state = states.get(one)
        if (state?.rest !== undefined) over(one, state)
      }
    },
    idle(lane) {
      const state = states.get(lane)
      if (state !== undefined && state.rest === undefined && !state.probing) states.delete(lane)
    },
    list: () => [...atRest].flatMap((lane) => states.get(lane)?.rest ?? []),
    close() {
      for (const { alarm } of states.values()) alarm?.cancel()
      states.clear()
      atRest.clear()
    },
  }
}
