import type { ParamBag, ReversePath } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import { refuse, reply } from '../mail/reply.ts'
import { rfc5322Date } from '../mime/date.ts'
import type { Extension, OutboundMail, OutboundRecipient, Param, Remedy, Session } from '../smtp/extension.ts'
import { get } from '../smtp/param.ts'

interface By {
  /** Until the time is up, from when BY came; negative once it is. */
  readonly seconds: number
  /** Return the mail then, or notify its sender. */
  readonly mode: 'R' | 'N'
  /** Every relay is to tell the sender that it passed the mail on. */
  readonly trace: boolean
}

const BY: Param<By> = {
  name: 'BY',
  maxOctets: 17,
  read(text) {
    const [, time, mode, trace] = /^([+-]?\d{1,9});([NR])(T?)$/.exec(text === true ? '' : text.toUpperCase()) ?? []
    if (time === undefined)
      return refuse(501, '5.5.4', 'BY is seconds, a semicolon, R or N, and perhaps T, as in BY=3600;R')
    const by: By = { seconds: Number(time), mode: mode === 'R' ? 'R' : 'N', trace: trace === 'T' }
    return by.mode === 'R' && by.seconds <= 0 ? refuse(501, '5.5.4', 'BY with mode R needs a time that lies ahead') : by
  },
  lasting: (text) =>
    String(text)
      .replace(/^[^;]*/, '')
      .toUpperCase(),
}

const written = ({ seconds, mode, trace }: By): string => `${seconds};${mode}${trace ? 'T' : ''}`

/** What nine digits hold (RFC 2852 section 4). */
const LEAST = -999_999_999

/**
 * As BY counts it after some time; where a clock was put back, none has gone by. What is left of a second is one, so that
 * hops do not eat up the time of the mail.
 */
const after = (by: By, ms: number): By => ({
  ...by,
  seconds: Math.max(LEAST, Math.ceil(by.seconds - Math.max(0, ms) / 1000) + 0),
})

const byOf = ({ envelope }: OutboundMail): By | undefined => get(envelope.params, BY)

const leftOf = (by: By, { accepted, now }: OutboundMail): By => after(by, now - accepted)

/** What a stored BY means: it counts from the acceptance of the mail. */
const due = (params: ParamBag, accepted: Instant): (By & { readonly at: Instant }) | undefined => {
  const by = get(params, BY)
  return by && { ...by, at: accepted + by.seconds * 1000 }
}

const tooLate = (): never => refuse(554, '5.4.7', 'The time in which this was to be delivered is over')

/** Those who are told whatever else they wish, but for nothing at all (RFC 2852 4.1.4). */
const willing = (recipients: readonly OutboundRecipient[]): readonly OutboundRecipient[] =>
  recipients.filter(({ params: { NOTIFY } }) => typeof NOTIFY !== 'string' || NOTIFY.toUpperCase() !== 'NEVER')

const relayed = (recipients: readonly OutboundRecipient[]): Remedy => ({
  do: 'report',
  event: 'relayed',
  of: willing(recipients).map(({ key }) => key),
})

/** RFC 2852 4.1.4.2, which overrides what RFC 3461 forbids: such a hop is to tell of delays. */
const tellDelays = (recipients: readonly OutboundRecipient[]): Remedy[] =>
  willing(recipients).flatMap(({ key, params: { NOTIFY } }): Remedy[] => {
    const wishes = typeof NOTIFY === 'string' ? NOTIFY.split(',') : ['FAILURE']
    if (wishes.some((wish) => wish.toUpperCase() === 'DELAY')) return []
    return [{ do: 'addParams', params: { NOTIFY: [...wishes, 'DELAY'].join(',') }, of: [key] }]
  })

/** Another host may be capable of it; if none is, that is the sender's answer. */
const incapable = (why: string): Remedy => ({ do: 'refuse', reply: reply(554, '5.3.3', why), next: 'otherHost' })

export interface DeliverBySettings {
  /** Least seconds that are taken with mode R; 0: any. */
  readonly minimum: number
  /** Whether relays of ours are told of to those who ask for a trace. */
  readonly trace: boolean
}

