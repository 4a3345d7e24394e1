import type { Alarm, Clock } from '../observe/clock.ts'
import { TimedOut } from './channel.ts'

/** Where one side waits until something happens or a limit has passed. */
export class Gate {
  readonly #clock: Clock
  #settle: ((why?: Error) => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get waiting(): boolean {
    return this.#settle !== undefined
  }

  /** Throws `TimedOut`, saying `what` for how long, after so many milliseconds. One waits at a time. */
  wait(ms: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const alarm: Alarm = this.#clock.after(Math.max(0, ms), () => this.fail(timedOut(what, ms)))
      this.#settle = (why) => {
        this.#settle = undefined
        alarm.cancel()
        if (why === undefined) resolve()
        else reject(why)
      }
    })
  }

  open(): void {
    this.#settle?.()
  }

  fail(why: Error): void {
    this.#settle?.(why)
  }
}

const timedOut = (what: string, ms: number): TimedOut => new TimedOut(`${what} for ${Math.round(ms) / 1000} s`)
