import { type Address, asciiAddress, formatAddress, isAscii } from '../mail/address.ts'
import type { BodyFacts, RawHeaders } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import { chooseBoundary, formatFields, messageId, multipart, type Part, quotedPrintable } from '../mime/compose.ts'
import { rfc5322Date } from '../mime/date.ts'
import { encodeText } from '../mime/encoded-words.ts'
import { inspector } from '../mime/inspect.ts'
import { MOST_LISTED } from '../mime/raw-fields.ts'
import type { Extension, ReportEvent, ReportedMessage, ReportedRecipient } from '../smtp/extension.ts'
import { forQueue } from '../smtp/queueing.ts'
import type { Draft, MessageRecord, SpooledMessage } from '../spool/spool.ts'
import type { ReporterOptions } from './report.ts'
import { idOf, type Returned, returned, subjectOf } from './returned.ts'
import { statusPart } from './status-part.ts'
import { explanation, type Story, title } from './wording.ts'

/** A report to be written: about which recipients of which message, to whom. */
export interface Reported {
  readonly message: SpooledMessage
  readonly to: Address
  readonly recipients: readonly ReportedRecipient[]
  /** To postmaster, for want of a sender. */
  readonly orphan: boolean
}

/** Octets of a message that are returned at most. */
const MOST = 51_200

/** Writes a multipart/report (RFC 3464, RFC 6522, RFC 6533) and tells how it is to be kept. Rejects as draft and message do. */
export const writeReport = async (
  draft: Draft,
  { message, to, recipients, orphan }: Reported,
  options: ReporterOptions,
): Promise<MessageRecord> => {
  const { extensions, hostname, postmaster } = options
  const now = options.clock.now()
  const events = [...new Set(recipients.map(({ event }) => event))]
  const third = await returned(message, wholeReturned(message, events, extensions), options.maxReturned ?? MOST)
  const retryUntil = givenUpAt(message, options)
  const story: Story = {
    hostname,
    id: message.id,
    accepted: message.accepted,
    postmaster,
    subject: subjectOf(third.header),
    recipients,
    returned: third.what,
    retryUntil,
    orphan,
  }
  const status = statusPart(message, recipients, hostname, extensions, retryUntil)
  const own = extensions.flatMap(({ report }) => report?.headerFields?.(message) ?? [])
  const inspect = inspector({ maxHeader: MOST })
  for await (const chunk of text(draft.id, to, story, status, third, now, own)) {
    inspect.write(chunk)
    await draft.write(chunk)
  }
  const { facts, header } = inspect.end()
  const params = Object.assign({}, ...extensions.map(({ report }) => report?.envelope?.(message) ?? {}))
  const given = { sender: null, params, recipients: [{ address: to, params: {} }] }
  const { envelope, schedule } = forQueue(extensions, given, header, now)
  return {
    ...envelope,
    prefix: new Uint8Array(0),
    bodyFrom: 0,
    facts: { ...facts, ...allRaw(isAscii(status) ? [] : ['Final-Recipient'], third.utf8, facts.rawHeaders) },
    origin: { listener: '', peer: '', helo: '', protocol: 'local', kind: 'report' },
    schedule,
    accepted: now,
    history: [`report about ${message.id}: ${events.join(', ')}`],
  }
}

/** Fields in parts of RFC 6533's types are header fields to whoever has to do without UTF-8 in them. */
const allRaw = (
  status: readonly string[],
  ...found: readonly (RawHeaders | undefined)[]
): Pick<BodyFacts, 'rawHeaders'> => {
  const all = found.flatMap((raw) => raw ?? [])
  if (status.length === 0 && all.length === 0) return {}
  const fields = [...status.map((name) => ({ name, depth: 1 })), ...all.flatMap((raw) => raw.fields)]
  const utf8 = status.length > 0 || all.some((raw) => raw.utf8)
  return { rawHeaders: { utf8, unknown: all.some((raw) => raw.unknown), fields: fields.slice(0, MOST_LISTED) } }
}

/**
 * RFC 3461 4.3 and 6.2: all of it only for failures, but where another RFC has it so (RFC 4141 section 3). Who wants the
 * header only has a reason, and wins.
 */
const wholeReturned = (
  message: ReportedMessage,
  events: readonly ReportEvent[],
  extensions: readonly Extension[],
): boolean => {
  const said = extensions.map(({ report }) => report?.returns?.(message, events))
  return !said.includes('headers') && (events.includes('failed') || said.includes('always'))
}

const givenUpAt = (message: SpooledMessage, { expires }: ReporterOptions): Instant | undefined => {
  const ends = (message.schedule.milestones ?? []).filter((one) => one.do === 'fail').map((one) => one.at)
  if (expires !== undefined) ends.push(expires(message))
  return ends.length === 0 ? undefined : Math.min(...ends)
}

async function* text(
  id: string,
  to: Address,
  story: Story,
  status: string,
  third: Returned,
  now: Instant,
  own: Part['fields'],
): AsyncGenerator<Uint8Array, void, undefined> {
  const { hostname, postmaster } = story
  const first = readable(explanation(story))
  const global = !isAscii(status)
  const second: Part = {
    fields: [
      ['Content-Type', global ? 'message/global-delivery-status' : 'message/delivery-status'],
      ['Content-Description', 'Delivery report'],
      ['Content-Transfer-Encoding', global ? '8bit' : '7bit'],
    ],
    content: status,
  }
  const texts = [first, second, third.part].map(({ content }) => (typeof content === 'string' ? content : ''))
  const boundary = chooseBoundary(texts)
  const original = idOf(third.header)
  const whole = (address: Address) => (address.domain === '' ? { ...address, domain: hostname } : address)
  // Any host must be able to take a report, so there is UTF-8 in its own header only where its reader has no other name.
  const from = asciiAddress(whole(postmaster)) ?? { local: 'postmaster', domain: hostname }
  const reader = asciiAddress(whole(to)) ?? to
  const fields = formatFields([
    ['Date', rfc5322Date(now)],
    ['From', `Mail Delivery System <${formatAddress(from)}>`],
    ['To', `<${formatAddress(reader)}>`],
    ['Subject', encodeText(title(story))],
    ['Message-ID', messageId(id, hostname)],
    ...(original === undefined ? [] : [['In-Reply-To', original] as const, ['References', original] as const]),
    ['Auto-Submitted', 'auto-replied'],
    ...own,
    ['MIME-Version', '1.0'],
    ['Content-Type', `multipart/report; report-type=delivery-status; boundary="${boundary}"`],
    ['Content-Transfer-Encoding', global ? '8bit' : third.encoding],
  ])
  yield Buffer.from(`${fields}\r\nThis is a report in MIME format.\r\n\r\n`)
  yield* multipart(boundary, [first, second, third.part])
}

const readable = (content: string): Part => {
  const plain = isAscii(content)
  return {
    fields: [
      ['Content-Type', `text/plain; charset=${plain ? 'us-ascii' : 'utf-8'}`],
      ['Content-Description', 'What happened'],
      ['Content-Transfer-Encoding', plain ? '7bit' : 'quoted-printable'],
    ],
    content: plain ? content : quotedPrintable(Buffer.from(content).toString('latin1')),
  }
}
