import type { Reply } from '../mail/reply.ts'
import type { ClientWire } from './client-wire.ts'
import type { OutboundRecipient, ReplyMeaning } from './extension.ts'
import { BadReply } from './reply-reader.ts'

export interface Closing {
  readonly wire: ClientWire
  /** In RCPT order. */
  readonly accepted: readonly OutboundRecipient[]
  /** The hop answers once for each of them (RFC 2033 4.2). */
  readonly perRecipient: boolean
  /** What was said already. */
  readonly said?: Reply | undefined
  meaning(answer: Reply): ReplyMeaning | undefined
  conclude(recipient: OutboundRecipient, answer: Reply): void
}

/** Reads what is said after a body, and concludes each recipient as its reply comes. `apart`: they are to be sent one by one. */
export const readClosing = async (closing: Closing): Promise<'apart' | undefined> => {
  const conclude = (recipient: OutboundRecipient, answer: Reply) => closing.conclude(recipient, answer)
  if (closing.perRecipient) return each(closing, conclude)
  const answer = closing.said ?? (await next(closing))
  const rest = { ...closing, said: undefined }
  const meaning = closing.meaning(answer)
  if (meaning && 'closingReplies' in meaning) {
    return meaning.closingReplies === 'perRecipient' ? each(rest, conclude) : eachAndOne(rest)
  }
  demandFinal(answer)
  if (answer.code >= 400 && meaning && 'split' in meaning && closing.accepted.length > 1) return 'apart'
  for (const recipient of closing.accepted) conclude(recipient, answer)
  return undefined
}

const next = ({ wire }: Closing): Promise<Reply> => wire.reply(wire.timeouts.end)

const demandFinal = (answer: Reply): Reply => {
  if (answer.code >= 300 && answer.code < 400) throw new BadReply(`${answer.code} in answer to the body`)
  return answer
}

const each = async (
  closing: Closing,
  take: (recipient: OutboundRecipient, answer: Reply) => void,
): Promise<undefined> => {
  let { said } = closing
  for (const recipient of closing.accepted) {
    take(recipient, demandFinal(said ?? (await next(closing))))
    said = undefined
  }
}

/** Only the last reply makes the others true: when it refuses the mail, it does so for all that were not refused before. */
const eachAndOne = async (closing: Closing): Promise<undefined> => {
  const answers: [OutboundRecipient, Reply][] = []
  await each(closing, (recipient, answer) => answers.push([recipient, answer]))
  const last = demandFinal(await next(closing))
  for (const [recipient, own] of answers) {
    closing.conclude(recipient, own.code >= 400 || last.code < 400 ? own : last)
  }
}
