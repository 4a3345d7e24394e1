import { formatPath } from '../mail/address.ts'
import type { ReversePath } from '../mail/envelope.ts'
import type { Extension, OutboundRecipient, Remedy } from './extension.ts'
import { forSome, type RelayMail } from './relay-mail.ts'
import { concerns } from './relay-params.ts'

/** The mail in parts, each for the recipients of one reverse-path, which is the envelope's there. */
export const bySender = (
  mail: RelayMail,
  remedies: readonly Remedy[],
  used: ReadonlySet<Extension>,
): readonly RelayMail[] => {
  const together = [...used].some((extension) => extension.client?.makesSenders && concerns(extension, mail))
  const others = remedies.flatMap((one) => (one.do === 'sendAs' ? [one] : []))
  if (others.length === 0 && (together || mail.recipients.every(({ sender }) => sender === undefined))) return [mail]
  const groups = new Map<string, { readonly sender: ReversePath; readonly recipients: OutboundRecipient[] }>()
  for (const recipient of mail.recipients) {
    const own = together || recipient.sender === undefined ? mail.envelope.sender : recipient.sender
    const theirs = others.filter(({ of }) => of.includes(recipient.key)).map(({ sender }) => sender)
    const sender = theirs.includes(null) ? null : theirs.reduce((_, next) => next, own)
    const group = groups.get(formatPath(sender)) ?? { sender, recipients: [] }
    group.recipients.push(recipient)
    groups.set(formatPath(sender), group)
  }
  return [...groups.values()].map(({ sender, recipients }) => {
    const part = forSome(mail, recipients)
    return { ...part, envelope: { ...part.envelope, sender }, content: () => mail.content() }
  })
}
