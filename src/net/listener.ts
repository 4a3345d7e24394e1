import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../observe/clock.ts'
import type { Level, Log } from '../observe/log.ts'
import { bindPath, bindPort } from './bind.ts'
import { type Census, census } from './census.ts'
import type { Channel } from './channel.ts'
import { streamChannel } from './stream-channel.ts'
import { TlsFailed, type TlsService } from './tls.ts'

export type At = { readonly host: string; readonly port: number } | { readonly path: string }

export interface ListenOptions {
  readonly clock: Clock
  readonly log: Log
  /** Connections at once. Unlimited if absent. */
  readonly most?: number
  /** Of one IPv4 address or one IPv6 /64. */
  readonly mostPerPeer?: number
  /** TLS comes first, before any greeting. */
  readonly implicitTls?: TlsService
  /** The line, without CRLF, for whoever comes when it is full. Not sent where TLS comes first. */
  readonly refuse?: string
  /** Of a UNIX socket; 0600 if absent. */
  readonly mode?: number
}

export interface Listener {
  /** Where it listens; a port that was given as 0 is now known. */
  readonly address: At
  /** Those taken and not yet closed. */
  readonly connections: number
  /** Other limits than it began with, for connections to come. */
  limit(limits: Pick<ListenOptions, 'most' | 'mostPerPeer'>): void
  /** Accepts no more, and resolves when those taken are done with. */
  close(): Promise<void>
  /** Accepts no more, and drops every connection. */
  destroy(): void
}

/** Milliseconds that a peer has to read the last words. */
const LINGER = 5000
/** At most so many are told at once why they are refused; the others just see the connection close. */
const REFUSALS = 100

/**
 * Gives each connection to `take`, and closes it once that is done with it. A client may half-close and still be
 * answered. An IPv6 address is for IPv6 only, so that `0.0.0.0` can stand beside `::`. Rejects with Node's error when it
 * cannot listen.
 */
export const listen = async (
  at: At,
  options: ListenOptions,
  take: (channel: Channel) => Promise<void>,
): Promise<Listener> => {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  await ('path' in at ? bindPath(server, at.path, options.mode ?? 0o600) : bindPort(server, at.host, at.port))
  return new Reception(server, options, take)
}

class Reception implements Listener {
  readonly address: At
  readonly #server: Server
  readonly #options: ListenOptions
  readonly #take: (channel: Channel) => Promise<void>
  readonly #census: Census
  readonly #sockets = new Set<Socket>()
  readonly #taken = new Set<Promise<void>>()
  #refusals = 0
  #troubled = false

  constructor(server: Server, options: ListenOptions, take: (channel: Channel) => Promise<void>) {
    const bound = server.address()
    this.address = typeof bound === 'string' ? { path: bound } : { host: bound?.address ?? '', port: bound?.port ?? 0 }
    this.#server = server
    this.#options = options
    this.#take = take
    this.#census = census(options.most, options.mostPerPeer)
    server.on('connection', (socket) => this.#accept(socket))
    server.on('error', (error) => this.#trouble(error))
  }

  get connections(): number {
    return this.#census.present
  }

  limit({ most, mostPerPeer }: Pick<ListenOptions, 'most' | 'mostPerPeer'>): void {
    this.#census.limit(most, mostPerPeer)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await Promise.all(this.#taken)
    await closed
  }

  destroy(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    this.#troubled = false
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    const peer = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 }
    const leave = this.#census.enter(peer.address)
    if (leave === undefined) {
      this.#refuse(socket, peer.address)
      return
    }
    socket.once('close', leave)
    const local = { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 }
    const taken = this.#serve(streamChannel(socket, { peer, local, clock: this.#options.clock }), socket)
    this.#taken.add(taken)
    void taken.finally(() => this.#taken.delete(taken))
  }

  /** Never rejects. */
  async #serve(channel: Channel, socket: Socket): Promise<void> {
    try {
      const { implicitTls } = this.#options
      await this.#take(implicitTls ? await implicitTls.asServer(channel) : channel)
      this.#leave(socket)
    } catch (error) {
      const stack = error instanceof Error ? error.stack : String(error)
      if (error instanceof TlsFailed) this.#log('info', 'connection-no-tls', channel.peer.address, error.message)
      else this.#log('error', 'connection-fault', channel.peer.address, stack)
      socket.destroy()
    }
  }

  #refuse(socket: Socket, peer: string): void {
    this.#log('info', 'connection-refused', peer, 'too many connections')
    const { refuse, implicitTls } = this.#options
    if (refuse === undefined || implicitTls || this.#refusals >= REFUSALS) {
      socket.destroy()
      return
    }
    this.#refusals++
    socket.once('close', () => this.#refusals--)
    // What is not read would turn the end into a reset, and the line might not be seen.
    socket.resume().end(`${refuse}\r\n`)
    this.#destroyLater(socket)
  }

  /** What was written still goes out, to a peer that takes it. */
  #leave(socket: Socket): void {
    if (socket.destroyed) return
    socket.destroySoon()
    this.#destroyLater(socket)
  }

  #destroyLater(socket: Socket): void {
    const alarm = this.#options.clock.after(LINGER, () => socket.destroy())
    socket.once('close', () => alarm.cancel())
  }

  /** Out of descriptors or memory, mostly. Node drops the connection and goes on. Told once until one succeeds. */
  #trouble(error: Error): void {
    if (!this.#troubled) this.#log('error', 'connection-not-accepted', '', error.message)
    this.#troubled = true
  }

  #log(level: Level, event: string, peer: string, why: string | undefined): void {
    const { address } = this
    const at = 'path' in address ? address.path : `${address.host} port ${address.port}`
    this.#options.log.event(level, event, { at, peer, why })
  }
}

/** An IPv4 address that came in over IPv6 is an IPv4 address. A UNIX socket's end has none. */
const plainAddress = (address: string | undefined): string => address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? ''
