import { networkOf } from '../net/census.ts'
import type { Clock } from '../observe/clock.ts'

export interface WrongSecretsOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Of one IPv4 address or one IPv6 /64 within an hour. */
  readonly most?: number
  /** Networks that are remembered. */
  readonly networks?: number
}

const HOUR = 3_600_000

interface Tally {
  readonly since: number
  count: number
}

/** Who has asked in vain, and how often: nobody shall try secrets, or names, at leisure. */
export class WrongSecrets {
  readonly #clock: Pick<Clock, 'now'>
  readonly #most: number
  readonly #networks: number
  readonly #tallies = new Map<string, Tally>()

  constructor({ clock, most = 100, networks = 10_000 }: WrongSecretsOptions) {
    this.#clock = clock
    this.#most = most
    this.#networks = networks
  }

  /** Whether an answer may be given at all. */
  mayAsk(peer: string): boolean {
    return this.count(peer) < this.#most
  }

  /** Of this network, within the hour. */
  count(peer: string): number {
    return this.#tally(networkOf(peer))?.count ?? 0
  }

  wrong(peer: string): void {
    const network = networkOf(peer)
    const tally = this.#tally(network) ?? { since: this.#clock.now(), count: 0 }
    tally.count += 1
    // Whoever was seen last stays the longest.
    this.#tallies.delete(network)
    this.#tallies.set(network, tally)
    const [oldest] = this.#tallies.keys()
    if (this.#tallies.size > this.#networks && oldest !== undefined) this.#tallies.delete(oldest)
  }

  #tally(network: string): Tally | undefined {
    const tally = this.#tallies.get(network)
    const age = this.#clock.now() - (tally?.since ?? 0)
    if (tally && age >= 0 && age < HOUR) return tally
    this.#tallies.delete(network)
    return undefined
  }
}
