import type { Clock } from '../observe/clock.ts'

/** What `Spool.wake` waits for. A ring between the last claim and the wait is not missed. */
export class Bell {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #rung = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#rung = true
    for (const wake of [...this.#waiting]) wake()
  }

  /** Someone looks now: what was rung before, they see. */
  heard(): void {
    this.#rung = false
  }

  wait(ms: number): Promise<void> {
    if (this.#rung) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        alarm.cancel()
        this.#waiting.delete(wake)
        resolve()
      }
      const alarm = this.#clock.after(ms, wake)
      this.#waiting.add(wake)
    })
  }
}
