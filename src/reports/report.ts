import type { Address } from '../mail/address.ts'
import type { Envelope, ParamBag } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import type { Clock } from '../observe/clock.ts'
import type { Extension, ReportedMessage, ReportedRecipient, Schedule, Wanted } from '../smtp/extension.ts'
import { scheduleOf } from '../smtp/queueing.ts'
import type { Draft, MessageRecord, SpooledMessage } from '../spool/spool.ts'
import { writeReport } from './write.ts'

/** Tells senders what became of their mail. Stores nothing itself: what it writes is committed by whoever settles. */
export interface Reporter {
  /**
   * Which of these events are to be reported, by the report facets. Where none has a say: `failed` and `delayed`, and
   * for mail without a sender `failed` only.
   */
  owed(message: ReportedMessage, recipients: readonly ReportedRecipient[]): readonly ReportedRecipient[]
  /**
   * Which parameters go on with mail whose recipient was expanded into `one` or `many` addresses, or was a `list` whose
   * owner is the new sender (RFC 3461 5.2.7).
   */
  passesOn(params: ParamBag, of: 'message' | 'recipient', to: 'one' | 'many' | 'list'): ParamBag
  /** When mail with this envelope is due, and what happens meanwhile. */
  schedule(envelope: Envelope, accepted: Instant): Schedule
  /**
   * Writes one report about these recipients. Undefined when none may be sent: the mail has no sender, or is itself
   * a report (then postmaster is told of failures, once). `to` is the sender, or a list's owner. Rejects with
   * `SpoolError` when the message cannot be read or the report not written; nothing is left of it then.
   */
  compose(
    message: SpooledMessage,
    to: ReportedMessage['sender'],
    recipients: readonly ReportedRecipient[],
    open: () => Draft,
  ): Promise<{ readonly draft: Draft; readonly record: MessageRecord } | undefined>
}

export interface ReporterOptions {
  readonly hostname: string
  readonly extensions: readonly Extension[]
  readonly clock: Pick<Clock, 'now'>
  /** Who is told when a report cannot be delivered, and whom people may write to. */
  readonly postmaster: Address
  /** Octets of a message that are returned at most; of a larger one the header is. Default 50 KiB. */
  readonly maxReturned?: number
  /** When the queue gives a message up, for Will-Retry-Until. */
  readonly expires?: (message: SpooledMessage) => Instant
}

/** The kind of origin of what postmaster is told about mail without a sender. If it fails, nobody is told. */
const LAST_WORD = 'double-bounce'

export const createReporter = (options: ReporterOptions): Reporter => ({
  owed: (message, recipients) => recipients.filter((recipient) => isOwed(recipient, message, options.extensions)),

  passesOn: (params, of, to) =>
    options.extensions.reduce((bag, { queue }) => queue?.expand?.(bag, of, to) ?? bag, params),

  schedule: (envelope, accepted) => scheduleOf(options.extensions, envelope, accepted),

  async compose(message, to, recipients, open) {
    const orphan = to === null || message.sender === null || message.origin.kind === 'report'
    const about = orphan ? recipients.filter(({ event }) => event === 'failed') : recipients
    if (about.length === 0 || message.origin.kind === LAST_WORD) return undefined
    const draft = open()
    try {
      const reported = { message, to: orphan ? options.postmaster : to, recipients: about, orphan }
      const record = await writeReport(draft, reported, options)
      return { draft, record: orphan ? { ...record, origin: { ...record.origin, kind: LAST_WORD } } : record }
    } catch (error) {
      await draft.abort()
      throw error
    }
  },
})

const STRENGTH: readonly Wanted[] = ['no', 'yes', 'must']

const isOwed = (recipient: ReportedRecipient, message: ReportedMessage, extensions: readonly Extension[]): boolean => {
  const { event } = recipient
  if (message.sender === null && event !== 'failed') return false
  const wishes = extensions.flatMap(({ report }) => report?.wants?.(recipient, message) ?? [])
  if (wishes.includes('never')) return false
  const strongest = Math.max(...wishes.map((wish) => STRENGTH.indexOf(wish)))
  return wishes.length === 0 ? event === 'failed' || event === 'delayed' : strongest > 0
}
