import type { Resolver } from '../addressing/resolve.ts'
import { ours } from '../mail/diagnosis.ts'
import type { Recipient } from '../mail/envelope.ts'
import { reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { ServerOutcome, Session, Transaction } from '../smtp/extension.ts'
import type { Incoming, IncomingEnd, Sink } from '../smtp/sink.ts'
import type { Draft, Lane, Origin, Spool } from '../spool/spool.ts'
import { admit } from './admission.ts'
import { type Deposit, type DepositOptions, deposit, orRefuse } from './deposit.ts'

export interface IntakeOptions extends DepositOptions {
  readonly listener: string
  readonly spool: Pick<Spool, 'open'>
  readonly resolver: Resolver
  /** Whether a client may send to domains that are not ours. */
  readonly mayRelay: (session: Session) => boolean
  /** Who sends here is a user of ours (RFC 6409), or has proved to be one. Absent: only the latter. */
  readonly submission?: boolean
  readonly clock: Clock
}

/** The door of the spool: mail that SMTP brings is kept before it is answered with 250. */
export const intake = (options: IntakeOptions): Sink => {
  const lanes = new WeakMap<Recipient, Lane>()
  return {
    async rcpt(recipient, _transaction, session) {
      const found = await admit(recipient.address, options.resolver, options.mayRelay(session), options.log)
      lanes.set(recipient, found.lane)
    },
    open: (transaction, session) => new Arrival(transaction, session, options, lanes),
  }
}

/** One message on its way into the spool. */
class Arrival implements Incoming {
  readonly reportsRefused = true
  readonly #transaction: Transaction
  readonly #session: Session
  readonly #options: IntakeOptions
  readonly #lanes: WeakMap<Recipient, Lane>
  readonly #draft: Draft

  constructor(transaction: Transaction, session: Session, options: IntakeOptions, lanes: WeakMap<Recipient, Lane>) {
    this.#transaction = transaction
    this.#session = session
    this.#options = options
    this.#lanes = lanes
    this.#draft = options.spool.open()
  }

  write(chunk: Uint8Array): Promise<void> | void {
    const wait = this.#draft.write(chunk)
    return wait && orRefuse(() => wait)
  }

  async *conclude(end: IncomingEnd): AsyncIterable<ServerOutcome> {
    const { kind, sender, recipients } = this.#transaction
    const lanes = recipients.map((recipient) => this.#lanes.get(recipient) ?? null)
    const taken = [...end.recipients.entries()].filter(([index]) => !end.refused.has(index))
    // The queue makes the report: it is as safe as the mail.
    const kept = [...end.recipients.entries()].flatMap(([index, recipient]): Deposit['recipients'] => {
      const why = end.refused.get(index)
      if (why && !end.unsaid) return []
      return [{ ...recipient, lane: lanes[index] ?? null, ...(why ? { last: ours(why, end.at) } : {}) }]
    })
    await deposit(
      this.#draft,
      {
        ...end,
        sender,
        recipients: kept,
        extended: this.#session.greeting?.extended ?? false,
        accepted: end.at,
        origin: originOf(this.#session, this.#options, kind),
      },
      this.#options,
    )
    const queued = reply(250, '2.6.0', `Ok: queued as ${this.#draft.id}`)
    for (const [index] of taken) yield { index, reply: queued }
  }

  abort(): Promise<void> {
    return this.#draft.abort()
  }
}

/** How a session's mail came to us. */
export const originOf = (
  session: Session,
  { listener, submission }: Pick<IntakeOptions, 'listener' | 'submission'>,
  kind: string,
): Omit<Origin, 'protocol'> => ({
  listener,
  peer: session.peer,
  helo: session.greeting?.name ?? '',
  kind,
  ...(session.identity === undefined ? {} : { identity: session.identity }),
  ...(session.channel.secured ? { secured: session.channel.secured.cipher } : {}),
  ...(submission || session.identity !== undefined ? { submitted: true } : {}),
})