/** Whether the sender of mail by this client is who it says, and may be told what becomes of it. */
export interface ProvesSenders {
  proves(sender: ReversePath, session: Session): Promise<boolean>
}

/**
 * DELIVERBY, RFC 2852: mail that is to be delivered in time, or returned (mode R), or its sender told (N). `delivers`:
 * whether mail is delivered at all just now. `proof` absent: any client may name any sender to be told.
 */
export const deliverBy = (
  { minimum, trace }: DeliverBySettings = { minimum: 0, trace: true },
  delivers: () => boolean = () => true,
  proof?: ProvesSenders,
): Extension => ({
  keyword: 'DELIVERBY',
  rfc: [2852],
  words: { relay: 'the time that is left is told; R goes to no hop without it (5.3.3), N is reported as relayed' },
  params: { MAIL: [BY] },
  server: {
    offer: () => (minimum > 0 ? [String(minimum)] : []),
    async onMail(sender, params, session) {
      const by = get(params, BY)
      if (by === undefined) return undefined
      if (by.trace && !trace) refuse(555, '5.7.1', 'Nobody is told here which way mail goes')
      if (proof && !(await proof.proves(sender, session))) {
        if (by.mode === 'R') refuse(555, '5.7.1', 'In time or not at all is for senders who are proved')
        const { BY: _dropped, ...others } = params
        return { params: others }
      }
      if (by.mode === 'N') return undefined
      if (by.seconds < minimum) refuse(555, '5.5.4', `With mode R, BY is at least ${minimum} here`)
      if (!delivers()) refuse(455, '4.3.2', 'Nothing is delivered just now, in whatever time')
      return undefined
    },
    atEnd({ at }, { params, begun }) {
      const by = get(params, BY)
      if (by === undefined) return
      const left = after(by, at - begun)
      if (left.mode === 'R' && left.seconds <= 0) tooLate()
      return { params: { ...params, BY: written(left) } }
    },
  },
  client: {
    offered({ hop }, [options = '']) {
      hop.notes.set('DELIVERBY', Number(/^\d{1,9}(?=,|$)/.exec(options)?.[0] ?? 0))
    },
    with(mail, hop, recipients) {
      const by = byOf(mail)
      const least = Number(hop.notes.get('DELIVERBY') ?? 0)
      if (by?.mode === 'R' && leftOf(by, mail).seconds < least) {
        return [incapable(`${hop.name} takes mail to be delivered in time for ${least} seconds at least`)]
      }
      return by?.trace && !hop.isStore ? [relayed(recipients)] : []
    },
    without(mail, hop, recipients) {
      const by = byOf(mail)
      // Handing mail to a store is delivering it.
      if (by === undefined || hop.isStore) return []
      if (by.mode === 'R') return [incapable(`${hop.name} does not take mail to be delivered in time`)]
      const inTime = leftOf(by, mail).seconds > 0
      return [...(inTime || by.trace ? [relayed(recipients)] : []), ...(inTime ? tellDelays(recipients) : [])]
    },
    adds(mail) {
      const by = byOf(mail)
      if (by === undefined) return {}
      const left = leftOf(by, mail)
      return left.mode === 'R' && left.seconds <= 0 ? tooLate() : { BY: written(left) }
    },
  },
  queue: {
    schedule({ params }, accepted) {
      const by = due(params, accepted)
      if (by === undefined) return {}
      const { at } = by
      return {
        milestones: [by.mode === 'R' ? { at, do: 'fail', status: '5.4.7' } : { at, do: 'warn', status: '4.4.7' }],
      }
    },
    // A list is where the sender's mail is delivered; what its members get is the list's.
    expand(params, of, to) {
      if (of === 'recipient' || to !== 'list') return params
      const { BY: _, ...rest } = params
      return rest
    },
  },
  report: {
    wants: ({ event }, { params }) => (event === 'relayed' && get(params, BY) ? 'must' : undefined),
    messageFields({ params, accepted }) {
      const by = due(params, accepted)
      return by ? [['Deliver-By-Date', rfc5322Date(by.at)]] : []
    },
  },
})
