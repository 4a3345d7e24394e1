import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { checkServerIdentity, connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import type { Clock } from '../observe/clock.ts'
import type { Channel, Secured } from './channel.ts'
import { StreamChannel, streamChannel } from './stream-channel.ts'

/** A certificate, with those that lead from it to a root, and its private key; each the text of a PEM file. */
export interface Pem {
  readonly certificate: string
  readonly key: string
}

export interface TlsSettings {
  readonly clock: Clock
  /** Whom we are as a server. A service without it is good for clients only. */
  readonly own?: Pem
  /** Certificates (PEM) to trust instead of those that Node brings along. */
  readonly roots?: readonly string[]
  /** Milliseconds for a handshake; a minute if absent. */
  readonly timeout?: number
  /** TLS 1.2 if absent; nothing older is spoken (RFC 8996). */
  readonly oldest?: 'TLSv1.2' | 'TLSv1.3'
  /** OpenSSL's notation; what Node prefers if absent. */
  readonly ciphers?: string
}

interface ClientTlsOptions {
  /** Refuse a peer whose certificate is not trusted or not for the name; `secured` tells otherwise (RFC 7435). */
  readonly verify?: boolean
  readonly timeout?: number
}

/**
 * Turns channels into ones over TLS. The old channel must not be used afterwards, and what it has not read is taken for
 * the beginning of the handshake: discard it before the peer may begin. Throws `TlsFailed`, the connection dropped.
 */
export interface TlsService {
  asServer(channel: Channel): Promise<Channel>
  /** `name`: the host name or address that the certificate should carry. */
  asClient(channel: Channel, name: string, options?: ClientTlsOptions): Promise<Channel>
  /** Whether the certificate that we show carries this host name. */
  isFor(name: string): boolean
  /** Takes another certificate for the connections to come. Throws on a pair that is of no use, and keeps the old one. */
  reload(own: Pem): void
}

/** Why there was no TLS, in words that are fit for a log and a report. */
export class TlsFailed extends Error {
  override readonly name = 'TlsFailed'
}

/** Throws when the certificate and the key are of no use. */
export const tlsService = (settings: TlsSettings): TlsService => {
  const { clock, roots, timeout = 60_000, ciphers } = settings
  const common = { minVersion: settings.oldest ?? 'TLSv1.2', ...(ciphers === undefined ? {} : { ciphers }) } as const
  const serverContext = ({ certificate, key }: Pem): SecureContext =>
    createSecureContext({ ...common, cert: certificate, key })
  const forClients = createSecureContext({ ...common, ...(roots === undefined ? {} : { ca: [...roots] }) })
  let forServers = settings.own && serverContext(settings.own)
  let shown = settings.own && new X509Certificate(settings.own.certificate)

  return {
    async asServer(channel) {
      const secureContext = forServers
      if (secureContext === undefined) throw new TlsFailed('There is no certificate to show')
      const stream = overStream(channel).detach()
      const socket = new TLSSocket(stream, { isServer: true, secureContext })
      return handshake(channel, socket, 'secure', clock, timeout, () => ({
        ...facts(socket),
        verified: false,
        why: 'the client was not asked for a certificate',
      }))
    },

    async asClient(channel, name, options = {}) {
      const host = name.replace(/^\[(?:IPv6:)?(.*)\]$/i, '$1').replace(/\.$/, '')
      const stream = overStream(channel).detach()
      const socket = connect({
        socket: stream,
        host,
        ...(isIP(host) || host === '' ? {} : { servername: host }),
        secureContext: forClients,
        rejectUnauthorized: false,
        checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      })
      return handshake(channel, socket, 'secureConnect', clock, options.timeout ?? timeout, () => {
        const why = socket.authorized ? undefined : distrust(socket.authorizationError, host)
        if (why !== undefined && options.verify) throw new TlsFailed(why)
        return { ...facts(socket), verified: why === undefined, ...(why === undefined ? {} : { why }) }
      })
    },

    isFor: (name) => shown?.checkHost(name, { subject: 'never' }) !== undefined,

    reload(own) {
      forServers = serverContext(own)
      shown = new X509Certificate(own.certificate)
    },
  }
}

const overStream = (channel: Channel): StreamChannel => {
  if (channel instanceof StreamChannel) return channel
  throw new TypeError('TLS needs a channel over a stream')
}

const facts = (socket: TLSSocket): Pick<Secured, 'protocol' | 'cipher'> => ({
  protocol: socket.getProtocol() ?? '',
  cipher: socket.getCipher().standardName,
})

/** Node gives a code of OpenSSL's, or its own for the name. */
const distrust = (code: Error | string | null, host: string): string => {
  const text = String(code instanceof Error ? code.message : code)
  if (text === 'ERR_TLS_CERT_ALTNAME_INVALID') return `the certificate is not for ${host === '' ? 'any name' : host}`
  return `the certificate is not trusted: ${text.toLowerCase().replaceAll('_', ' ')}`
}

/** The channel within the TLS connection, once it is made. It is made at once, so that nothing gets lost in between. */
const handshake = (
  before: Channel,
  socket: TLSSocket,
  event: 'secure' | 'secureConnect',
  clock: Clock,
  ms: number,
  prove: () => Secured,
): Promise<Channel> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      alarm.cancel()
      socket.off(event, made).off('error', failed).off('end', gone).off('close', gone)
    }
    const give = (why: Error) => {
      stop()
      socket.on('error', () => {})
      socket.destroy()
      before.destroy()
      reject(why)
    }
    const failed = (error: Error & { reason?: string }) =>
      give(new TlsFailed(`TLS handshake failed: ${error.reason ?? error.message}`, { cause: error }))
    const gone = () => give(new TlsFailed('TLS handshake failed: the peer closed the connection'))
    const made = () => {
      try {
        const about = { peer: before.peer, local: before.local, secured: prove(), clock }
        stop()
        resolve(streamChannel(socket, about))
      } catch (error) {
        give(error instanceof Error ? error : new TlsFailed(String(error)))
      }
    }
    const alarm = clock.after(ms, () => give(new TlsFailed(`TLS handshake not finished within ${ms / 1000} s`)))
    socket.on(event, made).on('error', failed).on('end', gone).on('close', gone)
  })
