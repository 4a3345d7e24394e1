import { isIP } from 'node:net'
import { aLabels } from '../mail/idna.ts'
import { DnsError, type RecordResolver, type SpfRecordType } from '../net/resolver.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'

const VERDICTS = ['pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror'] as const

/** What RFC 7208 section 2.6 has for results. */
export type Verdict = (typeof VERDICTS)[number]

export interface Asked {
  /** The client's; what is no IP address, as that of a UNIX socket, has no verdict: `none`. */
  readonly address: string
  /** Whose policy is asked for: of the reverse-path, or the name that the client gave itself. U-labels or A-labels. */
  readonly domain: string
  /** Absent: `postmaster`. */
  readonly local?: string
  /** What the client called itself. */
  readonly helo: string
  /** `pra`: by the domain's record for that scope if it has one (RFC 4406 4.4), and a domain that does not exist fails (4.3). */
  readonly scope?: 'pra'
}

/** Whether a client may send mail for a domain. Never rejects, and answers in bounded time. */
export type Spf = (asked: Asked) => Promise<Verdict>

export interface SpfOptions {
  readonly resolver: RecordResolver
  readonly clock: Clock
  readonly log: Log
  /** Our name. */
  readonly hostname: string
  /** Milliseconds for all look-ups together; then it is `temperror`. 20 s unless told, the least that RFC 7208 4.6.4 wants. */
  readonly timeout?: number
}

/** Octets of a record at most: RFC 7208 3.4 wants 450. A longer one is `permerror`. */
const LONGEST = 8192

/** SPF, RFC 7208. The evaluation is the library's, loaded when the first is asked for; names are looked up by us. */
export const spfBy = ({ resolver, clock, log, hostname, timeout = 20_000 }: SpfOptions): Spf => {
  const evaluate = async (asked: Asked, domain: string): Promise<Verdict> => {
    const { spf } = await import('mailauth/lib/spf/index.js')
    let over = false
    let isGone = false
    const look = async (name: string, type: SpfRecordType) => {
      if (over) throw coded('ETIMEOUT', 'the time for SPF is over')
      try {
        return await found(resolver, name, type, asked.scope)
      } catch (error) {
        if (error instanceof DnsError && error.kind === 'notFound' && name === domain) isGone = true
        throw asNodeSays(error)
      }
    }
    const alarm = Promise.withResolvers<Verdict>()
    const limit = clock.after(timeout, () => alarm.resolve('temperror'))
    const sender = `${asked.local ?? 'postmaster'}@${domain}`
    const { address: ip, helo } = asked
    try {
      return await Promise.race([
        spf({ sender, ip, helo, mta: hostname, strict: true, resolver: look }).then(({ status: { result } }) => {
          if (asked.scope === 'pra' && isGone && result === 'none') return 'fail'
          return VERDICTS.find((one) => one === result) ?? 'temperror'
        }),
        alarm.promise,
      ])
    } finally {
      over = true
      limit.cancel()
    }
  }

  return async (asked) => {
    const domain = aLabels(asked.domain)
    if (isIP(asked.address) === 0 || domain === undefined) return 'none'
    try {
      return await evaluate(asked, domain)
    } catch (error) {
      // The library answers whatever records say; this is a fault of ours.
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
      log.event('error', 'spf-fault', { domain, stack })
      return 'temperror'
    }
  }
}

const found = async (
  resolver: RecordResolver,
  name: string,
  type: SpfRecordType,
  scope: Asked['scope'],
): Promise<readonly (string | readonly string[] | { readonly exchange: string; readonly priority: number })[]> => {
  const records = await resolver.records(name, type)
  if (records.length === 0) throw coded('ENODATA', `${name} has no ${type}`)
  if (type === 'MX') return records.map(({ preference, value }) => ({ exchange: value, priority: preference }))
  if (type !== 'TXT') return records.map(({ value }) => value)
  const texts = forScope(
    records.map(({ value }) => value),
    scope,
  )
  if (texts.some((text) => text.length > LONGEST && isPolicy(text)))
    throw coded('EBADNAME', `${name} has too long a policy`)
  return texts.map((text) => [inOrder(text)])
}

/**
 * Delimiters of macros with the hyphen last (RFC 7208 7.1 has any order): the library takes it for a range elsewhere. Only
 * of a policy, and in one pass: whoever writes the record shall not have us search it for long.
 */
const inOrder = (text: string): string =>
  isPolicy(text)
    ? text.replace(/(%\{[a-z]\d*r?)([-.+,/_=]+)\}/gi, (whole, letter: string, delimiters: string) =>
        delimiters.includes('-') ? `${letter}${delimiters.replaceAll('-', '')}-}` : whole,
      )
    : text

const isPolicy = (text: string): boolean => /^v=spf1(?: |$)/i.test(text)

/** RFC 4406 4.4: records that name the scope go before those of version 1, in whose form they are given here. */
const forScope = (texts: readonly string[], scope: Asked['scope']): readonly string[] => {
  if (scope === undefined) return texts
  const named = texts.flatMap((text) => {
    const [head = '', version, scopes = ''] = /^(spf2\.\d+)\/([a-z,]+)(?= |$)/i.exec(text) ?? []
    if (version === undefined || !scopes.toLowerCase().split(',').includes(scope)) return []
    return [`v=spf1${text.slice(head.length)}`]
  })
  return named.length > 0 ? named : texts
}

const coded = (code: string, message: string): Error => Object.assign(new Error(message), { code })

const asNodeSays = (error: unknown): unknown =>
  error instanceof DnsError ? coded(error.kind === 'notFound' ? 'ENOTFOUND' : 'ETIMEOUT', error.message) : error
