import { fromXtext } from '../smtp/param.ts'
import { readSecret } from './secret.ts'

/** One command of a client (RFC 3887 section 12). */
export type Command =
  | { readonly is: 'track'; readonly envid: string; readonly secret: Uint8Array }
  | { readonly is: 'starttls'; readonly domain: string }
  | { readonly is: 'comment' | 'quit' }
  /** Nothing that the protocol has, and why. */
  | { readonly is: 'bad'; readonly why: string }

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const FQDN = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})+$`)

const bad = (why: string): Command => ({ is: 'bad', why })

/** `local@host` as it is meant, from xtext. The RFC's examples have it in angle brackets, its grammar does not. */
export const readEnvid = (text: string): string | undefined => {
  const envid = fromXtext(/^<(.*)>$/.exec(text)?.[1] ?? text)
  return envid !== undefined && /^.+@[^@]+$/.test(envid) ? envid : undefined
}

/** A line without its CRLF, one character per octet. */
export const readCommand = (line: string): Command => {
  if (/[^\t -~]/.test(line)) return bad('Only printable ASCII is taken')
  const [, word = '', rest = ''] = /^([^ \t]*)(.*)$/.exec(line) ?? []
  const args = rest.split(/[ \t]+/).filter((one) => one !== '')
  switch (word.toUpperCase()) {
    case 'TRACK':
      return track(args)
    case 'STARTTLS':
      return starttls(args)
    case 'COMMENT':
      return { is: 'comment' }
    case 'QUIT':
      return args.length === 0 ? { is: 'quit' } : bad('QUIT takes no argument')
    default:
      return bad('Unknown command')
  }
}

const track = ([id, base64, ...more]: readonly string[]): Command => {
  if (id === undefined || base64 === undefined || more.length > 0) return bad('Expected TRACK unique-envid secret')
  const envid = readEnvid(id)
  if (envid === undefined) return bad('Malformed envid')
  const secret = readSecret(base64)
  return secret === undefined ? bad('Malformed secret') : { is: 'track', envid, secret }
}

const starttls = ([domain, ...more]: readonly string[]): Command => {
  if (domain === undefined || more.length > 0 || !FQDN.test(domain)) return bad('Expected STARTTLS and a domain')
  return { is: 'starttls', domain }
}
