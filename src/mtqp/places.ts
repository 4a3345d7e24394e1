import { isIP } from 'node:net'
import type { Instant } from '../mail/instant.ts'
import { networkOf } from '../net/census.ts'
import type { Clock } from '../observe/clock.ts'

export interface PlacesOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Answers at once, and of those to one network. */
  readonly most: number
  readonly mostPerPeer: number
  /** Milliseconds that an answer has for itself, whoever waits. */
  readonly own: number
}

interface Place {
  readonly network: string | undefined
  readonly since: Instant
  readonly yields: () => void
}

/**
 * Room for answers that are under way. Whoever is slow in taking one does not keep others out: where there is no more room,
 * the answer that has been under way the longest yields to a new one, once it has had its time.
 */
export class Places {
  readonly #options: PlacesOptions
  /** In the order in which they came. */
  readonly #taken = new Set<Place>()

  constructor(options: PlacesOptions) {
    this.#options = options
  }

  /**
   * Undefined when there is no room for one more to this address. Otherwise to be called when the answer is out; `yields` is
   * called, once at most, when it has to give up before. A peer without an IP address counts in all only.
   */
  enter(address: string, yields: () => void): (() => void) | undefined {
    const { clock, most, mostPerPeer, own } = this.#options
    const network = isIP(address) ? networkOf(address) : undefined
    const taken = [...this.#taken]
    if (network !== undefined && taken.filter((one) => one.network === network).length >= mostPerPeer) return undefined
    const [oldest] = taken
    if (oldest !== undefined && taken.length >= most) {
      if (clock.now() - oldest.since < own) return undefined
      this.#taken.delete(oldest)
      oldest.yields()
    }
    const place: Place = { network, since: clock.now(), yields }
    this.#taken.add(place)
    return () => void this.#taken.delete(place)
  }
}
