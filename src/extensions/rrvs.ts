import { type Address, addressKey, tryAddress } from '../mail/address.ts'
import { addressesIn } from '../mail/address-list.ts'
import type { Recipient } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import { type Reply, refuse, reply } from '../mail/reply.ts'
import type { Header } from '../mime/fields.ts'
import type { Extension, Param } from '../smtp/extension.ts'
import { get } from '../smtp/param.ts'

interface ValidSince {
  readonly since: Instant
  /** What becomes of the mail where the next hop lacks the extension: it comes back, or goes on without. */
  readonly otherwise: 'R' | 'C'
}

/** RFC 3339's date-time without a fraction of a second (RFC 7293 section 3.1). */
const DATE = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

const malformed = (): never => refuse(501, '5.5.4', 'Malformed RRVS parameter')

const RRVS: Param<ValidSince> = {
  name: 'RRVS',
  maxOctets: 33,
  read(text) {
    const [, date = '', action] = /^([^;]*)(?:;([CR]))?$/.exec(text === true ? '' : text.toUpperCase()) ?? malformed()
    return {
      since: (DATE.test(date) ? instantOf(date) : undefined) ?? malformed(),
      otherwise: action === 'C' ? 'C' : 'R',
    }
  },
}

/** Undefined for a day that no calendar has. A leap second counts as the one before. */
const instantOf = (date: string): Instant | undefined => {
  const day = Number(date.slice(8, 10))
  const at = Date.parse(date.replace(/:60(?=Z|[+-])/, ':59'))
  const fits = new Date(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)) - 1, day)).getUTCDate() === day
  return Number.isNaN(at) || !fits ? undefined : at
}

/**
 * Whose an address has been since then: the `same` owner's all the time, an `other`'s, that of whoever had the `domain`
 * before; `elsewhere`: the mailbox is none of ours. Throws a Refusal where it cannot be found out now.
 */
export type Ownership = (
  address: Address,
  since: Instant,
) => Promise<'same' | 'other' | 'domain' | 'unknown' | 'elsewhere'>

/** Who answers these follows from their names, whoever it is (RFC 2142, which RFC 7293 section 5.1 calls role accounts). */
const ROLES: ReadonlySet<string> = new Set(
  'info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp'.split(' '),
)
const isRole = ({ local }: Address): boolean => ROLES.has(local.toLowerCase())

const OTHERS: Readonly<Record<'other' | 'domain' | 'unknown', Reply>> = {
  other: reply(550, '5.7.17', 'The mailbox has had another owner since that time'),
  domain: reply(550, '5.7.18', 'The domain has had another owner since that time'),
  unknown: reply(550, '5.7.19', 'It is not known since when the mailbox has its owner'),
}

const FIELD = 'Require-Recipient-Valid-Since'

