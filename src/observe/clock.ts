/** Time as a parameter. Tests own it; nothing in `src/` but this file reads the machine's clock. */
export interface Clock {
  /** Milliseconds since 1970. Never goes back while the program runs, whatever happens to the machine's clock. */
  now(): number
  after(ms: number, run: () => void): Alarm
}

export interface Alarm {
  cancel(): void
}

/** The machine's clock, read once and then counted forward monotonically. */
export const systemClock = (): Clock => {
  const start = Date.now() - performance.now()
  return {
    now: () => Math.round(start + performance.now()),
    after: (ms, run) => {
      const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1))
      return { cancel: () => clearTimeout(timer) }
    },
  }
}

/** Resolves after `ms`, or at once when the signal is aborted. */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      alarm.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const alarm = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
