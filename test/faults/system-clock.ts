import { type Clock, systemClock } from '../../src/observe/clock.ts'

/** The machine's clock, set wrong by `skew` milliseconds, which can be moved on. */
export interface SkewedClock extends Clock {
  /** Lets time pass at once: what is due by then runs, in order. */
  forward(ms: number): void
}

interface Waiting {
  readonly at: number
  readonly run: () => void
}

export const skewedClock = (skew: number): SkewedClock => {
  const machine = systemClock()
  const waiting = new Set<Waiting>()
  let ahead = skew
  const now = (): number => machine.now() + ahead
  const fire = (one: Waiting): void => {
    if (waiting.delete(one)) one.run()
  }
  return {
    now,
    after(ms, run) {
      const one = { at: now() + ms, run }
      waiting.add(one)
      const alarm = machine.after(ms, () => fire(one))
      return {
        cancel() {
          waiting.delete(one)
          alarm.cancel()
        },
      }
    },
    forward(ms) {
      ahead += ms
      for (const one of [...waiting].sort((a, b) => a.at - b.at)) if (one.at <= now()) fire(one)
    },
  }
}
