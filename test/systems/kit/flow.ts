import { setTimeout as pause } from 'node:timers/promises'
import { type ManualClock, manualClock } from '../../doubles/manual-clock.ts'

/** For anything that is waited for, on a machine that has other things to do. */
const PATIENCE = 30_000

/** The time of a stage: it stands still, flows as on any clock while something is waited for, and leaps where a scene says so. */
export interface Flow {
  readonly clock: ManualClock
  /** Resolves to the first answer that is not undefined. Rejects with `what` when there is none in time. */
  until<T>(ask: () => T | undefined | Promise<T | undefined>, what: () => string): Promise<T>
  /** What the promise yields, time flowing meanwhile. */
  during<T>(promise: Promise<T>, what: () => string): Promise<T>
}

export const createFlow = (): Flow => {
  const clock = manualClock()
  const until: Flow['until'] = async (ask, what) => {
    const began = performance.now()
    for (let before = began; ; ) {
      const answer = await ask()
      if (answer !== undefined) return answer
      const passed = Math.floor(performance.now() - before)
      if (before + passed - began > PATIENCE) throw new Error(`not within ${PATIENCE / 1000} s: ${what()}`)
      before += passed
      await clock.advance(passed)
      // The other side of a socket may be another thread or process, and needs the processor too.
      await pause(1)
    }
  }
  return {
    clock,
    until,
    async during(promise, what) {
      let ended: true | undefined
      const end = () => {
        ended = true
      }
      promise.then(end, end)
      await until(() => ended, what)
      return promise
    },
  }
}
