import * as z from 'zod'
import { BadAddress, formatAddress, isDomain, readAddress } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'
import { checkSocketPath, readHop, readHost, readListenAddress, readWay } from './hosts.ts'
import { type Kind, kind } from './kinds.ts'
import { readNetwork } from './networks.ts'
import { type Places, place } from './place.ts'
import type { HostSettings, ListenAddress, StaticRoute } from './settings.ts'
import { formatSize, formatTime, readMode, readSize, readTime } from './units.ts'

/** A text read by a function that throws what is wrong with it. `is`: what it is, in words. */
export const text = <T>(
  is: string,
  read: (given: string) => T,
  written: Kind['written'] = (value) => value,
): z.ZodType<T> =>
  kind(
    z.string().transform((given, context) => {
      try {
        return read(given)
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message })
        return z.NEVER
      }
    }),
    { is, written },
  ) as unknown as z.ZodType<T>

/** Octets; at least and at most these many. */
export const size = (least: number = 0, most: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> =>
  text(
    `octets, as 50MiB or 4096${within(least, most, Number.MAX_SAFE_INTEGER, formatSize)}`,
    (given) => between(given, readSize(given), least, most, formatSize),
    (octets) => {
      const text = formatSize(octets as number)
      return /^\d+$/.test(text) ? Number(text) : text
    },
  )

const DECADE = 3650 * 86_400_000

/** Milliseconds; at least and at most these many. */
export const time = (least: number = 1, most: number = DECADE): z.ZodType<number> =>
  text(
    `a time, as 90s or 5d${within(least, most, DECADE, formatTime)}`,
    (given) => between(given, readTime(given), least, most, formatTime),
    writtenTime,
  )

/** As `time`, or `never`, which is Infinity. */
export const timeOrNever = (least: number = 1): z.ZodType<number> =>
  text(
    `a time, as 90s or 5d${within(least, DECADE, DECADE, formatTime)}, or never`,
    (given) =>
      given === 'never' ? Number.POSITIVE_INFINITY : between(given, readTime(given), least, DECADE, formatTime),
    writtenTime,
  )

const writtenTime = (ms: unknown): string => (ms === Number.POSITIVE_INFINITY ? 'never' : formatTime(ms as number))

/** `, at least … and at most …`; nothing for a bound that is no bound. */
const within = (least: number, most: number, none: number, format: (value: number) => string): string => {
  const bounds = [
    ...(least > 1 ? [`at least ${format(least)}`] : []),
    ...(most < none ? [`at most ${format(most)}`] : []),
  ]
  return bounds.length === 0 ? '' : `, ${bounds.join(' and ')}`
}

const between = (
  given: string,
  value: number,
  least: number,
  most: number,
  format: (value: number) => string,
): number => {
  if (value < least) throw new Error(`'${given}' is too small; expected at least ${format(least)}`)
  if (value > most) throw new Error(`'${given}' is too large; expected at most ${format(most)}`)
  return value
}

export const mode: z.ZodType<number> = text('three octal digits, as "0600"', readMode, (value) =>
  (value as number).toString(8).padStart(4, '0'),
)

export const count = (least: number, most: number): z.ZodType<number> =>
  kind(z.int().min(least).max(most), { is: `a whole number, ${least} to ${most}` })

export const network: z.ZodType<string> = text('a network, as 192.0.2.0/24 or "2001:db8::/32"', (given) => {
  readNetwork(given)
  return given
})

export const listenAddress: z.ZodType<ListenAddress> = text(
  'an address to listen on, as "127.0.0.1:25", "[::1]:25" or unix:/path',
  (given) => readListenAddress(given),
)

/** The port of MTQP need not be said (RFC 3887 section 2). */
export const queryAddress: z.ZodType<ListenAddress> = text(
  'an address to listen on, as 127.0.0.1, "127.0.0.1:1038", "[::1]:1038" or unix:/path',
  (given) => readListenAddress(given, 1038),
)

export const host = (port: number): z.ZodType<HostSettings> =>
  text(`a host, as mx.example.org or "mx.example.org:${port}"`, (given) => readHost(given, port))

const HOP = 'hosts or unix:/path in the order to be tried, or mx, or "error: 5yz TEXT"'

/** Where a row of a static table leads: hosts, or a word in their place. */
export const way = (port: number): z.ZodType<StaticRoute['to']> =>
  z.preprocess(
    (given) => (typeof given === 'string' ? [given] : given),
    z
      .array(text(HOP, (given) => readWay(given) ?? readHop(given, port)))
      .min(1)
      .transform((ways, context) => {
        const hosts = ways.filter((one) => typeof one !== 'string' || one.startsWith('unix:'))
        const [first] = ways
        if (hosts.length === 0 && ways.length === 1 && typeof first === 'string') return first as StaticRoute['to']
        if (hosts.length === ways.length) return hosts as StaticRoute['to']
        context.addIssue({ code: 'custom', message: '`mx` and errors stand alone; expected them in place of a list' })
        return z.NEVER
      }),
  )

/** A domain name in lower case. */
export const domain: z.ZodType<string> = text('a domain, as example.org', (given) => {
  if (given.startsWith('[') || !isDomain(given))
    throw new Error(`'${given}' is no domain; expected one as in example.org`)
  return given.toLowerCase()
})

/** Our own name, which other hosts are told and look up: in ASCII (RFC 6531 3.7.1). */
export const hostname: z.ZodType<string> = domain.transform(domainKey)

/** A mailbox with its domain. */
export const mailbox: z.ZodType<string> = text('an address, as postmaster@example.org', (given) => {
  try {
    const address = readAddress(given)
    if (address.domain !== '') return formatAddress(address)
  } catch (error) {
    if (!(error instanceof BadAddress)) throw error
  }
  throw new Error(`'${given}' is no address; expected one as in postmaster@example.org`)
})

/** A name that settings refer to. It begins with a letter, so that an object keeps the order of such names. */
export const NAME: RegExp = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/

export const name: z.ZodType<string> = text('a name: a letter, then letters, digits, - or _', (given) => {
  if (!NAME.test(given)) throw new Error(`'${given}' is no name; expected a letter, then letters, digits, - or _`)
  return given
})

/** An absolute path. */
export const path = (places: Places): z.ZodType<string> => text('a path', (given) => place(given, places))

/** A path in a block of an extension, whose schema does not know where the file with the settings is. */
export const pathInBlock: z.ZodType<string> = kind(
  text('a path', (given) => {
    place(given, { base: '/', home: '/' })
    return given
  }),
  { path: true },
)

/** A path within a mailbox's home when it begins with `~/`; an absolute one otherwise. */
export const mailboxPath = (places: Places): z.ZodType<string> =>
  text(`a path; ~/ is the home of whose mailbox it is, \${user} the name`, (given) =>
    /^~(\/|$)/.test(given) ? given : place(given, places),
  )

export const socketPath = (places: Places): z.ZodType<string> =>
  text('a path of at most 103 octets', (given) => checkSocketPath(place(given, places)))

/** A list; a single text in its place is a list of one. */
export const list = <T>(of: z.ZodType<T>, least = 0): z.ZodType<readonly T[]> =>
  z.preprocess((given) => (typeof given === 'string' ? [given] : given), z.array(of).min(least))
