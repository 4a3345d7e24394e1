import type { WireEnvelope } from '../app/control-client.ts'
import { asciiAddress, BadAddress, formatAddress, readAddress } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'
import type { Instant } from '../mail/instant.ts'
import { rfc5322Date } from '../mime/date.ts'
import { encodeText } from '../mime/encoded-words.ts'
import type { NewTracking } from '../mtqp/secret.ts'
import { toXtext } from '../smtp/param.ts'
import { EXIT, Exit } from './exit.ts'
import { printable } from './io.ts'
import type { SendmailArguments } from './sendmail-arguments.ts'
import type { Added } from './sendmail-header.ts'

/** An address, or a local part alone, in the form that the control socket takes. */
export const checked = (text: string): string => {
  try {
    if (text.includes('@')) return formatAddress(readAddress(text))
    return formatAddress({ ...readAddress(`${text}@localhost`), domain: '' })
  } catch (error) {
    if (error instanceof BadAddress)
      throw new Exit(EXIT.dataError, `'${printable(text).slice(0, 100)}' is no address: ${error.message}`)
    throw error
  }
}

/** An address out of a header, one character per octet, as the text it is. */
export const decoded = (octets: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(octets, 'latin1'))
  } catch {
    throw new Exit(EXIT.dataError, `'${printable(octets).slice(0, 100)}' in the header is no address: it is not UTF-8`)
  }
}

/** A user's name as a local part. */
export const quotedLocal = (user: string): string => formatAddress({ local: user, domain: '' })

/** The envelope, with the parameters of RFC 3461 and RFC 3885 that were asked for. Throws `Exit` when they make no sense. */
export const envelopeOf = (
  said: SendmailArguments,
  sender: string | null,
  recipients: readonly string[],
  user: string,
  tracking?: NewTracking,
): WireEnvelope => {
  const params: Record<string, string> = {}
  const returns = said.returns?.toUpperCase()
  if (returns !== undefined && returns !== 'FULL' && returns !== 'HDRS')
    throw new Exit(EXIT.usage, '-R is full or hdrs')
  if (returns !== undefined) params['RET'] = returns
  if (said.envelopeId !== undefined) params['ENVID'] = envelopeId(said.envelopeId)
  if (tracking !== undefined) {
    // No other message may have it (RFC 3885 3.2), so it is none that a caller thought of.
    if (said.envelopeId !== undefined) throw new Exit(EXIT.usage, '--track makes an id of its own; leave out -V')
    params['ENVID'] = tracking.envid
    params['MTRK'] = tracking.certifier
  }
  const notify = said.notify?.toUpperCase()
  if (notify !== undefined && !/^(NEVER|(SUCCESS|FAILURE|DELAY)(,(SUCCESS|FAILURE|DELAY))*)$/.test(notify)) {
    throw new Exit(EXIT.usage, '-N is never, or some of success,failure,delay')
  }
  const each = notify === undefined ? {} : { NOTIFY: notify }
  return { sender, params, recipients: recipients.map((address) => ({ address, params: each })), user }
}

/** RFC 3461 4.4. */
const envelopeId = (text: string): string => {
  const xtext = toXtext(text)
  if (!/^[ -~]+$/.test(text) || xtext.length > MOST_ENVELOPE_ID) {
    throw new Exit(EXIT.usage, `-V is an id of printable ASCII, of ${MOST_ENVELOPE_ID} octets at most as xtext`)
  }
  return xtext
}

const MOST_ENVELOPE_ID = 100

/**
 * The fields that every message must have, for one that lacks them; one character per octet. Domains are A-labels: the
 * message is to need no more than what its writer put into it.
 */
export const added = (sender: string, fullName: string | undefined, home: string, now: Instant): Added => {
  const domain = domainKey(home)
  const whole = readAddress(sender.includes('@') ? sender : `${sender}@${domain}`)
  const address = Buffer.from(formatAddress(asciiAddress(whole) ?? whole)).toString('latin1')
  return {
    from: fullName ? `${phrase(fullName)} <${address}>` : address,
    date: rfc5322Date(now, -new Date(now).getTimezoneOffset()),
    messageId: `<${now.toString(36)}.${crypto.randomUUID().slice(0, 13)}@${domain}>`,
  }
}

const phrase = (name: string): string => {
  const plain = name.replace(/[\x00-\x1f\x7f]/g, ' ').trim()
  if (!/^[ -~]*$/.test(plain)) return encodeText(plain)
  return /^[\w !#$%&'*+/=?^`{|}~-]*$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, '\\$&')}"`
}
