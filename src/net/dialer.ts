import { connect, isIP, type Socket } from 'node:net'
import type { Clock } from '../observe/clock.ts'
import type { Peer } from './channel.ts'
import { type StreamChannel, streamChannel } from './stream-channel.ts'

/** Addresses to try in order, or the path of a UNIX socket. */
export type DialTarget = { readonly addresses: readonly string[]; readonly port: number } | { readonly path: string }

export interface DialOptions {
  readonly clock: Clock
  /** Milliseconds for each address. */
  readonly timeout: number
  readonly signal?: AbortSignal
  /** From which of our own addresses, for each family. */
  readonly localAddress?: { readonly ipv4?: string; readonly ipv6?: string }
}

/** One address that gave no connection, and why: a system's word such as `ECONNREFUSED`, or ours. */
export interface Tried {
  /** `ADDRESS:PORT`, `[IPv6]:PORT`, or a path. */
  readonly at: string
  readonly why: string
}

/** Nobody answered. `tried` is empty when there was no address. */
export class DialError extends Error {
  override readonly name = 'DialError'
  readonly tried: readonly Tried[]

  constructor(tried: readonly Tried[]) {
    super(tried.length === 0 ? 'No address to connect to' : tried.map(({ at, why }) => `${at}: ${why}`).join('; '))
    this.tried = tried
  }
}

type Way = { readonly path: string } | { readonly host: string; readonly port: number; readonly localAddress?: string }

/**
 * A channel to the first address that answers, asked one after the other. Throws `DialError` when none does, and the
 * signal's reason once it is aborted.
 */
export const dial = async (to: DialTarget, options: DialOptions): Promise<StreamChannel> => {
  const tried: Tried[] = []
  for (const way of waysTo(to, options)) {
    options.signal?.throwIfAborted()
    const outcome = await attempt(way, options)
    if (typeof outcome !== 'string') return outcome
    tried.push({ at: 'path' in way ? way.path : nameOf(way.host, way.port), why: outcome })
  }
  options.signal?.throwIfAborted()
  throw new DialError(tried)
}

const waysTo = (to: DialTarget, { localAddress }: DialOptions): Way[] => {
  if ('path' in to) return [to]
  return to.addresses.map((host) => {
    const from = isIP(host) === 6 ? localAddress?.ipv6 : localAddress?.ipv4
    return { host, port: to.port, ...(from === undefined ? {} : { localAddress: from }) }
  })
}

const nameOf = (host: string, port: number): string => (isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`)

/** A channel, or why there is none. */
const attempt = (way: Way, { clock, timeout, signal }: DialOptions): Promise<StreamChannel | string> =>
  new Promise((resolve) => {
    // Left to the system, a name would be looked up behind the resolver's back.
    if ('host' in way && !isIP(way.host)) return resolve('not an address')
    const socket = connect(way)
    const settle = (outcome: StreamChannel | string) => {
      alarm.cancel()
      signal?.removeEventListener('abort', aborted)
      socket.off('connect', connected).off('error', failed)
      if (typeof outcome === 'string') socket.on('error', () => {}).destroy()
      resolve(outcome)
    }
    const connected = () => settle(streamChannel(socket, { ...endsOf(socket), clock }))
    const failed = (error: Error) => settle('code' in error ? String(error.code) : error.message)
    const aborted = () => settle('aborted')
    const alarm = clock.after(timeout, () => settle('no answer in time'))
    signal?.addEventListener('abort', aborted, { once: true })
    socket.on('connect', connected).on('error', failed)
  })

/** Empty for a UNIX socket. */
const endsOf = (socket: Socket): { readonly peer: Peer; readonly local: Peer } => ({
  peer: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
  local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
})
