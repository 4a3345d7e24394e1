import type { ListenAddress, ListenerSettings, Settings } from '../config/settings.ts'
import { type At, type Listener, listen } from '../net/listener.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { type ServerContext, serve } from '../smtp/server.ts'

export interface ListenersOptions {
  readonly clock: Clock
  readonly log: Log
  /** The context in force for a listener's name, asked for each connection. */
  context(name: string): ServerContext | undefined
}

/** A listening address, and whose it is. */
interface Open {
  readonly name: string
  readonly protocol: ListenerSettings['protocol']
  readonly wanted: string
  readonly listener: Listener
}

/** All addresses that are listened on. A reload keeps those that stay, so that no connection is refused meanwhile. */
export class Listeners {
  readonly #options: ListenersOptions
  readonly #closing: AbortController = new AbortController()
  readonly #old: Set<Promise<void>> = new Set()
  #open: readonly Open[] = []

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Opens what is new. Throws when an address cannot be had; then all is as it was. `commit` closes what is no longer wanted. */
  async prepare(settings: Settings): Promise<{ commit(): void; undo(): void }> {
    const wanted = settings.listen.flatMap((one) =>
      one.addresses.map((address) => ({ one, address, key: keyOf(one, address) })),
    )
    const added: Open[] = []
    const undo = () => {
      for (const { listener } of added) listener.destroy()
    }
    try {
      for (const { one, address, key } of wanted) {
        if (this.#open.some((open) => open.wanted === key)) continue
        added.push({
          name: one.name,
          protocol: one.protocol,
          wanted: key,
          listener: await this.#listen(one, address, settings),
        })
      }
    } catch (error) {
      undo()
      throw error
    }
    return {
      undo,
      commit: () => {
        const keep = new Set(wanted.map(({ key }) => key))
        for (const open of this.#open) if (!keep.has(open.wanted)) this.#close(open)
        this.#open = [...this.#open.filter((open) => keep.has(open.wanted)), ...added]
      },
    }
  }

  #listen(one: ListenerSettings, address: ListenAddress, settings: Settings): Promise<Listener> {
    const { clock, log } = this.#options
    return listen(
      address as At,
      {
        clock,
        log,
        most: one.limits.connections,
        mostPerPeer: one.limits['connections-per-peer'],
        refuse: `421 4.3.2 ${settings.hostname}: too many connections; try again later`,
        // Who may reach a UNIX socket is decided by the folder it is in.
        mode: 0o666,
      },
      async (channel) => {
        const context = this.#options.context(one.name)
        if (context) await serve(channel, context, this.#closing.signal)
        else channel.destroy()
      },
    )
  }

  #close({ listener }: Open): void {
    const closed = listener.close().finally(() => this.#old.delete(closed))
    this.#old.add(closed)
  }

  get addresses(): readonly { readonly name: string; readonly protocol: string; readonly address: string }[] {
    return this.#open.map(({ name, protocol, listener: { address } }) => ({
      name,
      protocol,
      address: 'path' in address ? `unix:${address.path}` : hostPort(address),
    }))
  }

  get ports(): readonly { readonly address: string; readonly port: number }[] {
    return this.#open.flatMap(({ listener: { address } }) =>
      'path' in address ? [] : [{ address: address.host, port: address.port }],
    )
  }

  get connections(): number {
    return this.#open.reduce((sum, { listener }) => sum + listener.connections, 0)
  }

  /** Accepts no more; sessions end at the next command that begins no work. Resolves when all are over. */
  async drain(): Promise<void> {
    this.#closing.abort()
    for (const open of this.#open) this.#close(open)
    while (this.#old.size > 0) await Promise.all(this.#old)
  }

  destroy(): void {
    this.#closing.abort()
    for (const { listener } of this.#open) listener.destroy()
  }
}

const hostPort = ({ host, port }: { host: string; port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** What must be the same for a listening address to stay open through a reload: who it is, and the limits it has. */
const keyOf = ({ name, protocol, limits }: ListenerSettings, address: ListenAddress): string =>
  JSON.stringify([name, protocol, address, limits.connections, limits['connections-per-peer']])
