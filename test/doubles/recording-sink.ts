import { formatPath } from '../../src/mail/address.ts'
import type { Recipient } from '../../src/mail/envelope.ts'
import { type Reply, refuse, reply } from '../../src/mail/reply.ts'
import type { ServerOutcome } from '../../src/smtp/extension.ts'
import type { IncomingEnd, Sink } from '../../src/smtp/sink.ts'
import type { MemoryPartials } from '../../src/spool/memory-partials.ts'

export interface Recorded {
  readonly kind: string
  readonly sender: string
  readonly recipients: readonly string[]
  readonly body: string
  readonly end: IncomingEnd
}

/** With its own reverse-path behind it, if it has one. */
const shown = ({ address, sender }: Recipient): string =>
  sender === undefined ? formatPath(address) : `${formatPath(address)}(of ${formatPath(sender)})`

/** A sink that keeps what it was given. `nobody` is unknown at RCPT; `full` and `broken` are refused at the end. `partials`: where it completes them. `reports`: it would tell the sender who was refused. */
export const recordingSink = (
  partials?: MemoryPartials,
  reports = false,
): Sink & { readonly mail_: Recorded[]; readonly aborted: number } => {
  const mail: Recorded[] = []
  let aborted = 0
  const atEnd = (local: string): Reply => {
    if (local === 'full') return reply(452, '4.2.2', 'Mailbox full')
    if (local === 'broken') return reply(550, '5.2.0', 'Mailbox broken')
    return reply(250, '2.6.0', 'Taken')
  }
  return {
    mail_: mail,
    get aborted() {
      return aborted
    },
    rcpt({ address }) {
      if (address.local === 'nobody') refuse(550, '5.1.1', 'No such mailbox')
    },
    open({ kind, sender, recipients }) {
      const chunks: Uint8Array[] = []
      return {
        ...(reports ? { reportsRefused: true } : {}),
        write(chunk) {
          chunks.push(Uint8Array.from(chunk))
        },
        async *conclude(end): AsyncGenerator<ServerOutcome, void> {
          if (end.completes) partials?.complete(`ID${mail.length + 1}`, end.completes)
          mail.push({
            kind,
            sender: formatPath(sender),
            recipients: end.recipients.map(shown),
            body: Buffer.concat(chunks).toString('latin1'),
            end,
          })
          for (const [index, { address }] of recipients.entries()) {
            if (!end.refused.has(index)) yield { index, reply: atEnd(address.local) }
          }
        },
        async abort() {
          aborted += 1
        },
      }
    },
  }
}
