import { type At, type Listener, type ListenOptions, listen } from '../net/listener.ts'
import { type Clock, systemClock } from '../observe/clock.ts'
import { type Log, silentLog } from '../observe/log.ts'
import type { Extension } from './extension.ts'
import { createRegistry } from './registry.ts'
import { type ServerOptions, serve, serverContext } from './server.ts'

/** `name` is how the server calls itself; what is left out has the defaults of `ServerOptions`. */
export interface CreateServerOptions
  extends Pick<ServerOptions, 'sink' | 'limits' | 'timeouts' | 'bareNewlines'>,
    Pick<ListenOptions, 'most' | 'mostPerPeer' | 'implicitTls'> {
  readonly name: string
  /** In the order in which they act. */
  readonly extensions?: readonly Extension[]
  readonly clock?: Clock
  readonly log?: Log
}

/** A server that programs embed: no global state, no signal handlers, any number of them in one process. */
export interface SmtpServer {
  /** Port 0 takes a free one; `address` of what is returned tells which. Rejects with Node's error when it cannot listen. */
  listen(at: At): Promise<Listener>
  /** Accepts no more and resolves when all sessions are over; those between two messages are told 421. */
  close(): Promise<void>
}

/** Throws when the extensions cannot stand together. */
export const createServer = (options: CreateServerOptions): SmtpServer => {
  const { name, extensions = [], clock = systemClock(), log = silentLog } = options
  const context = serverContext({
    hostname: name,
    listener: name,
    registry: createRegistry(extensions),
    sink: options.sink,
    clock,
    log,
    ...(options.limits ? { limits: options.limits } : {}),
    ...(options.timeouts ? { timeouts: options.timeouts } : {}),
    ...(options.bareNewlines ? { bareNewlines: options.bareNewlines } : {}),
  })
  const closing = new AbortController()
  const listeners: Listener[] = []
  const { most, mostPerPeer, implicitTls } = options
  const given = {
    ...(most === undefined ? {} : { most }),
    ...(mostPerPeer === undefined ? {} : { mostPerPeer }),
    ...(implicitTls ? { implicitTls } : {}),
  }
  return {
    async listen(at) {
      const listener = await listen(at, { clock, log, ...given }, (channel) => serve(channel, context, closing.signal))
      listeners.push(listener)
      return listener
    },
    async close() {
      closing.abort()
      await Promise.all(listeners.map((listener) => listener.close()))
    },
  }
}
