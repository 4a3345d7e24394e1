import { isIP } from 'node:net'
import { ipOctets } from './ip-octets.ts'

/** Who is here, counted in all and per peer. */
export interface Census {
  readonly present: number
  /** Other limits, for those to come; absent ones are none. */
  limit(most?: number, mostPerPeer?: number): void
  /** Undefined when there is no room for one more from there. Otherwise to be called, once, when it leaves. */
  enter(address: string): (() => void) | undefined
}

/** Absent limits are none. A peer without an IP address (a UNIX socket) counts in all only. */
export const census = (initialMost?: number, initialMostPerPeer?: number): Census => {
  let most = initialMost ?? Number.POSITIVE_INFINITY
  let mostPerPeer = initialMostPerPeer ?? Number.POSITIVE_INFINITY
  const perPeer = new Map<string, number>()
  let present = 0
  return {
    get present() {
      return present
    },
    limit(newMost = Number.POSITIVE_INFINITY, newMostPerPeer = Number.POSITIVE_INFINITY) {
      most = newMost
      mostPerPeer = newMostPerPeer
    },
    enter(address) {
      const network = isIP(address) ? networkOf(address) : undefined
      const before = network === undefined ? 0 : (perPeer.get(network) ?? 0)
      if (present >= most || before >= mostPerPeer) return undefined
      present++
      if (network !== undefined) perPeer.set(network, before + 1)
      return () => {
        present--
        if (network === undefined) return
        const left = (perPeer.get(network) ?? 0) - 1
        if (left > 0) perPeer.set(network, left)
        else perPeer.delete(network)
      }
    },
  }
}

/** Whoever has one IPv6 address has the whole /64. What is no address is itself. */
export const networkOf = (address: string): string =>
  isIP(address) === 6 ? ipOctets(address).toString('hex', 0, 8) : address
