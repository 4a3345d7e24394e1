/** Work of which only so much is done at once; of what waits for its turn there is a bound too. */
export class Turns {
  readonly #most: number
  readonly #mostWaiting: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(most: number, mostWaiting: number) {
    this.#most = most
    this.#mostWaiting = mostWaiting
  }

  /** Undefined: too many wait already, and nothing was done. */
  async take<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#running >= this.#most) {
      if (this.#waiting.length >= this.#mostWaiting) return undefined
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running += 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // Who is next has this one's place.
      if (next) next()
      else this.#running -= 1
    }
  }
}
