import { type Address, addressKey, formatAddress, isAscii, tryAddress } from '../mail/address.ts'
import { addressesIn } from '../mail/address-list.ts'
import type { ParamBag } from '../mail/envelope.ts'
import { refuse, reply } from '../mail/reply.ts'
import { type Field, type Header, unfold } from '../mime/fields.ts'
import type { Extension, Param, Session } from '../smtp/extension.ts'
import { get, toXtext, xtext } from '../smtp/param.ts'

/** Octets of an xtext mailbox at most: each of 320 may be written as three (RFC 4405 has no limit of its own). */
const TEXT = xtext('SUBMITTER', 960)

const SUBMITTER: Param<Address> = {
  ...TEXT,
  read: (text) => mailbox(TEXT.read(text)) ?? refuse(501, '5.5.4', 'Malformed SUBMITTER parameter'),
}

const mailbox = (text: string): Address | undefined => tryAddress(text, false)

/** Whether a client may send mail for which this submitter is responsible, as far as can be told now. */
export type MaySubmit = (submitter: Address, session: Session) => Promise<'yes' | 'no' | 'unknown'>

/**
 * SUBMITTER, RFC 4405 (historic): who is responsible for sending the mail, as its header says, is told before the mail is.
 * Neither the reverse-path nor where replies go is touched. `maySubmit` absent: nobody is tested, but header and parameter
 * must still agree.
 */
export const submitter = (maySubmit?: MaySubmit): Extension => ({
  keyword: 'SUBMITTER',
  rfc: [4405, 4407],
  words: { relay: 'told to hops that ask for it, as the header has it' },
  params: { MAIL: [SUBMITTER] },
  server: {
    async onMail(_sender, params, session) {
      const named = get(params, SUBMITTER)
      if (named === undefined || maySubmit === undefined) return
      const may = await maySubmit(named, session)
      if (may === 'no') refuse(550, '5.7.1', 'Submitter not allowed.')
      // RFC 4406 section 5.4.
      if (may === 'unknown') refuse(450, '4.4.3', 'Sender ID check is temporarily unavailable')
    },
    atEnd({ header }, { params }) {
      const named = get(params, SUBMITTER)
      if (named === undefined) return undefined
      const found = responsible(header)
      if (found === undefined) return { reply: reply(554, '5.7.7', 'Cannot verify submitter address.') }
      return addressKey(found) === addressKey(named)
        ? undefined
        : { reply: reply(550, '5.7.1', 'Submitter does not match header.') }
    },
  },
  // Not for mail that has no parameter: whoever speaks the extension names somebody for all of it (RFC 4405 section 4.1).
  queue: {
    fromHeader: (envelope, header) => ({ ...envelope, params: naming(envelope.params, responsible(header)) }),
  },
  client: {},
})

const naming = ({ SUBMITTER: _said, ...others }: ParamBag, found: Address | undefined): ParamBag => {
  const text = found && formatAddress(found)
  return text === undefined || !isAscii(text) ? others : { ...others, SUBMITTER: toXtext(text) }
}

/** The purported responsible address (RFC 4407 section 2); undefined where the header has none, or more than one. */
const responsible = (header: Header): Address | undefined => {
  const field = responsibleField(header.fields.filter(({ value }) => /[^ \t\r\n]/.test(value)))
  const [only, ...more] = field === undefined ? [] : addressesIn(unfold(field.value))
  return only === undefined || more.length > 0 || !only.includes('@') ? undefined : mailbox(only)
}

const responsibleField = (fields: readonly Field[]): Field | undefined => {
  const placed = (...names: readonly string[]) =>
    fields.flatMap((field, at) => (names.includes(field.name.toLowerCase()) ? [{ field, at }] : []))
  const [resentSender] = placed('resent-sender')
  const [resentFrom] = placed('resent-from')
  // A trace field between the two: they are of different blocks, and the upper one is the latest.
  const divided =
    resentSender !== undefined &&
    resentFrom !== undefined &&
    placed('received', 'return-path').some(({ at }) => at > resentFrom.at && at < resentSender.at)
  if (resentSender !== undefined && !divided) return resentSender.field
  if (resentFrom !== undefined) return resentFrom.field
  const [sender, ...senders] = placed('sender')
  if (sender !== undefined) return senders.length === 0 ? sender.field : undefined
  const [from, ...others] = placed('from')
  return others.length === 0 ? from?.field : undefined
}
