import type { Resolver } from '../addressing/resolve.ts'
import type { Recipient } from '../mail/envelope.ts'
import { reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { Session, Transaction } from '../smtp/extension.ts'
import type { Incoming, IncomingEnd, Sink } from '../smtp/sink.ts'
import type { Lane, Origin, Spool } from '../spool/spool.ts'
import { admit } from './admission.ts'
import { type DepositOptions, deposit, orRefuse } from './deposit.ts'

export interface IntakeOptions extends DepositOptions {
  readonly listener: string
  readonly spool: Pick<Spool, 'open'>
  readonly resolver: Resolver
  /** Whether a client may send to domains that are not ours. */
  readonly mayRelay: (session: Session) => boolean
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
    open: (transaction, session) =>
      incoming(transaction, session, options, (recipient) => lanes.get(recipient) ?? null),
  }
}

const incoming = (
  transaction: Transaction,
  session: Session,
  options: IntakeOptions,
  laneOf: (recipient: Recipient) => Lane,
): Incoming => {
  const draft = options.spool.open()
  return {
    write: (chunk) => {
      const wait = draft.write(chunk)
      return wait && orRefuse(() => wait)
    },
    async *conclude(end: IncomingEnd) {
      const taken = [...transaction.recipients.entries()].filter(([index]) => !end.refused.has(index))
      await deposit(
        draft,
        {
          ...end,
          sender: transaction.sender,
          recipients: taken.map(([, recipient]) => ({ ...recipient, lane: laneOf(recipient) })),
          extended: session.greeting?.extended ?? false,
          accepted: options.clock.now(),
          origin: originOf(session, options.listener, transaction.kind),
        },
        options,
      )
      const queued = reply(250, '2.6.0', `Ok: queued as ${draft.id}`)
      for (const [index] of taken) yield { index, reply: queued }
    },
    abort: () => draft.abort(),
  }
}

/** How a session's mail came to us. */
export const originOf = (session: Session, listener: string, kind: string): Omit<Origin, 'protocol'> => ({
  listener,
  peer: session.peer,
  helo: session.greeting?.name ?? '',
  kind,
  ...(session.identity === undefined ? {} : { identity: session.identity }),
  ...(session.channel.secured ? { secured: session.channel.secured.cipher } : {}),
})
