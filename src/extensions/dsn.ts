import { isAscii } from '../mail/address.ts'
import type { ParamBag, ReversePath } from '../mail/envelope.ts'
import { isInternational } from '../mail/international.ts'
import { refuse } from '../mail/reply.ts'
import { asUtf8Xtext, fromUnitext } from '../mail/utf8-address.ts'
import type {
  Extension,
  Greeting,
  OutboundRecipient,
  Param,
  ReportEvent,
  ServerFacet,
  Session,
} from '../smtp/extension.ts'
import { get, list, oneOf, xtext } from '../smtp/param.ts'

type Wish = 'NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY'

const WISHES = list<Wish>('NOTIFY', ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'])

const RET = oneOf('RET', ['FULL', 'HDRS'])
const ENVID = xtext('ENVID', 100)
const NOTIFY: Param<readonly Wish[]> = {
  ...WISHES,
  // NEVER stands alone.
  maxOctets: ' NOTIFY=SUCCESS,FAILURE,DELAY'.length,
  read(text) {
    const wishes = WISHES.read(text)
    return wishes.includes('NEVER') && String(text).length > 'NEVER'.length
      ? refuse(501, '5.5.4', 'NOTIFY=NEVER stands alone')
      : wishes
  },
}
const ORCPT: Param<{ readonly type: string; readonly address: string }> = {
  name: 'ORCPT',
  maxOctets: 507,
  read(text) {
    const [, type, address] =
      /^([!#-'*+/0-9?A-Z^-~-]+);(.+)$/.exec(text === true || Buffer.byteLength(text) > 500 ? '' : text) ?? []
    if (type === undefined || address === undefined) return refuse(501, '5.5.4', 'Malformed ORCPT parameter')
    if (type.toLowerCase() !== 'utf-8') return { type, address: xtext('ORCPT', 500).read(address) }
    // What is in none of its forms is passed on, and reported, as it is (RFC 6533 section 3).
    if (!/^[!-~\u{a0}-\u{10ffff}]+$/u.test(address)) return refuse(501, '5.5.4', 'Malformed ORCPT parameter')
    return { type, address: fromUnitext(address) ?? address }
  },
}

const WISH_FOR: Readonly<Record<ReportEvent, Wish>> = {
  delivered: 'SUCCESS',
  relayed: 'SUCCESS',
  expanded: 'SUCCESS',
  delayed: 'DELAY',
  failed: 'FAILURE',
}

const wishing = (wish: Wish, recipients: readonly OutboundRecipient[]): readonly number[] =>
  recipients.filter(({ params }) => get(params, NOTIFY)?.includes(wish)).map(({ key }) => key)

/** RFC 3461 5.2.7.3 (c), and for whoever may not have reports of success. */
const withoutSuccess = (params: ParamBag): ParamBag => {
  const wishes = get(params, NOTIFY)
  if (!wishes?.includes('SUCCESS')) return params
  return { ...params, NOTIFY: wishes.filter((wish) => wish !== 'SUCCESS').join(',') || 'NEVER' }
}

/** Tells whether clients, and the senders they name, are who they say. */
export interface SenderProof {
  /** Finds out about a client, before anybody asks whether it is trusted. */
  greeted(greeting: Greeting, session: Session): Promise<void>
  /** Whether the sender of mail by this client is proved. */
  proves(sender: ReversePath, session: Session): Promise<boolean>
}

/** To whom reports of success are granted, for they go to whoever is named as the sender. */
export interface SuccessGrants {
  readonly trusts: (session: Session) => boolean
  /** Of mail whose sender it does not prove, SUCCESS is taken out of NOTIFY. Absent: who is trusted may name whom it likes. */
  readonly proof?: SenderProof
  /** For people: to whom. */
  readonly to?: string
}

const serverFor = ({ trusts, proof }: SuccessGrants): ServerFacet => ({
  offer: (session) => (trusts(session) ? [] : undefined),
  ...(proof && {
    greeted: (greeting, session) => proof.greeted(greeting, session),
    // RFC 3461 5.1: the answer must be the same, so what cannot be granted is left out.
    async onRcpt({ params }, { sender }, session) {
      const granted = withoutSuccess(params)
      return granted === params || (await proof.proves(sender, session)) ? undefined : { params: granted }
    },
  }),
})

/**
 * DSN, RFC 3461: the sender says which reports it wants and what they should carry. `grants` absent: everyone may have
 * those of success.
 */
export const dsn = (grants?: SuccessGrants): Extension => ({
  keyword: 'DSN',
  rfc: [3461, 3464],
  words: {
    relay: 'passed on; else success is reported as relayed, and NEVER goes without a sender',
    ...(grants ? { offered: grants.to ?? 'to those trusted' } : {}),
  },
  params: { MAIL: [RET, ENVID], RCPT: [NOTIFY, ORCPT] },
  server: grants ? serverFor(grants) : {},
  client: {
    offered({ hop }) {
      hop.reports = true
    },
    // UTF-8 stands only where the transaction may hold it; elsewhere the same address goes in ASCII (RFC 6533 section 3).
    forRecipient({ params: { ORCPT: original } }, mail, hop) {
      if (typeof original !== 'string' || isAscii(original)) return {}
      return hop.takesUtf8Headers && isInternational(mail)
        ? {}
        : { ORCPT: original.slice(0, 6) + asUtf8Xtext(original.slice(6)) }
    },
    // Reports of success stop at a hop that cannot make them, so we say where the trail ends (RFC 3461 5.2.2).
    // It makes reports as it likes, but none for mail without a sender (d). In a store relaying ends, and the path is kept.
    without: (_mail, hop, recipients) => [
      { do: 'report', event: 'relayed', of: wishing('SUCCESS', recipients) },
      ...(hop.isStore ? [] : [{ do: 'sendAs', sender: null, of: wishing('NEVER', recipients) } as const]),
    ],
  },
  queue: {
    // RFC 3461 5.2.7.3 (c): several have all but SUCCESS, and we report `expanded`. A list's members have none (5.2.7.1).
    expand(params, of, to) {
      if (to === 'one') return params
      if (to === 'list') {
        const { RET: ret, ENVID: envid, NOTIFY: notify, ORCPT: orcpt, ...rest } = params
        return rest
      }
      return of === 'message' ? params : withoutSuccess(params)
    },
  },
  report: {
    wants(recipient) {
      const wishes = get(recipient.params, NOTIFY)
      if (wishes === undefined) return undefined
      if (wishes.includes('NEVER')) return 'never'
      return wishes.includes(WISH_FOR[recipient.event]) ? 'yes' : 'no'
    },
    returns(message, events) {
      if (!events.includes('failed')) return undefined
      const ret = get(message.params, RET)
      return ret && (ret === 'FULL' ? 'full' : 'headers')
    },
    messageFields(message) {
      const id = get(message.params, ENVID)
      return id === undefined ? [] : [['Original-Envelope-Id', id]]
    },
    recipientFields(recipient) {
      const original = get(recipient.params, ORCPT)
      return original === undefined ? [] : [['Original-Recipient', `${original.type};${original.address}`]]
    },
  },
})
