import { reply } from '../mail/reply.ts'
import type { Extension } from '../smtp/extension.ts'

// SMTP leaves it open whether this is 503 or 554 (RFC 5321 4.1.1.4); LMTP does not (RFC 2033 4.2).
const NOBODY = reply(503, '5.5.1', 'No valid recipients')

/** LMTP, RFC 2033: SMTP without a queue behind it. It greets with LHLO and answers the body once per recipient. */
export const lmtp = (): Extension => ({
  keyword: 'LMTP',
  rfc: [2033],
  silent: true,
  server: {
    greetsWith: 'LHLO',
    onVerb: (verb, _args, { transaction }) =>
      verb === 'DATA' && transaction?.recipients.length === 0 ? { reply: NOBODY } : undefined,
    closingReplies: { applies: () => true },
    traceMark: () => ({ base: 'LMTP' }),
  },
  client: {
    greetsWith: 'LHLO',
    offered({ hop }) {
      hop.closingReplyPerRecipient = true
      hop.isStore = true
    },
  },
})
