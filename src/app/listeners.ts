import { isIPv6 } from 'node:net'
import { listenKey } from '../config/hosts.ts'
import type { ListenAddress, ListenerSettings, Settings } from '../config/settings.ts'
import { type At, type Listener, listen } from '../net/listener.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { ServeListener } from './generation.ts'
import { Unavailable } from './unfit.ts'

export interface ListenersOptions {
  readonly clock: Clock
  readonly log: Log
  /** Who serves a listener of this name now, asked for each connection. */
  serve(name: string): ServeListener | undefined
}

/** A listening address, and which listener of the settings has it now. */
interface Open {
  readonly key: string
  readonly listener: Listener
  readonly of: { settings: ListenerSettings }
}

/** All addresses that are listened on. A reload keeps those that stay, so that no connection is refused meanwhile. */
export class Listeners {
  readonly #options: ListenersOptions
  readonly #closing: AbortController = new AbortController()
  /** Those that accept no more, until their last session is over. */
  readonly #old: Map<Listener, Promise<void>> = new Map()
  #open: readonly Open[] = []

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Opens what is new. Throws `Unavailable` when an address cannot be had; then all is as it was. `commit` closes what is no longer wanted. */
  async prepare(settings: Settings): Promise<{ commit(): void; undo(): void }> {
    const wanted = settings.listen.flatMap((one) =>
      one.addresses.map((address, index) => ({ one, address, index, key: keyOf(one, address) })),
    )
    const added: Open[] = []
    const undo = () => {
      for (const { listener } of added) listener.destroy()
    }
    try {
      for (const { one, address, index, key } of wanted) {
        if (this.#open.some((open) => open.key === key)) continue
        try {
          added.push(await this.#listen(key, one, address, settings))
        } catch (error) {
          const why = ownPort(error, [...this.#open, ...added], new Set(wanted.map((other) => other.key))) ?? error
          throw new Unavailable(['listen', one.name, one.protocol, index], listenKey(address), why)
        }
      }
    } catch (error) {
      undo()
      throw error
    }
    return {
      undo,
      commit: () => {
        const now = new Map(wanted.map(({ key, one }) => [key, one]))
        for (const open of this.#open) {
          const one = now.get(open.key)
          if (one === undefined) this.#close(open)
          else {
            open.of.settings = one
            open.listener.limit(connectionLimits(one))
          }
        }
        this.#open = [...this.#open.filter(({ key }) => now.has(key)), ...added]
      },
    }
  }

  async #listen(key: string, one: ListenerSettings, address: ListenAddress, { hostname }: Settings): Promise<Open> {
    const { clock, log } = this.#options
    const of = { settings: one }
    const options = {
      clock,
      log,
      ...connectionLimits(one),
      refuse:
        one.protocol === 'mtqp'
          ? `-TEMP/MTQP/unavailable ${hostname} has too many connections; try again later`
          : `421 4.3.2 ${hostname}: too many connections; try again later`,
      // Who may reach a UNIX socket is decided by the folder it is in.
      mode: 0o666,
    }
    const listener = await listen(address as At, options, async (channel) => {
      const serve = this.#options.serve(of.settings.name)
      if (serve) await serve(channel, this.#closing.signal)
      else channel.destroy()
    })
    return { key, listener, of }
  }

  #close({ listener }: Open): void {
    const closed = listener.close().finally(() => this.#old.delete(listener))
    this.#old.set(listener, closed)
  }

  get addresses(): readonly { readonly name: string; readonly protocol: string; readonly address: string }[] {
    return this.#open.map(({ of: { settings }, listener: { address } }) => ({
      name: settings.name,
      protocol: settings.protocol,
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

  /** Accepts no more; sessions end at the next command that begins no work, or are cut after `ms`. Resolves when all are over. */
  async drain(ms: number): Promise<void> {
    this.#closing.abort()
    for (const open of this.#open) this.#close(open)
    const limit = this.#options.clock.after(ms, () => {
      for (const listener of this.#old.keys()) listener.destroy()
    })
    while (this.#old.size > 0) await Promise.all(this.#old.values())
    limit.cancel()
  }

  destroy(): void {
    this.#closing.abort()
    for (const listener of [...this.#old.keys(), ...this.#open.map((open) => open.listener)]) listener.destroy()
  }
}

const hostPort = ({ host, port }: { host: string; port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** What an address in use is told as when it is in use by us, at another address of the same port. */
const ownPort = (error: unknown, open: readonly Open[], wanted: ReadonlySet<string>): Error | undefined => {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code !== 'EADDRINUSE' || address === undefined) return undefined
  const covers = (one: string, other: string) => one === other || one === (isIPv6(other) ? '::' : '0.0.0.0')
  const other = open.find(({ listener: { address: at } }) => {
    return 'port' in at && at.port === port && (covers(at.host, address) || covers(address, at.host))
  })
  if (!other) return undefined
  const own = `this instance listens on ${other.key} (listener ${other.of.settings.name})`
  const mend = wanted.has(other.key)
    ? 'and one of the two takes in the other'
    : 'and a reload cannot put the one in place of the other; restart it'
  return Object.assign(new Error(`${own}, ${mend}`), { code: 'taken' })
}

const connectionLimits = ({ limits }: ListenerSettings) => ({
  most: limits.connections,
  mostPerPeer: limits['connections-per-peer'],
})

/** What is the same stays open through a reload. A port that the system chose is known by who asked for it. */
const keyOf = ({ name }: ListenerSettings, address: ListenAddress): string =>
  'port' in address && address.port === 0 ? `${name} ${listenKey(address)}` : listenKey(address)
