import { aLabels, domainKey } from './idna.ts'

/**
 * A mailbox. `local` is what the local part means, without quotes or backslashes; `domain` is a domain name as it was
 * written, or an address literal in its brackets, or empty for the bare `postmaster` of RFC 5321 4.1.1.3.
 */
export interface Address {
  readonly local: string
  readonly domain: string
}

/** Why a text is no path. `international`: it would be one under SMTPUTF8 (RFC 6531 3.3). */
export class BadAddress extends Error {
  override readonly name = 'BadAddress'
  readonly kind: 'syntax' | 'domain' | 'length' | 'international'

  constructor(kind: BadAddress['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

// RFC 5321 4.1.2, with RFC 6531 3.3's additions but for control characters and halves of surrogate pairs. An underscore in a domain is no host name, but such domains exist.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u{a0}-\\u{d7ff}\\u{e000}-\\u{10ffff}-]+"
const LABEL =
  '[A-Za-z0-9_\\u{a0}-\\u{d7ff}\\u{e000}-\\u{10ffff}](?:[A-Za-z0-9_\\u{a0}-\\u{d7ff}\\u{e000}-\\u{10ffff}-]*[A-Za-z0-9_\\u{a0}-\\u{d7ff}\\u{e000}-\\u{10ffff}])?'
const DOT_STRING = new RegExp(`${ATOM}(?:\\.${ATOM})*`, 'uy')
const QUOTED = /"(?:[ !#-[\]-~\u{a0}-\u{d7ff}\u{e000}-\u{10ffff}]|\\[ -~])*"/uy
const DOMAIN = new RegExp(`${LABEL}(?:\\.${LABEL})*`, 'uy')
const LITERAL = /\[(?:(\d{1,3}(?:\.\d{1,3}){3})|IPv6:([0-9A-Fa-f:.]{2,45})|[A-Za-z0-9-]*[A-Za-z0-9]:[!-Z^-~]+)\]/uy
const ROUTE = new RegExp(`@${LABEL}(?:\\.${LABEL})*(?:,@${LABEL}(?:\\.${LABEL})*)*:`, 'uy')
const PLAIN = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const ASCII = /^[\x00-\x7f]*$/

const at = (pattern: RegExp, text: string, from: number): RegExpExecArray | null => {
  pattern.lastIndex = from
  return pattern.exec(text)
}

const octets = (text: string): number => (ASCII.test(text) ? text.length : Buffer.byteLength(text))

/** A domain name or address literal that stands at `from`, and where it ends. */
const readDomain = (text: string, from: number): [string, number] => {
  const literal = at(LITERAL, text, from)
  if (literal) {
    if (literal[1]?.split('.').some((part) => Number(part) > 255)) throw new BadAddress('domain', 'Bad address literal')
    return [literal[0], from + literal[0].length]
  }
  const name = at(DOMAIN, text, from)?.[0]
  if (name === undefined) throw new BadAddress('domain', 'Bad domain')
  if (octets(name) > 255) throw new BadAddress('length', 'Domain longer than 255 octets')
  if (!ASCII.test(name) && aLabels(name) === undefined) {
    throw new BadAddress('domain', 'Not an internationalized domain name: a label of it is no U-label (RFC 5890)')
  }
  if (name.split('.').some((label) => label.length > 63))
    throw new BadAddress('domain', 'Domain label longer than 63 octets')
  return [name, from + name.length]
}

/** `local@domain`, or `postmaster`, at `from`; where it ends. */
const readAt = (text: string, from: number, bare: boolean): [Address, number] => {
  const quoted = text[from] === '"'
  const word = at(quoted ? QUOTED : DOT_STRING, text, from)?.[0]
  if (word === undefined) throw new BadAddress('syntax', 'Bad local part')
  const local = quoted ? word.slice(1, -1).replace(/\\(.)/gu, '$1') : word
  if (octets(local) > 64) throw new BadAddress('length', 'Local part longer than 64 octets')
  const next = from + word.length
  if (text[next] !== '@') {
    if (bare && local.toLowerCase() === 'postmaster') return [{ local, domain: '' }, next]
    throw new BadAddress('syntax', 'A domain is missing')
  }
  const [domain, end] = readDomain(text, next + 1)
  return [{ local, domain }, end]
}

const demand = (address: Address, utf8: boolean): Address => {
  if (!utf8 && !(ASCII.test(address.local) && ASCII.test(address.domain))) {
    throw new BadAddress('international', 'Not an ASCII address, and SMTPUTF8 was not asked for')
  }
  return address
}

/**
 * The path at the beginning of `text`, in its angle brackets, and what follows. Source routes are read and dropped
 * (RFC 5321 3.6.1, appendix F.2). `null` is `<>`. At most 256 octets. Throws `BadAddress`.
 */
export const readPath = (text: string, utf8: boolean): { path: Address | null; rest: string } => {
  if (text[0] !== '<') throw new BadAddress('syntax', 'A path stands in angle brackets')
  if (text[1] === '>') return { path: null, rest: text.slice(2) }
  const start = 1 + (at(ROUTE, text, 1)?.[0].length ?? 0)
  const [path, end] = readAt(text, start, true)
  if (text[end] !== '>') throw new BadAddress('syntax', 'Bad path')
  if (octets(text.slice(0, end + 1)) > 256) throw new BadAddress('length', 'Path longer than 256 octets')
  return { path: demand(path, utf8), rest: text.slice(end + 1) }
}

/** All of `text` as one mailbox, without brackets. Throws `BadAddress`. */
export const readAddress = (text: string, utf8 = true): Address => {
  const [address, end] = readAt(text, 0, true)
  if (end !== text.length) throw new BadAddress('syntax', 'Bad mailbox')
  return demand(address, utf8)
}

/** The same. Undefined: it is none. */
export const tryAddress = (text: string, utf8 = true): Address | undefined => {
  try {
    return readAddress(text, utf8)
  } catch (error) {
    if (error instanceof BadAddress) return undefined
    throw error
  }
}

/** All of `text` as a domain or an address literal, as EHLO's argument must be (RFC 5321 4.1.1.1). */
export const isDomain = (text: string): boolean => {
  try {
    return readDomain(text, 0)[1] === text.length
  } catch {
    return false
  }
}

/** As it goes on the wire, without brackets: quoted only where it must be (RFC 5321 4.1.2). */
export const formatAddress = ({ local, domain }: Address): string => {
  const word =
    PLAIN.test(local) || at(DOT_STRING, local, 0)?.[0] === local ? local : `"${local.replace(/["\\]/g, '\\$&')}"`
  return domain === '' ? word : `${word}@${domain}`
}

export const formatPath = (path: Address | null): string => (path === null ? '<>' : `<${formatAddress(path)}>`)

/**
 * Two spellings of one mailbox give one key. Only the domain is compared without case (RFC 5321 2.4), and as A-labels; of
 * the local part the composed form counts (RFC 6532 3.1).
 */
export const addressKey = ({ local, domain }: Address): string => `${local.normalize()}@${domainKey(domain)}`

/** The same mailbox in ASCII: its domain as A-labels. Undefined when the local part is beyond ASCII, for which there is none. */
export const asciiAddress = ({ local, domain }: Address): Address | undefined => {
  const ascii = ASCII.test(local) ? aLabels(domain) : undefined
  return ascii === undefined ? undefined : { local, domain: ASCII.test(domain) ? domain : ascii }
}

export const isAscii = (text: string): boolean => ASCII.test(text)
