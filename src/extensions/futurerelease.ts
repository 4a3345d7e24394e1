import type { ParamBag } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import { type Reply, refuse, reply } from '../mail/reply.ts'
import type { Extension, OutboundMail, Param, Remedy, Session } from '../smtp/extension.ts'
import { get } from '../smtp/param.ts'

const malformed = (name: string): never => refuse(501, '5.5.4', `Malformed ${name} parameter`)

const HOLDFOR: Param<number> = {
  name: 'HOLDFOR',
  endsHere: true,
  maxOctets: 18,
  read: (text) => (text !== true && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : malformed('HOLDFOR')),
  // Counted from MAIL: who says the same mail again later may say the time that is left.
  lasting: () => '',
}

const HOLDUNTIL: Param<Instant> = {
  name: 'HOLDUNTIL',
  endsHere: true,
  // A fraction of a second may have any number of digits; this leaves room for more than any clock has.
  maxOctets: 75,
  read: (text) => (text === true || text.length > 64 ? undefined : readDateTime(text)) ?? malformed('HOLDUNTIL'),
}

/** A date-time that is normalized to UTC (RFC 4865 section 3): another offset than none is not. */
const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|[+-]00:00)$/i

const MINUTE = 60_000

/** RFC 3339 section 5.6 and 5.7, to the millisecond and never earlier. A leap second is the midnight after it. */
const readDateTime = (text: string): Instant | undefined => {
  const [all, ...parts] = DATE_TIME.exec(text) ?? []
  if (all === undefined) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(0, 6).map(Number)
  const [fraction = ''] = parts.slice(6)
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const date = new Date(0)
  // Not Date.UTC, to which the years before 100 are others.
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || date.getUTCFullYear() !== year) return undefined
  const at = date.getTime() + (hour * 60 + minute) * MINUTE + second * 1000
  if (second === 60 && new Date(at).toISOString().slice(8, 19) !== '01T00:00:00') return undefined
  return at + Math.ceil(Number(`0.${fraction || 0}`) * 1000)
}

/** When mail with these parameters, counted from then, is to be released; undefined where nothing was wished. */
const releaseOf = (params: ParamBag, from: Instant): Instant | undefined => {
  const seconds = get(params, HOLDFOR)
  return seconds === undefined ? get(params, HOLDUNTIL) : from + seconds * 1000
}

/** As a parameter of DELIVERBY has it. */
const deliverBy = ({ BY }: ParamBag, from: Instant): Instant => {
  const seconds = typeof BY === 'string' ? /^[+-]?\d+(?=;)/.exec(BY)?.[0] : undefined
  return seconds === undefined ? Number.POSITIVE_INFINITY : from + Number(seconds) * 1000
}

const timestamp = (at: Instant): string => new Date(at).toISOString().replace(/\.\d+/, '')

const wholeSeconds = (at: Instant): Instant => Math.floor(at / 1000) * 1000

export interface FutureReleaseSettings {
  /** Seconds at most, from 1 to 999,999,999. */
  readonly most: number
  /** Octets that are held at most, of one identity and in all. */
  readonly perUser: number
  readonly total: number
}

export interface FutureReleaseServices {
  readonly now: () => Instant
  /** Whether mail of this client is held at all. */
  readonly allow: (session: Session) => boolean
  /** Octets that are held now: of an identity, or in all. */
  readonly held: (identity: string | undefined) => Promise<number>
}

/** What a server of ours needs for it. */
export type FutureReleaseServer = FutureReleaseSettings & FutureReleaseServices

const WITHOUT = 'does not hold mail for later delivery'

/** For mail of a program that embeds us; what the queue sends is released, by its time or by an operator. */
const isAhead = ({ envelope, accepted, now, released }: OutboundMail): boolean => {
  const release = releaseOf(envelope.params, accepted)
  return released !== true && release !== undefined && release > now
}

const giveUp = (said: Reply): Remedy => ({ do: 'refuse', reply: said, next: 'never' })

/** What a hop takes at most, as far as it said so. */
interface Bounds {
  readonly most: number
  readonly until: Instant
}

/**
 * FUTURERELEASE, RFC 4865: a submission server holds mail until a time that its sender wishes. Without `server` it is
 * there for clients alone. The wish ends here; what is relayed has been released.
 */
