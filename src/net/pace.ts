import type { Clock } from '../observe/clock.ts'
import { TimedOut, TooSlow } from './channel.ts'

/**
 * How long more of a body is waited for. Waiting uses patience up, every octet that comes gives 1/`rate` of a second of
 * it back, and there is never more than `timeout`: so one octet now and then keeps nobody waiting for long, and whoever
 * sent much may pause. A rate of 0: every wait has all of `timeout`.
 */
export class Pace {
  readonly #clock: Clock
  readonly #timeout: number
  readonly #rate: number
  #left: number

  constructor(clock: Clock, timeout: number, rate: number) {
    this.#clock = clock
    this.#timeout = timeout
    this.#rate = rate
    this.#left = timeout
  }

  came(octets: number): void {
    if (this.#rate > 0) this.#left = Math.min(this.#timeout, this.#left + (octets * 1000) / this.#rate)
  }

  /** Waits by `more`, which throws `TimedOut` after so many milliseconds. Throws `TooSlow` where a pause alone is not to blame. */
  async wait(more: (ms: number) => Promise<void>): Promise<void> {
    if (this.#rate === 0) return more(this.#timeout)
    const since = this.#clock.now()
    try {
      await more(this.#left)
    } catch (error) {
      const slow = error instanceof TimedOut && this.#left < this.#timeout
      throw slow ? new TooSlow(`Fewer than ${this.#rate} octets a second`, { cause: error }) : error
    }
    this.#left -= this.#clock.now() - since
  }
}
