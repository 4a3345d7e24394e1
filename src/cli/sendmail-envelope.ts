import type { WireEnvelope } from '../app/control-client.ts'
import { BadAddress, formatAddress, readAddress } from '../mail/address.ts'
import type { Instant } from '../mail/instant.ts'
import { rfc5322Date } from '../mime/date.ts'
import { encodeText } from '../mime/encoded-words.ts'
import { toXtext } from '../smtp/param.ts'
import { EXIT, Exit } from './exit.ts'
import { printable } from './io.ts'
import type { SendmailArguments } from './sendmail-arguments.ts'
import type { Added } from './sendmail-header.ts'

/** An address, or a local part alone, in the form that the control socket takes. */
export const checked = (text: string): string => {
  // One character per octet, when it comes from a header.
  const utf8 =
    /[\x80-\xff]/.test(text) && !/[^\x00-\xff]/.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text
  try {
    if (utf8.includes('@')) return formatAddress(readAddress(utf8))
    return formatAddress({ ...readAddress(`${utf8}@localhost`), domain: '' })
  } catch (error) {
    if (error instanceof BadAddress)
      throw new Exit(EXIT.dataError, `'${printable(utf8).slice(0, 100)}' is no address: ${error.message}`)
    throw error
  }
}

/** A user's name as a local part. */
export const quotedLocal = (user: string): string => formatAddress({ local: user, domain: '' })

/** The envelope, with the parameters of RFC 3461 that were asked for. Throws `Exit` when they make no sense. */
export const envelopeOf = (
  said: SendmailArguments,
  sender: string | null,
  recipients: readonly string[],
  user: string,
): WireEnvelope => {
  const params: Record<string, string> = {}
  const returns = said.returns?.toUpperCase()
  if (returns !== undefined && returns !== 'FULL' && returns !== 'HDRS')
    throw new Exit(EXIT.usage, '-R is full or hdrs')
  if (returns !== undefined) params['RET'] = returns
  if (said.envelopeId !== undefined) params['ENVID'] = envelopeId(said.envelopeId)
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

/** The fields that every message must have, for one that lacks them. */
export const added = (sender: string, fullName: string | undefined, domain: string, now: Instant): Added => {
  const address = sender.includes('@') ? sender : `${sender}@${domain}`
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