/** RRVS, RFC 7293: mail is for whoever had the mailbox at that time, and for nobody who got it later. */
export const rrvs = (ownership: Ownership): Extension => {
  const objection = async (address: Address, since: Instant): Promise<Reply | 'elsewhere' | undefined> => {
    const found = isRole(address) ? 'same' : await ownership(address, since)
    return found === 'same' ? undefined : found === 'elsewhere' ? found : OTHERS[found]
  }
  return {
    keyword: 'RRVS',
    rfc: [7293],
    words: {
      relay: 'passed on; mail that is to come back rather than go unprotected goes to no hop without it (5.7.19)',
    },
    params: { RCPT: [RRVS] },
    server: {
      async onRcpt({ address, params }) {
        const asked = get(params, RRVS)
        const answer = asked && (await objection(address, asked.since))
        return answer === undefined || answer === 'elsewhere' ? undefined : { reply: answer }
      },
      async atEnd({ header }, { recipients }) {
        const refused = new Map<number, Reply>()
        const checked: number[] = []
        for (const { nth, address, since } of requests(header)) {
          const named = [...recipients.entries()].filter(([, one]) => isNamed(one, address))
          const [first] = named
          if (first === undefined || isRole(address)) continue
          const answer = await objection(first[1].address, since)
          if (answer === 'elsewhere') continue
          // Where the parameter is there, the field is disregarded (section 5).
          const asked = named.filter(([, one]) => !('RRVS' in one.params))
          if (answer === undefined || asked.length === 0) checked.push(nth)
          else for (const [index] of asked) refused.set(index, answer)
        }
        // What was checked here is nobody's concern any more (section 5.2, step 4).
        return { recipients: refused, edits: checked.map((nth) => ({ field: 'remove', name: FIELD, nth })) }
      },
    },
    client: {
      without: (_mail, hop, recipients) => {
        // Handing mail to a store is delivering it.
        const unprotected = hop.isStore ? [] : recipients.filter(({ params }) => get(params, RRVS)?.otherwise === 'R')
        const why = `${hop.name} cannot tell whether the mailbox has changed hands`
        return unprotected.length === 0
          ? []
          : [
              {
                do: 'refuse',
                reply: reply(550, '5.7.19', why),
                next: 'otherHost',
                of: unprotected.map(({ key }) => key),
              },
            ]
      },
    },
    queue: {
      // Mail that has the field only is from a host without the extension, and never came back for want of it.
      fromHeader(envelope, header) {
        const asked = new Map<string, Instant>()
        for (const { address, since } of requests(header)) {
          const name = nameOf(address)
          // Of several that are to hold, the earliest has the others in it.
          asked.set(name, Math.min(since, asked.get(name) ?? since))
        }
        if (asked.size === 0) return envelope
        return {
          ...envelope,
          recipients: envelope.recipients.map((one) => {
            const since = asked.get(nameOf(one.address))
            // Of those with the parameter the field is disregarded (section 5).
            return since === undefined || 'RRVS' in one.params || isRole(one.address)
              ? one
              : { ...one, params: { ...one.params, RRVS: `${new Date(since).toISOString().slice(0, 19)}Z;C` } }
          }),
        }
      },
      // Nothing is known of the owners of other addresses, so nothing is asked about them (section 8).
      expand(params, of) {
        if (of === 'message') return params
        const { RRVS: _, ...rest } = params
        return rest
      },
    },
  }
}

/** In any case of letters, as mailboxes here are known. */
const isNamed = ({ address }: Recipient, named: Address): boolean => nameOf(address) === nameOf(named)

const nameOf = (address: Address): string => addressKey(address).toLowerCase()

interface Request {
  /** Which of the fields, from 1. */
  readonly nth: number
  readonly address: Address
  readonly since: Instant
}

/** RFC 5322's date-time, which may have a comment behind it. */
const HEADER_DATE =
  /^((?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), *)?\d{1,2} +(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{4} +\d\d:\d\d(?::\d\d)? +[+-]\d{4})(?:[ \t]*\([^()]*\))?[ \t]*$/i

/** Fields that are looked at, and characters of one. */
const [MOST_FIELDS, LONGEST] = [100, 1000]

/** A field that is malformed is discarded (section 5.2, step 2). */
const requests = (header: Header): readonly Request[] =>
  header
    .values(FIELD)
    .slice(0, MOST_FIELDS)
    .flatMap((value, index) => {
      const [, text = '', date = ''] = /^([^;]+);[ \t]*(.*)$/.exec(value.length > LONGEST ? '' : value) ?? []
      const [only, ...more] = addressesIn(text)
      const address = only === undefined || more.length > 0 ? undefined : addressOf(only)
      const since = Date.parse(HEADER_DATE.exec(date)?.[1] ?? '')
      return address === undefined || Number.isNaN(since) ? [] : [{ nth: index + 1, address, since }]
    })

const addressOf = (text: string): Address | undefined => tryAddress(Buffer.from(text, 'latin1').toString())
