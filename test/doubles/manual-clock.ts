import type { Alarm, Clock } from '../../src/observe/clock.ts'

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets time pass, and runs each alarm at its own time, in order; what it sets off settles before the next one runs. */
  advance(ms: number): Promise<void>
  /** Lets time pass in one piece, as for a machine that slept: what was due meanwhile runs late, in order, each thing once. */
  leap(ms: number): Promise<void>
  /** Sets the time without running anything: a machine's clock that was wrong, or is now. Alarms keep their distance. */
  set(now: number): void
  /** Lets promises settle, and I/O callbacks that are ready run, without any time passing. */
  settle(): Promise<void>
  /** Alarms not yet run or cancelled. */
  readonly pending: number
}

interface Waiting {
  at: number
  readonly order: number
  readonly run: () => void
}

/** Turns of the event loop after which everything that needs no time is taken to be done. */
const TURNS = 4

/** Starts at 2026-01-01T00:00:00Z unless told otherwise. */
export const manualClock = (start = 1_767_225_600_000, turns = TURNS): ManualClock => {
  let now = start
  let order = 0
  let waiting: Waiting[] = []

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }

  const next = (until: number): Waiting | undefined =>
    waiting
      .filter((one) => one.at <= until)
      .reduce<Waiting | undefined>(
        (first, one) =>
          first === undefined || one.at < first.at || (one.at === first.at && one.order < first.order) ? one : first,
        undefined,
      )

  return {
    now: () => now,
    after(ms, run): Alarm {
      const one: Waiting = { at: now + Math.max(0, ms), order: order++, run }
      waiting.push(one)
      return {
        cancel() {
          waiting = waiting.filter((other) => other !== one)
        },
      }
    },
    async advance(ms) {
      const until = now + ms
      await settle()
      for (let one = next(until); one !== undefined; one = next(until)) {
        const due = one
        waiting = waiting.filter((other) => other !== due)
        now = Math.max(now, due.at)
        due.run()
        await settle()
      }
      now = Math.max(now, until)
    },
    async leap(ms) {
      await settle()
      now += ms
      const due = waiting.filter((one) => one.at <= now).sort((a, b) => a.at - b.at || a.order - b.order)
      for (const one of due) {
        // It may have been cancelled by what ran before it.
        if (!waiting.includes(one)) continue
        waiting = waiting.filter((other) => other !== one)
        one.run()
        await settle()
      }
    },
    set(to) {
      for (const one of waiting) one.at += to - now
      now = to
    },
    settle,
    get pending() {
      return waiting.length
    },
  }
}
