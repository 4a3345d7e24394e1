import type { Mailbox } from '../directors/director.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { type Reply, reply } from '../mail/reply.ts'
import { type Header, readHeader } from '../mime/fields.ts'
import { deliveredTo, returnPath, wasDeliveredTo } from '../mime/trace.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Convert, Scope } from '../smtp/relay-mail.ts'
import type { SpooledMessage, SpooledRecipient } from '../spool/spool.ts'
import { failureOf } from './local-errors.ts'
import { quotas, type Used } from './local-quota.ts'
import { asText } from './local-text.ts'
import type { Outcome, Transport } from './transport.ts'

export interface LocalOptions {
  readonly name: string
  /** As whom this program runs. */
  readonly runningAs: { readonly uid: number; readonly gid: number }
  readonly clock: Clock
  readonly log: Log
  /** Absent: mail that is binary is refused (5.6.3). */
  readonly convert?: Convert
  /** Absent: everybody takes any content. */
  readonly fit?: Fit
}

/** The message as this recipient takes it, the same one if as it is. A Reply: why there is no such form. */
export type Fit = (
  message: SpooledMessage,
  recipient: Pick<SpooledRecipient, 'address'>,
  scope: Scope,
) => Promise<SpooledMessage | Reply>

/**
 * Puts one copy of a message into a mailbox: durable when it resolves, and nothing of it to be seen when it rejects.
 * Rejects with the signal's reason soon after it is aborted, with errors of the file system, or `Misconfigured`.
 */
export type Deposit = (mailbox: Mailbox, mail: LocalMail, signal: AbortSignal) => Promise<void>

export interface LocalMail {
  readonly message: Pick<SpooledMessage, 'id' | 'sender'>
  /** With CRLF where a line ends, and neither CR nor LF anywhere else; without NUL. Replayable. */
  content(): AsyncIterable<Uint8Array>
  /** The lines that final delivery puts on top of the message, with LF: Return-Path (RFC 5321 4.4) and Delivered-To. */
  readonly top: string
}

const DELIVERED = reply(250, '2.0.0', 'Delivered')
const LOOP = reply(554, '5.4.6', 'This mailbox has had this message: a forwarding loop')
const INTERRUPTED = reply(451, '4.3.2', 'The delivery was interrupted')

/** Until there is delivery as the user: whoever we are must be whose mailbox it is, and root writes into nobody's. */
const refuseOtherUsers = ({ user, uid, gid }: Mailbox, own: LocalOptions['runningAs']): void => {
  if (uid === undefined && gid === undefined) return
  if (own.uid === 0) throw new Misconfigured(`Smail runs as root, and would write into the mailbox of ${user} as root`)
  if ((uid !== undefined && uid !== own.uid) || (gid !== undefined && gid !== own.gid)) {
    throw new Misconfigured(
      `the mailbox belongs to ${user} (uid ${uid ?? '?'}, gid ${gid ?? '?'}), and Smail runs as uid ${own.uid}, gid ${own.gid}`,
    )
  }
}

/** A list's owner stands as the sender of what its members get. */
const top = (message: SpooledMessage, { address, sender = message.sender }: SpooledRecipient): string =>
  (returnPath(sender) + deliveredTo(address)).replaceAll('\r\n', '\n')

const MOST_HEADER = 512 * 1024

/** The header of the message with our trace field on top, as far as it can be that long. */
const headerOf = async (message: SpooledMessage): Promise<Header> => {
  const most = Math.min(MOST_HEADER, message.facts.headerOctets + message.octets - message.facts.octets)
  const chunks: Uint8Array[] = []
  let octets = 0
  for await (const chunk of message.content()) {
    chunks.push(chunk)
    octets += chunk.length
    if (octets >= most) break
  }
  return readHeader(Buffer.concat(chunks).subarray(0, most))
}

/** A transport out of a way to put one copy into a mailbox: each recipient gets a copy, one after the other. */
export const localTransport = (
  options: LocalOptions,
  perDestination: number,
  deposit: Deposit,
  used: Used,
): Transport => {
  const { name, runningAs, clock, log } = options
  const quota = quotas(used, clock)
  const said = (answer: Reply): Diagnosis => ({ ...answer, by: 'local', at: clock.now() })

  const attempt = async (
    mailbox: Mailbox,
    message: SpooledMessage,
    text: () => ReturnType<typeof asText>,
    recipient: SpooledRecipient,
    signal: AbortSignal,
  ): Promise<Omit<Outcome, 'of'>> => {
    try {
      signal.throwIfAborted()
      if (wasDeliveredTo(await headerOf(message), recipient.address)) return { diagnosis: said(LOOP) }
      const made = await text()
      if ('code' in made) return { diagnosis: said(made) }
      const mail = { message, content: () => made.content(), top: top(message, recipient) }
      const full = await quota.within(mailbox, message.octets, () => deposit(mailbox, mail, signal))
      if (full) return { diagnosis: said(full) }
      const converted = made === message ? {} : { converted: true as const }
      return { diagnosis: said(DELIVERED), event: 'delivered', ...converted }
    } catch (error) {
      if (signal.aborted && error === signal.reason) return { diagnosis: said(INTERRUPTED) }
      const failure = failureOf(error)
      if (failure === undefined) throw error
      const why = error instanceof Error ? error.message : String(error)
      log.event('warn', 'local-delivery-failed', { id: message.id, transport: name, user: mailbox.user, why })
      const diagnosis = said(failure.reply)
      return failure.down ? { diagnosis, destinationDown: true } : { diagnosis }
    }
  }

  return {
    name,
    limits: { perDestination, recipientsPerDelivery: 100 },
    async deliver({ message, recipients, to }, signal, settled) {
      if (to.to !== 'mailbox') throw new Misconfigured(`the transport ${name} delivers into mailboxes, not to hosts`)
      refuseOtherUsers(to.mailbox, runningAs)
      await using scope = new AsyncDisposableStack()
      let text: ReturnType<typeof asText> | undefined
      for (const recipient of recipients) {
        const made = async () => {
          const theirs = options.fit ? await options.fit(message, recipient, scope) : message
          if ('code' in theirs) return theirs
          return theirs === message
            ? (text ??= asText(message, options, signal, scope))
            : asText(theirs, options, signal, scope)
        }
        settled({ of: recipient.key, ...(await attempt(to.mailbox, message, made, recipient, signal)) })
      }
    },
    refuses: quota.refuses,
    async close() {},
  }
}
