import { isIP } from 'node:net'
import { isHostName } from '../net/dns-name.ts'
import { readEnvid } from './command.ts'
import { readSecret } from './secret.ts'

/** The port of MTQP (RFC 3887 section 2). */
export const MTQP_PORT = 1038

/** Where to ask first. A host without its port is looked up as a service. */
export interface AskedHost {
  /** A name or an address, without brackets. */
  readonly host: string
  readonly port?: number
}

/** What a tracking URI names (RFC 3887 section 9). */
export interface TrackingUri extends AskedHost {
  /** In xtext. */
  readonly envid: string
  /** In base64. */
  readonly secret: string
}

/** `host`, `host:port`, `[IPv6]`, `[IPv6]:port`. Undefined: none of these. */
export const readAskedHost = (text: string): AskedHost | undefined => {
  const [, bracketed, name, digits] = /^(?:\[(?:IPv6:)?([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  const host = (bracketed ?? name ?? '').replace(/\.$/, '')
  const port = digits === undefined ? undefined : Number(digits)
  if (bracketed === undefined ? !isIP(host) && !isHostName(host) : !isIP(host)) return undefined
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined
  return { host: host.toLowerCase(), ...(port === undefined ? {} : { port }) }
}

/** Undefined: it is no such URI. */
export const readTrackingUri = (text: string): TrackingUri | undefined => {
  const [, authority = '', id = '', proof = ''] = /^mtqp:\/\/([^/?#]+)\/track\/([^/?#]+)\/([^/?#]+)$/i.exec(text) ?? []
  const at = readAskedHost(authority)
  const [envid, secret] = [decoded(id), decoded(proof)]
  if (!at || envid === undefined || secret === undefined) return undefined
  const bare = envid.replace(/^<(.*)>$/, '$1')
  return readEnvid(bare) === undefined || !readSecret(secret) ? undefined : { ...at, envid: bare, secret }
}

/** RFC 3887 9.4: `/`, `?` and `%` are encoded; `#` would end the URI. */
export const formatTrackingUri = ({ host, port, envid, secret }: TrackingUri): string => {
  const encoded = (word: string) =>
    word.replace(/[/?%#]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
  const at = isIP(host) === 6 ? `[${host}]` : host
  return `mtqp://${at}${port === undefined ? '' : `:${port}`}/track/${encoded(envid)}/${encoded(secret)}`
}

const decoded = (text: string): string | undefined =>
  /%(?![0-9A-Fa-f]{2})/.test(text)
    ? undefined
    : text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
