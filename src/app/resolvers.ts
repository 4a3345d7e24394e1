import type { Settings } from '../config/settings.ts'
import { systemServers } from '../net/dns-servers.ts'
import { type HostsFile, hostsFile } from '../net/hosts-file.ts'
import type { RecordResolver, Resolver, ServiceResolver } from '../net/resolver.ts'
import { stubResolver } from '../net/stub-resolver.ts'
import type { Clock } from '../observe/clock.ts'

type Lookups = Resolver & ServiceResolver & RecordResolver
type Closable = Lookups & { close(): Promise<void> }

/**
 * Who looks names up, one for each way that settings have had it done. They outlive a reload: deliveries that are under way
 * still ask them, and what they know is still true.
 */
export class Resolvers {
  readonly #clock: Clock
  readonly #made: Map<string, Closable> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async of({ dns }: Pick<Settings, 'dns'>): Promise<Lookups> {
    const servers = dns.servers.length > 0 ? dns.servers : await systemServers()
    const { hosts, timeout } = dns
    const key = JSON.stringify([servers, [...hosts], timeout])
    const made =
      this.#made.get(key) ?? stubResolver({ servers, clock: this.#clock, hosts: withSettings(hosts), timeout })
    this.#made.set(key, made)
    return made
  }

  async close(): Promise<void> {
    await Promise.all([...this.#made.values()].map((one) => one.close()))
    this.#made.clear()
  }
}

/** Names of the settings before those of the machine's file. */
const withSettings = (given: Settings['dns']['hosts']): HostsFile => {
  const file = hostsFile()
  return { addresses: async (name) => given.get(name.toLowerCase()) ?? file.addresses(name) }
}
