import type { Resolution, Resolver } from '../addressing/resolve.ts'
import { formatPath } from '../mail/address.ts'
import type { Recipient } from '../mail/envelope.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { type Reply, refuse, reply } from '../mail/reply.ts'
import { separator } from '../mime/fields.ts'
import { protocol, received } from '../mime/trace.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { ServerOutcome, Session, Transaction } from '../smtp/extension.ts'
import type { Incoming, IncomingEnd, Sink } from '../smtp/sink.ts'
import type { Draft, Spool, SpooledMessage, SpooledRecipient } from '../spool/spool.ts'
import type { Transport } from '../transports/transport.ts'
import { admit } from './admission.ts'
import { fieldsOf, orRefuse } from './deposit.ts'
import { originOf } from './intake.ts'

export interface ImmediateOptions {
  readonly listener: string
  readonly hostname: string
  /** Only a place to hold bodies; nothing is committed to it. */
  readonly spool: Pick<Spool, 'open'>
  readonly resolver: Resolver
  readonly transports: ReadonlyMap<string, Transport>
  readonly clock: Clock
  readonly log: Log
  /** Aborted when deliveries have to end. */
  readonly signal: AbortSignal
}

type ToMailbox = Extract<Resolution, { to: 'mailbox' }>

/**
 * Delivers into mailboxes before it answers, as LMTP wants it: no queue stands behind the reply, which is each recipient's
 * own outcome (RFC 2033 section 4.2). Addresses that are no mailbox here are refused at RCPT.
 */
export const immediate = (options: ImmediateOptions): Sink => {
  const mailboxes = new WeakMap<Recipient, ToMailbox>()
  return {
    async rcpt(recipient) {
      const found = await admit(recipient.address, options.resolver, false, options.log)
      if (found.to !== 'mailbox') return refuse(550, '5.1.1', `Not a mailbox of ${options.hostname}`)
      mailboxes.set(recipient, found)
    },
    open: (transaction, session) => delivering(transaction, session, options, mailboxes),
  }
}

const delivering = (
  transaction: Transaction,
  session: Session,
  options: ImmediateOptions,
  mailboxes: WeakMap<Recipient, ToMailbox>,
): Incoming => {
  const draft = options.spool.open()
  return {
    write(chunk) {
      const wait = draft.write(chunk)
      return wait && orRefuse(() => wait)
    },
    async *conclude(end) {
      const message = messageOf(draft, transaction, end, session, options)
      const { recipients } = transaction
      options.log.event('info', 'received', fieldsOf(draft.id, { ...message, recipients, header: end.header }))
      const outcomes = transaction.recipients.flatMap((recipient, index) => {
        const to = mailboxes.get(recipient)
        return to && !end.refused.has(index) ? [deliver(message, recipient, index, to, options)] : []
      })
      try {
        for (const outcome of outcomes) yield await outcome
      } finally {
        await Promise.all(outcomes)
        await draft.abort()
      }
    },
    abort: () => draft.abort(),
  }
}

const messageOf = (
  draft: Draft,
  transaction: Transaction,
  end: IncomingEnd,
  session: Session,
  options: ImmediateOptions,
): SpooledMessage => {
  const accepted = end.at
  const origin = originOf(session, options, transaction.kind)
  const extended = session.greeting?.extended ?? false
  const trace = Buffer.from(
    received({
      helo: origin.helo,
      peer: origin.peer,
      hostname: options.hostname,
      extended,
      marks: end.marks,
      utf8: end.facts.rawHeaders?.utf8 === true,
      id: draft.id,
      recipients: transaction.recipients.map(({ address }) => address),
      at: accepted,
    }) + separator(end.header),
  )
  return {
    id: draft.id,
    sender: transaction.sender,
    params: end.params,
    facts: end.facts,
    origin: { ...origin, protocol: protocol(end.marks, extended) },
    schedule: end.schedule,
    accepted,
    octets: trace.length + end.facts.octets,
    async *content() {
      yield trace
      yield* draft.body()
    },
  }
}

/** Never rejects: whatever goes wrong is this recipient's outcome. */
const deliver = async (
  message: SpooledMessage,
  recipient: Recipient,
  index: number,
  to: ToMailbox,
  options: ImmediateOptions,
): Promise<ServerOutcome> => {
  const said = (answer: Reply): ServerOutcome => {
    options.log.event('info', answer.code < 400 ? 'delivered' : 'refused', {
      id: message.id,
      to: formatPath(recipient.address),
      lane: to.lane ?? undefined,
      reply: `${answer.code} ${answer.status} ${answer.lines[0]}`,
      ms: options.clock.now() - message.accepted,
    })
    return { index, reply: answer }
  }
  const transport = options.transports.get(to.transport)
  if (transport === undefined) return said(reply(451, '4.3.5', 'This mailbox has no transport just now'))
  let outcome: Reply = reply(451, '4.3.0', 'The delivery had no outcome; try again')
  try {
    await transport.deliver({ message, recipients: [asSpooled(recipient, index)], to }, options.signal, (settled) => {
      const { code, status, lines } = settled.diagnosis
      const [first = 'Delivered', ...more] = lines
      outcome = reply(code, status, first, ...more)
    })
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    options.log.event('error', 'delivery-fault', { id: message.id, transport: transport.name, stack })
    if (error instanceof Misconfigured) outcome = reply(451, '4.3.5', 'A fault in the configuration; try again later')
  }
  return said(outcome)
}

const asSpooled = (recipient: Recipient, key: number): SpooledRecipient => ({
  ...recipient,
  key,
  ancestors: [],
  attempts: 0,
  lane: null,
  reported: [],
  fate: { is: 'waiting', due: 0 },
})
