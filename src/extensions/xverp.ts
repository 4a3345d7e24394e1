import { type Address, asciiAddress, formatPath } from '../mail/address.ts'
import type { ReversePath } from '../mail/envelope.ts'
import { refuse } from '../mail/reply.ts'
import type { Extension, Hop, Param, Session } from '../smtp/extension.ts'
import { get } from '../smtp/param.ts'

export interface XverpSettings {
  /** The two characters that a client gets who names none: before a recipient's local part, and in place of its `@`. */
  readonly delimiters: string
  /** Hops that offer it make the senders themselves. */
  readonly pass: boolean
}

/** Two of the same could stand in a name as they stand around it, and nobody could tell where the recipient begins. */
const DELIMITERS = /^([-+=])(?!\1)[-+=]$/

/** RFC 5321 4.5.3.1.1 and 4.5.3.1.3: everybody takes so many octets of a local part and of a path. */
const LOCAL = 64
const PATH = 256

/**
 * `owner-list+user=domain@host`, from which a report's address tells about whom it is. Undefined where it would be longer
 * than a path may be: mail under the list's own sender arrives, and mail that is refused does not.
 */
const senderFor = (recipient: Address, sender: Address, delimiters: string): Address | undefined => {
  // A sender that is ASCII stays so wherever it can.
  const { local, domain } = asciiAddress(recipient) ?? recipient
  if (domain === '') return undefined
  const own = { ...sender, local: `${sender.local}${delimiters[0]}${local}${delimiters[1]}${domain}` }
  return Buffer.byteLength(own.local) <= LOCAL && Buffer.byteLength(formatPath(own)) <= PATH ? own : undefined
}

/** What Courier has under that name, `XVERP=Courier`, has other parameters. */
const isPostfix = ({ offers }: Hop): boolean => offers.get('XVERP')?.length === 0

/**
 * XVERP, of Postfix: each recipient is sent to under a sender of its own, so that what comes back tells who did not get the
 * mail. It is no registered keyword, so it is offered only where somebody wants it, and `allow` says to whom; without
 * `allow` it is there for the mail of others.
 */
export const xverp = ({ delimiters, pass }: XverpSettings, allow?: (session: Session) => boolean): Extension => {
  const XVERP: Param<string> = {
    name: 'XVERP',
    // Hops that make no senders get mail that has them.
    endsHere: true,
    maxOctets: 9,
    read: (text) =>
      text === true
        ? delimiters
        : DELIMITERS.test(text)
          ? text
          : refuse(501, '5.5.4', 'XVERP takes two different characters of "+", "-" and "="'),
  }
  return {
    keyword: 'XVERP',
    rfc: [],
    words: {
      relay: pass
        ? 'hops that offer it make the senders; others get each recipient in a transaction of its own'
        : 'each recipient in a transaction of its own, with its own sender',
      offered: 'to clients that it allows',
    },
    params: { MAIL: [XVERP] },
    ...(allow ? { server: { offer: (session) => (allow(session) ? [] : undefined) } } : {}),
    client: pass
      ? {
          makesSenders: isPostfix,
          // In full: the hop may have others by default. There is nothing to be made of the empty path.
          adds({ envelope: { sender, params } }, hop) {
            const wished = sender === null || !isPostfix(hop) ? undefined : get(params, XVERP)
            return wished === undefined ? {} : { XVERP: wished }
          },
        }
      : {},
    queue: {
      sender({ address }, { sender, params }): ReversePath | undefined {
        const wished = get(params, XVERP)
        return wished === undefined || sender === null ? undefined : senderFor(address, sender, wished)
      },
      // Whoever an alias stands for has the alias's sender already, and a list has its own.
      expand(params, of) {
        if (of === 'recipient') return params
        const { XVERP: _, ...rest } = params
        return rest
      },
    },
  }
}
