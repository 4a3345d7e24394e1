import { formatPath } from '../mail/address.ts'
import type { ReversePath } from '../mail/envelope.ts'
import type { Extension, Hop, OutboundRecipient, Remedy } from './extension.ts'
import { forSome, type RelayMail } from './relay-mail.ts'
import { concerns } from './relay-params.ts'

/** What goes under one reverse-path, which is the envelope's there. */
export interface Part {
  readonly mail: RelayMail
  /** The same in parts under the paths that its recipients have, where a remedy gave them another. */
  readonly otherwise?: readonly RelayMail[]
}

/** The mail in parts, each for the recipients of one reverse-path. */
export const bySender = (
  mail: RelayMail,
  remedies: readonly Remedy[],
  hop: Hop,
  used: ReadonlySet<Extension>,
): readonly Part[] => {
  const together = [...used].some((extension) => extension.client?.makesSenders?.(hop) && concerns(extension, mail))
  const own = ({ sender }: OutboundRecipient): ReversePath =>
    together || sender === undefined ? mail.envelope.sender : sender
  const others = remedies.flatMap((one) => (one.do === 'sendAs' ? [{ ...one, of: new Set(one.of) }] : []))
  if (others.length === 0 || remedies.some((one) => one.do === 'keepSenders'))
    return grouped(mail, own).map((part) => ({ mail: part }))
  const given = (recipient: OutboundRecipient): ReversePath => {
    const theirs = others.filter(({ of }) => of.has(recipient.key)).map(({ sender }) => sender)
    return theirs.includes(null) ? null : theirs.reduce((_, next) => next, own(recipient))
  }
  return grouped(mail, given).map((part) => {
    const isOwn = part.recipients.every((one) => formatPath(own(one)) === formatPath(part.envelope.sender))
    return isOwn ? { mail: part } : { mail: part, otherwise: grouped(part, own) }
  })
}

const grouped = (mail: RelayMail, senderOf: (recipient: OutboundRecipient) => ReversePath): readonly RelayMail[] => {
  const groups = new Map<string, { readonly sender: ReversePath; readonly recipients: OutboundRecipient[] }>()
  for (const recipient of mail.recipients) {
    const sender = senderOf(recipient)
    const group = groups.get(formatPath(sender)) ?? { sender, recipients: [] }
    group.recipients.push(recipient)
    groups.set(formatPath(sender), group)
  }
  return [...groups.values()].map(({ sender, recipients }) => {
    const part = forSome(mail, recipients)
    return { ...part, envelope: { ...part.envelope, sender }, content: () => mail.content() }
  })
}
