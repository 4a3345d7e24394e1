import { type Reply, reply } from '../mail/reply.ts'
import type { Extension, ServerOutcome } from '../smtp/extension.ts'
import { flag, get } from '../smtp/param.ts'

const PRDR = flag('PRDR', { endsHere: true })

const BEGINS = reply(353, '', 'One reply for each recipient follows, then one for the message')

/** What is said last: the mail is taken unless nobody has it, and then it may be sent again if that may help anyone. */
const verdict = (outcomes: readonly ServerOutcome[]): Reply => {
  const taken = outcomes.filter((one) => one.reply.code < 300).length
  if (taken > 0) return reply(250, '2.6.0', `Taken for ${taken} of ${outcomes.length} recipients`)
  const passing = outcomes.some((one) => one.reply.code < 500)
  return passing ? reply(451, '4.6.0', 'Taken for nobody; try again') : reply(550, '5.6.0', 'Refused for all')
}

/**
 * PRDR, draft-hall-prdr-00: what becomes of a body is told recipient by recipient, where there are several. It is no
 * registered keyword, so it is offered only where somebody wants it.
 */
export const prdr = (): Extension => ({
  keyword: 'PRDR',
  rfc: [],
  words: { relay: 'asked for where it is offered, with several recipients; else one reply is for all' },
  params: { MAIL: [PRDR] },
  server: {
    closingReplies: {
      applies: ({ params, recipients }) => get(params, PRDR) === true && recipients.length > 1,
      before: () => BEGINS,
      after: verdict,
    },
  },
  client: {
    adds: ({ envelope }) => (envelope.recipients.length > 1 ? { PRDR: true } : {}),
    onReply: (verb, { code }) =>
      verb === 'body' && code === 353 ? { closingReplies: 'perRecipientAndOne' } : undefined,
  },
})
