import { isIP } from 'node:net'
import { type Address, asciiAddress, formatAddress, formatPath, isAscii, isDomain } from '../mail/address.ts'
import type { ReversePath } from '../mail/envelope.ts'
import { aLabels, domainKey } from '../mail/idna.ts'
import type { Instant } from '../mail/instant.ts'
import { rfc5322Date } from './date.ts'
import { type Header, unfold } from './fields.ts'

/**
 * What an extension adds to the `with` keyword and the clauses of a Received field: `base` replaces SMTP and ESMTP, the
 * suffixes follow it, `prefix` stands before it (UTF8).
 */
export interface Mark {
  readonly base?: string
  readonly prefix?: string
  readonly suffix?: 'S' | 'A'
  /** `tls TLS_AES_128_GCM_SHA256`, or a comment in parentheses, which stands behind the protocol. */
  readonly clause?: string
}

/** How one message was received. */
export interface Reception {
  /** As the client called itself; empty when it did not. May be hostile. */
  readonly helo: string
  /** IP address; empty when the mail came over no network. */
  readonly peer: string
  /** The name that the address has, where it was looked up. */
  readonly peerName?: string
  readonly hostname: string
  /** By EHLO or the like. */
  readonly extended: boolean
  readonly marks: readonly Mark[]
  /** UTF-8 is in the message's own header fields, so that ours cannot make a message need more than it does without. */
  readonly utf8?: boolean
  /** In place of an SMTP protocol: `local`. */
  readonly protocol?: string
  readonly id: string
  readonly recipients: readonly Address[]
  readonly at: Instant
  /** Minutes east of UTC to tell the time in. Absent: 0. */
  readonly offset?: number
}

/**
 * The `with` keyword (RFC 3848, RFC 6531 4.3). A prefix takes the place of the E in ESMTP. There is no name for SMTP
 * after HELO with TLS or AUTH.
 */
export const protocol = (marks: readonly Mark[], extended: boolean): string => {
  const base = marks.findLast((mark) => mark.base !== undefined)?.base ?? (extended ? 'ESMTP' : 'SMTP')
  if (base === 'SMTP') return base
  const prefix = marks.find((mark) => mark.prefix !== undefined)?.prefix
  const suffix = (letter: string) => (marks.some((mark) => mark.suffix === letter) ? letter : '')
  return `${prefix === undefined ? base : prefix + base.replace(/^ESMTP$/, 'SMTP')}${suffix('S')}${suffix('A')}`
}

/**
 * A whole Received field, its CRLF included (RFC 5321 4.4). ASCII, unless the mail came as UTF-8 (a mark has a prefix) and
 * has UTF-8 in its header anyway: then encode it as UTF-8.
 * A single recipient is named, several are not: they may not know of each other.
 */
export const received = (how: Reception): string => {
  const utf8 = how.utf8 === true && how.marks.some((mark) => mark.prefix !== undefined)
  const clauses = how.marks.flatMap((mark) => (mark.clause === undefined ? [] : [mark.clause]))
  const comments = clauses.filter((clause) => clause.startsWith('(')).map((clause) => `(${harmless(clause, 200)})`)
  const further = clauses.filter((clause) => !clause.startsWith('(')).map((clause) => harmless(clause, 200))
  const [only, ...others] = how.recipients
  const named = only && !utf8 ? asciiAddress(only) : only
  const path = named === undefined || others.length > 0 ? '' : formatPath(named)
  const words = [
    from(how, utf8),
    `by ${how.hostname}`,
    `with ${how.protocol ?? protocol(how.marks, how.extended)}`,
    ...comments,
    `id ${how.id}`,
    presentable(path, utf8) ? `for ${path}` : '',
    ...further,
  ].filter((word) => word !== '')
  return `${pack('Received:', [...words.slice(0, -1), `${words.at(-1)};`, rfc5322Date(how.at, how.offset)])}\r\n`
}

const from = ({ helo: given, peer, peerName }: Reception, utf8: boolean): string => {
  const helo = utf8 || isAscii(given) ? given : (aLabels(given) ?? given)
  if (helo === '' && peer === '') return ''
  const address = peer === '' ? '' : literal(peer)
  const name = peerName !== undefined && hostLike(peerName, false) ? `${peerName} ` : ''
  if (hostLike(helo, utf8)) return address === '' ? `from ${helo}` : `from ${helo} (${name}${address})`
  const claimed = helo === '' ? '' : ` (HELO ${harmless(helo, 64)})`
  return address === '' ? `from unknown${claimed}` : `from ${address} (${name}${address})${claimed}`
}

