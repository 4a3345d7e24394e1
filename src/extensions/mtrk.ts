import type { ParamBag } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import { refuse } from '../mail/reply.ts'
import { GOES_ON } from '../mail/trail.ts'
import type { Extension, OutboundMail, Param } from '../smtp/extension.ts'
import { get, xtext } from '../smtp/param.ts'

export interface MtrkSettings {
  /** Milliseconds that mail is told of where its sender does not say: 8 to 10 days, a day at least (RFC 3885 3.1). */
  readonly timeout: number
  /** Milliseconds at most, whatever the sender says; a day at least. */
  readonly longest: number
}

interface Tracking {
  /** SHA-1 of the sender's secret in base64, without padding. */
  readonly certifier: string
  /** Seconds. */
  readonly timeout?: number
}

/** SHA-1 has 160 bits, whatever the RFC says of 128, and `=` cannot stand in a value: 27 characters. */
const VALUE = /^([A-Za-z0-9+/]{27})(?::(\d{1,9}))?$/

// A relay says how much of the time is left, so what came does not go on as it is.
const MTRK: Param<Tracking> = {
  name: 'MTRK',
  endsHere: true,
  maxOctets: 43,
  read(text) {
    const [, certifier, timeout] = VALUE.exec(text === true ? '' : text) ?? []
    if (certifier === undefined)
      return refuse(501, '5.5.4', 'MTRK is a SHA-1 in base64 without =, and perhaps : and seconds')
    return { certifier, ...(timeout === undefined ? {} : { timeout: Number(timeout) }) }
  },
  lasting: (text) => String(text).replace(/:.*$/, ''),
}

// They are DSN's; here they are read once more, for what RFC 3885 demands of them.
const ENVID = xtext('ENVID', 100)
const UNIQUE = /^.+@[^@]+$/

const envidOf = (params: ParamBag): string | undefined => {
  const envid = get(params, ENVID)
  return envid !== undefined && UNIQUE.test(envid) ? envid : undefined
}

/** What is left of a time once some of it was spent, in whole seconds. */
const left = (milliseconds: number, { accepted, now }: { accepted: Instant; now: Instant }): number =>
  Math.floor((milliseconds - Math.max(0, now - accepted)) / 1000)

/**
 * MTRK, RFC 3885: what becomes of the message is kept for its sender, who asks by MTQP (RFC 3887). Needs DSN beside it,
 * whose ENVID and ORCPT it demands.
 */
export const mtrk = (settings: MtrkSettings): Extension => {
  const whole = ({ timeout }: Tracking): number => (timeout === undefined ? settings.timeout : timeout * 1000)

  /** As this hop is to have it; nothing when no time is left. */
  const passedOn = (mail: OutboundMail): ParamBag => {
    const tracking = get(mail.envelope.params, MTRK)
    if (tracking === undefined || envidOf(mail.envelope.params) === undefined) return {}
    const seconds = left(whole(tracking), mail)
    const { ENVID: envid = true } = mail.envelope.params
    return seconds > 0 ? { MTRK: `${tracking.certifier}:${seconds}`, ENVID: envid } : {}
  }

  return {
    keyword: 'MTRK',
    rfc: [3885],
    words: { relay: 'passed on with the time that is left; else tracking ends there' },
    params: { MAIL: [MTRK] },
    server: {
      onMail(_sender, params) {
        if (params['MTRK'] !== undefined && envidOf(params) === undefined)
          refuse(501, '5.5.4', 'MTRK needs an ENVID of the form local@host')
      },
    },
    client: {
      adds: passedOn,
      // Who announces MTRK takes ORCPT too, whatever else it announces (RFC 3885 section 2). Else it is DSN's affair.
      forRecipient({ params: { ORCPT: orcpt } }, mail, hop) {
        const isOurs = orcpt !== undefined && !hop.offers.has('DSN') && 'MTRK' in passedOn(mail)
        return isOurs ? { ORCPT: orcpt } : {}
      },
      notes: (_mail, params) => (params['MTRK'] === undefined ? [] : [GOES_ON]),
    },
    queue: {
      trail({ params }, accepted) {
        const tracking = get(params, MTRK)
        const name = envidOf(params)
        if (tracking === undefined || name === undefined) return undefined
        return { name, proof: tracking.certifier, until: accepted + Math.min(whole(tracking), settings.longest) }
      },
      // RFC 3885 3.3: with one member alone the mail is as good as the same.
      expand(params, of, to) {
        if (of === 'recipient' || to === 'one') return params
        const { MTRK: tracking, ...rest } = params
        return rest
      },
    },
  }
}