export const futureRelease = (server?: FutureReleaseServer): Extension => ({
  keyword: 'FUTURERELEASE',
  rfc: [4865],
  words: { relay: 'mail is held here, and goes on without it', offered: 'where mail is submitted' },
  params: { MAIL: [HOLDFOR, HOLDUNTIL] },
  ...(server ? { server: serverOf(server) } : {}),
  client: {
    offered({ hop }, [most = '', until = '']) {
      const bounds: Bounds = { most: Number(most) || 0, until: readDateTime(until) ?? 0 }
      hop.notes.set('FUTURERELEASE', bounds)
    },
    with(mail, hop) {
      if (!isAhead(mail)) return []
      const { most, until } = hop.notes.get('FUTURERELEASE') as Bounds
      const { params } = mail.envelope
      if ((get(params, HOLDFOR) ?? 0) <= most && (get(params, HOLDUNTIL) ?? 0) <= until) return []
      return [giveUp(reply(554, '5.5.4', `${hop.name} holds mail for ${most} s and until ${timestamp(until)} at most`))]
    },
    // Sent on now it would come too early.
    without: (mail, hop) => (isAhead(mail) ? [giveUp(reply(554, '5.3.3', `${hop.name} ${WITHOUT}`))] : []),
    adds(mail) {
      if (!isAhead(mail)) return {}
      const { HOLDFOR: seconds, HOLDUNTIL: until } = mail.envelope.params
      return { ...(seconds ? { HOLDFOR: seconds } : {}), ...(until ? { HOLDUNTIL: until } : {}) }
    },
  },
  queue: {
    schedule({ params }, accepted) {
      const release = releaseOf(params, accepted)
      return release !== undefined && release > accepted ? { notBefore: release } : {}
    },
  },
  report: {
    messageFields({ params }) {
      if (get(params, HOLDFOR) !== undefined) return [['Future-Release-Request', `for;${params['HOLDFOR']}`]]
      return get(params, HOLDUNTIL) === undefined ? [] : [['Future-Release-Request', `until;${params['HOLDUNTIL']}`]]
    },
  },
})

const serverOf = ({
  most,
  perUser,
  total,
  now,
  allow,
  held,
}: FutureReleaseServer): NonNullable<Extension['server']> => {
  /** The latest time that a client was told. */
  const told = new WeakMap<Session, Instant>()

  /** RFC 4865 section 6. The registry gave both codes to others later, which cannot be meant in answer to this. */
  const demandRoom = async (octets: number, { identity }: Session): Promise<void> => {
    if (identity !== undefined && octets + (await held(identity)) > perUser) {
      refuse(552, '5.7.16', 'Too much of your mail is held for later delivery')
    }
    if (octets + (await held(undefined)) > total) refuse(452, '4.7.17', 'Too much mail is held for later delivery')
  }

  return {
    offer(session) {
      const latest = wholeSeconds(now() + most * 1000)
      told.set(session, latest)
      return [String(most), timestamp(latest)]
    },
    async onMail(_sender, params, session) {
      const began = now()
      const release = releaseOf(params, began)
      if (release === undefined) return
      if ('HOLDFOR' in params && 'HOLDUNTIL' in params) refuse(501, '5.5.4', 'HOLDFOR and HOLDUNTIL exclude each other')
      if ((get(params, HOLDFOR) ?? 0) > most || (get(params, HOLDUNTIL) ?? 0) > (told.get(session) ?? 0)) {
        refuse(501, '5.5.4', `Mail is held for ${most} seconds at most`)
      }
      if (release > deliverBy(params, began)) refuse(501, '5.5.4', 'BY is over before the mail would be released')
      if (release <= began) return
      if (!allow(session)) refuse(550, '5.7.1', 'Mail is held for users who are known')
      await demandRoom(Number(params['SIZE'] ?? 0), session)
    },
    async atEnd({ facts, at }, { params }, session) {
      if ((releaseOf(params, at) ?? 0) > at) await demandRoom(facts.octets, session)
    },
    traceMark: (_session, params) => (releaseOf(params, 0) === undefined ? undefined : { clause: 'state timed' }),
  }
}
