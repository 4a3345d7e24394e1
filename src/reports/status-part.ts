import { isIPv4, isIPv6 } from 'node:net'
import { isDomain } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { Instant } from '../mail/instant.ts'
import { formatFields } from '../mime/compose.ts'
import { rfc5322Date } from '../mime/date.ts'
import type { Extension, ReportEvent, ReportedRecipient } from '../smtp/extension.ts'
import type { SpooledMessage } from '../spool/spool.ts'
import { answerLines, printable, typedAddress, typedValue } from './plain.ts'

type Fields = readonly (readonly [name: string, value: string])[]

/**
 * The content of a message/delivery-status (RFC 3464, RFC 3461 6.3): the message's fields, then each recipient's. With
 * addresses beyond ASCII it is one of a message/global-delivery-status (RFC 6533 4.1).
 */
export const statusPart = (
  message: SpooledMessage,
  recipients: readonly ReportedRecipient[],
  hostname: string,
  extensions: readonly Extension[],
  retryUntil: Instant | undefined,
): string => {
  const ofMessage = merged(
    extensions.flatMap(({ report }) => report?.messageFields?.(message) ?? []),
    [
      // RFC 3461 6.3 (b): `dns` is for names that are known everywhere.
      ['Reporting-MTA', `${isDomain(hostname) && hostname.includes('.') ? 'dns' : 'x-local-hostname'}; ${hostname}`],
      ...receivedFrom(message),
      ['Arrival-Date', rfc5322Date(message.accepted)],
      ['X-Smail-Queue-Id', message.id],
    ],
  )
  const each = recipients.map((recipient) =>
    merged(
      extensions.flatMap(({ report }) => report?.recipientFields?.(recipient, message) ?? []),
      ofRecipient(recipient, message.id, retryUntil),
    ),
  )
  return [ofMessage, ...each].map(formatFields).join('\r\n')
}

/** RFC 3464 2.2.4: only for mail that came over a network, from one who gave a name. */
const receivedFrom = ({ origin: { helo, peer } }: SpooledMessage): Fields =>
  peer !== '' && isDomain(helo) ? [['Received-From-MTA', `dns; ${printable(helo)} (${printable(peer, 60)})`]] : []

const ofRecipient = (
  { address, accepted, event, last }: ReportedRecipient,
  id: string,
  retryUntil: Instant | undefined,
): Fields => [
  // RFC 3464 2.3.2: as it was when we accepted the mail; what became of it is a field that Sendmail has, too.
  ['Final-Recipient', typedAddress(accepted ?? address)],
  ...(accepted ? [['X-Actual-Recipient', typedAddress(address)] as const] : []),
  ['Action', event],
  ['Status', statusOf(event, last)],
  ...(last.by === 'smtp' ? remote(last) : event === 'failed' || event === 'delayed' ? own(last) : []),
  // Our own word without a step was said without an attempt.
  ...(last.by === 'us' && last.phase === undefined ? [] : [['Last-Attempt-Date', rfc5322Date(last.at)] as const]),
  // RFC 3464 2.3.8: where the mail ends here, ours is the last log that tells of it.
  ...(last.by === 'local' ? [['Final-Log-ID', printable(id)] as const] : []),
  ...(event === 'delayed' && retryUntil !== undefined ? [['Will-Retry-Until', rfc5322Date(retryUntil)] as const] : []),
]

const remote = (last: Diagnosis): Fields => [
  ...(last.remote === undefined ? [] : [['Remote-MTA', `dns; ${printable(domainOf(last.remote.name), 255)}`] as const]),
  ['Diagnostic-Code', `smtp; ${transcript(last)}`],
]

/** RFC 3464 2.3.6 lets others have types of their own: programs would else know no more than the status. */
const own = (last: Diagnosis): Fields => {
  const text = answerLines(last).join(' ')
  return text === '' ? [] : [['Diagnostic-Code', `x-smail; ${`${printable(last.status, 11)} ${text}`.trim()}`]]
}

/** RFC 3461 9.3: a host that has no name is told by its address, as a literal. */
const domainOf = (name: string): string => (isIPv6(name) ? `[IPv6:${name}]` : isIPv4(name) ? `[${name}]` : name)

/** `550-5.1.1 text 550 5.1.1 more`: each line as the server said it (RFC 3461 9.2). */
const transcript = (last: Diagnosis): string => {
  const lines = answerLines(last)
  const status = statusBefore(last)
  return lines.map((line, at) => `${last.code}${at < lines.length - 1 ? '-' : ' '}${status}${line}`.trim()).join(' ')
}

/** What was said, for people. */
export const diagnostic = (last: Diagnosis): string =>
  `${last.code} ${statusBefore(last)}${answerLines(last).join(' ')}`.trim()

/** A host that promised no statuses may have written one all the same; of others they were taken off. */
const statusBefore = ({ status, lines: [first = ''] }: Diagnosis): string =>
  status === '' || first.startsWith(status) ? '' : `${printable(status, 11)} `

const CLASSES: Readonly<Record<ReportEvent, string>> = {
  delivered: '2',
  relayed: '2',
  expanded: '2',
  delayed: '4',
  failed: '45',
}

/** The last answer's status where it is well-formed and of a class that fits the event (RFC 3464 2.3.4, RFC 3461 6.3 (g)). */
export const statusOf = (event: ReportEvent, { code, status }: Diagnosis): string => {
  const [kind] = status
  const wellFormed = /^[245](?:\.(?:0|[1-9]\d{0,2})){2}$/.test(status)
  if (wellFormed && kind !== undefined && CLASSES[event].includes(kind)) return status
  return event === 'failed' ? `${code >= 400 && code < 500 ? 4 : 5}.0.0` : `${CLASSES[event]}.0.0`
}

const NAME = /^[!-9;-~]{1,70}$/
/** Stand before ours (RFC 3464 2.2 and 2.3); other fields of extensions behind. */
const FIRST = /^original-/i

/** Each name once, as a field at most appears; what an extension gives cannot break the part or contradict us. */
const merged = (given: Fields, own: Fields): Fields => {
  const safe = given.filter(([name]) => NAME.test(name)).map(([name, value]) => [name, typedValue(value)] as const)
  const all = new Map<string, readonly [string, string]>()
  for (const field of [
    ...safe.filter(([name]) => FIRST.test(name)),
    ...own,
    ...safe.filter(([name]) => !FIRST.test(name)),
  ]) {
    const key = field[0].toLowerCase()
    if (!all.has(key)) all.set(key, field)
  }
  return [...all.values()]
}
