import { isIP } from 'node:net'
import { isDomain } from '../mail/address.ts'
import type { HostSettings, ListenAddress } from './settings.ts'

/** Why a text is no address to listen on or to connect to. */
export class BadHost extends Error {
  override readonly name = 'BadHost'
}

const split = (text: string): { name: string; port: string | undefined } | undefined => {
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text)
  if (bracketed) return isIP(bracketed[1] ?? '') ? { name: bracketed[1] ?? '', port: bracketed[2] } : undefined
  if (isIP(text) === 6) return { name: text, port: undefined }
  const [, name = '', port] = /^([^:]*)(?::(\d{1,5}))?$/.exec(text) ?? []
  return isIP(name) || isDomain(name) ? { name, port } : undefined
}

/** `host`, `host:port`, `[2001:db8::1]:25`. Throws `BadHost`. */
export const readHost = (text: string, defaultPort: number): HostSettings => {
  const found = split(text)
  const port = Number(found?.port ?? defaultPort)
  if (!found || port < 1 || port > 65_535) {
    throw new BadHost(
      `'${text}' is no host; expected one as in mx.example.org, mx.example.org:25 or "[2001:db8::1]:25"`,
    )
  }
  return { name: found.name.toLowerCase(), port }
}

/** As `readHost`, or `unix:/path`. Throws `BadHost`. */
export const readHop = (text: string, defaultPort: number): HostSettings | `unix:/${string}` => {
  if (!text.startsWith('unix:/')) return readHost(text, defaultPort)
  return `unix:/${checkSocketPath(text.slice('unix:'.length)).slice(1)}`
}

/** `mx`, or `error: 5yz TEXT`; undefined for anything else. Throws `BadHost` for an error that is none. */
export const readWay = (text: string): 'mx' | `error:${string}` | undefined => {
  if (text === 'mx') return text
  if (!text.startsWith('error:')) return undefined
  const said = text.slice('error:'.length).trim()
  if (/^5[0-9]{2} (?:5\.[0-9]{1,3}\.[0-9]{1,3} )?[ -~]+$/.test(said)) return `error:${said}`
  throw new BadHost(`'${text}' is no error; expected one as in "error: 550 5.1.1 No such domain here"`)
}

/** `127.0.0.1:25`, `[::1]:25`, `unix:/path`. Port 0: any free one. Throws `BadHost`, also where no port is said and none usual. */
export const readListenAddress = (text: string, usual?: number): ListenAddress => {
  if (text.startsWith('unix:')) {
    const path = text.slice(5)
    if (!path.startsWith('/'))
      throw new BadHost(`'${text}' needs an absolute path; expected one as in unix:/run/smail/lmtp.sock`)
    checkSocketPath(path)
    return { path }
  }
  const found = split(text)
  const port = found?.port ?? usual
  if (!found || port === undefined || Number(port) > 65_535) {
    throw new BadHost(
      `'${text}' is no address to listen on; expected one as in "127.0.0.1:25", "[::1]:25" or unix:/path`,
    )
  }
  return { host: found.name, port: Number(port) }
}

/** A UNIX socket's path has room for 103 octets on every system. Throws `BadHost`. */
export const checkSocketPath = (path: string): string => {
  if (Buffer.byteLength(path) > 103)
    throw new BadHost(`'${path}' is too long for a socket; expected at most 103 octets`)
  return path
}

/** For comparing: equal for equal addresses, however they were spelled. */
export const listenKey = (address: ListenAddress): string => {
  if ('path' in address) return `unix:${address.path}`
  const host = isIP(address.host) === 6 ? new URL(`http://[${address.host}]`).hostname : address.host.toLowerCase()
  return `${host}:${address.port}`
}