/** A path that can stand in a field as it is. */
const presentable = (path: string, utf8: boolean): boolean =>
  path !== '' && (isAscii(path) || utf8) && !/\p{C}/u.test(path)

const hostLike = (text: string, utf8: boolean): boolean =>
  isDomain(text) && (utf8 ? !/[\p{C}\p{Z}()\\]/u.test(text) : /^[\w.:[\]-]+$/.test(text))

/** RFC 5321 4.1.3, without the zone of a link-local address. */
const literal = (peer: string): string => {
  const address = peer.replace(/%.*$/s, '')
  const version = isIP(address)
  return version === 4 ? `[${address}]` : version === 6 ? `[IPv6:${address}]` : '[unknown]'
}

/** Neither ends a comment or a clause, nor begins one, nor leaves its line. */
const harmless = (text: string, most: number): string =>
  text
    .replace(/^\((.*)\)$/s, '$1')
    .slice(0, most)
    .replace(/[^ -~]|[()\\;"<>]/g, '?')

/** Words on lines of 78 octets where that can be. */
const pack = (name: string, words: readonly string[]): string => {
  const lines = [name]
  for (const word of words) {
    const last = lines.length - 1
    const longer = `${lines[last]} ${word}`
    if (longer.length <= 78) lines[last] = longer
    else lines.push(`\t${word}`)
  }
  return lines.join('\r\n')
}

/** A whole Return-Path field, its CRLF included, to be encoded as UTF-8; written at final delivery (RFC 5321 4.4). */
export const returnPath = (path: ReversePath): string => traceOf('Return-Path', formatPath(path))

/**
 * A whole Delivered-To field, its CRLF included, to be encoded as UTF-8. Written at a local delivery: should the message
 * come round again, it tells that this mailbox had it.
 */
export const deliveredTo = (address: Address): string => traceOf('Delivered-To', formatAddress(address))

const traceOf = (name: string, value: string): string => {
  if (/\p{Cc}/u.test(value)) throw new Error(`An address with control characters: ${JSON.stringify(value)}`)
  return `${name}: ${value}\r\n`
}

/** Whether a local delivery to this address has been made before (`deliveredTo`): a forwarding loop, 5.4.6. */
export const wasDeliveredTo = (header: Header, address: Address): boolean => {
  const sought = comparable(formatAddress(address))
  // Values have one character per octet.
  return header.values('Delivered-To').some((value) => comparable(Buffer.from(value, 'latin1').toString()) === sought)
}

const comparable = (text: string): string => text.normalize().replace(/(?<=@)[^@]*$/, (domain) => domainKey(domain))

/** How many hosts have handled the message before us. */
export const countReceived = (header: Header): number => header.values('Received').length

/** How many Received fields say they were written by the host of this name. */
export const ourTrace = (header: Header, hostname: string): number =>
  header.values('Received').filter((value) => writtenBy(value) === hostname.toLowerCase()).length

/**
 * Whether the message goes in circles, as far as its Received fields can tell; refused with 5.4.6. More than `received`
 * of them in all (default 100, RFC 5321 6.3), or more than `ours` by this host (default 10: mailing lists and
 * forwarding bring a message back legitimately, but not that often).
 */
export const loops = (
  header: Header,
  hostname: string,
  most: { readonly received?: number; readonly ours?: number } = {},
): boolean => countReceived(header) > (most.received ?? 100) || ourTrace(header, hostname) > (most.ours ?? 10)

/** The `by` clause in lower case. Keywords stand at every other word, so a client that calls itself `by` is not taken for one. */
const writtenBy = (value: string): string | undefined => {
  const [stamp = ''] = withoutComments(unfold(value)).split(';')
  const words = stamp.split(/[ \t]+/).filter((word) => word !== '')
  const at = words.findIndex((word, index) => index % 2 === 0 && word.toLowerCase() === 'by')
  return at < 0 ? undefined : words[at + 1]?.toLowerCase()
}

const withoutComments = (value: string): string => {
  let depth = 0
  let text = ''
  for (const [piece] of value.matchAll(/[()]|\\?[^()\\]+|\\.?/gs)) {
    if (piece === '(') depth++
    else if (piece === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) text += piece
  }
  return text
}
