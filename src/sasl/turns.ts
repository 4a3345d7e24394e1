/**
 * Work of which only so much is done at once; what waits for it has a bound too. Who waits is served in turn, one of each:
 * who asks for much does not keep others from theirs.
 */
export class Turns {
  readonly #most: number
  readonly #mostWaiting: number
  readonly #whose: (from: string) => string
  /** The next to be served stands first. */
  readonly #queues = new Map<string, ((isTurn: boolean) => void)[]>()
  #running = 0
  #waiting = 0

  /** `whose`: who is one and the same; absent: each for itself. */
  constructor(most: number, mostWaiting: number, whose: (from: string) => string = (from) => from) {
    this.#most = most
    this.#mostWaiting = mostWaiting
    this.#whose = whose
  }

  /** Undefined: too much waits already, and nothing was done. */
  async take<T>(from: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#running < this.#most) this.#running += 1
    else if (!(await this.#turn(this.#whose(from)))) return undefined
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  /** Where there is no room, it is made by whoever has the most there. */
  async #turn(of: string): Promise<boolean> {
    const own = this.#queues.get(of) ?? []
    if (this.#waiting >= this.#mostWaiting) {
      const longest = [...this.#queues.values()].reduce((one, other) => (other.length > one.length ? other : one), own)
      if (longest.length < own.length + 2) return false
      longest.pop()?.(false)
      this.#waiting -= 1
    }
    this.#waiting += 1
    return new Promise((resolve) => {
      own.push(resolve)
      this.#queues.set(of, own)
    })
  }

  #next(): void {
    const [first] = this.#queues
    if (first === undefined) {
      this.#running -= 1
      return
    }
    const [of, queue] = first
    this.#queues.delete(of)
    const go = queue.shift()
    if (queue.length > 0) this.#queues.set(of, queue)
    this.#waiting -= 1
    // Who is next has this one's place.
    go?.(true)
  }
}
