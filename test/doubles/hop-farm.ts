import { type Channel, Closed } from '../../src/net/channel.ts'
import { DialError, type DialOptions, type DialTarget } from '../../src/net/dialer.ts'
import { memoryChannels } from '../../src/net/memory-channel.ts'
import { DnsError, type Resolver } from '../../src/net/resolver.ts'
import type { Clock } from '../../src/observe/clock.ts'
import { playHop } from './scripted-hop.ts'

/** Hosts without a network: what each says on its first, second, … connection, by its address or path. */
export interface HopFarm {
  /** Which addresses were connected to, in order; those that refused in parentheses. */
  readonly dialled: readonly string[]
  dial(to: DialTarget, options: DialOptions): Promise<Channel>
  readonly resolver: Pick<Resolver, 'addresses'>
  /** Bodies that were taken, in order. */
  readonly bodies: readonly string[]
  /** Rejects with the first departure from a script. To be called when everything is closed. */
  end(): Promise<void>
}

/** `refuses`: no connection to it. `hangs`: none, and no answer until the signal is aborted. */
export type Scripts = Readonly<Record<string, readonly string[] | 'refuses' | 'hangs'>>

export interface FarmNames {
  readonly [name: string]: readonly string[] | 'notFound' | 'failed'
}

export const hopFarm = (clock: Clock, scripts: Scripts, names: FarmNames = {}): HopFarm => {
  const dialled: string[] = []
  const bodies: string[] = []
  const playing: Promise<unknown>[] = []
  const times = new Map<string, number>()

  const connect = (at: string): Channel | undefined => {
    const script = scripts[at]
    const nth = times.get(at) ?? 0
    const text = Array.isArray(script) ? script[nth] : undefined
    if (text === undefined) {
      dialled.push(`(${at})`)
      return undefined
    }
    dialled.push(at)
    times.set(at, nth + 1)
    const [here, there] = memoryChannels(clock)
    playing.push(playHop(there, text).then((played) => bodies.push(...played.bodies)))
    return Object.defineProperty(here, 'peer', { value: { address: at.startsWith('/') ? '' : at, port: 25 } })
  }

  return {
    dialled,
    bodies,
    async dial(to, { signal }) {
      const addresses = 'path' in to ? [to.path] : to.addresses
      for (const at of addresses) {
        signal?.throwIfAborted()
        if (scripts[at] === 'hangs' && signal) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
          throw signal.reason
        }
        const channel = connect(at)
        if (channel) return channel
      }
      throw new DialError(addresses.map((at) => ({ at, why: 'ECONNREFUSED' })))
    },
    resolver: {
      async addresses(name) {
        const found = names[name] ?? 'notFound'
        if (typeof found === 'string') throw new DnsError(found, name)
        return found
      },
    },
    async end() {
      const failed = (await Promise.allSettled(playing)).find((one) => one.status === 'rejected')
      if (failed && !(failed.reason instanceof Closed)) throw failed.reason
    },
  }
}
