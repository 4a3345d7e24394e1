import type { Extension } from '../smtp/extension.ts'

/** LMTP, RFC 2033: SMTP without a queue behind it. It greets with LHLO and answers the body once per recipient. */
export const lmtp = (): Extension => ({
  keyword: 'LMTP',
  rfc: [2033],
  silent: true,
  server: {
    greetsWith: 'LHLO',
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
