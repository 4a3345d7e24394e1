import { Refusal, type Reply, reply } from '../mail/reply.ts'
import type { Body, BodyConclusion, OpenTransaction } from './body.ts'
import type { ClosingReplies, Extension, ServerOutcome } from './extension.ts'
import { forQueue } from './queueing.ts'
import type { ServerSession } from './session.ts'
import type { Incoming, IncomingEnd } from './sink.ts'

/** The replies that end a body, as they come: one for all, or one for each recipient where an extension says so. */
export async function* concludeBody(
  transaction: OpenTransaction,
  body: Body,
  session: ServerSession,
  extensions: readonly Extension[],
): AsyncGenerator<Reply, void> {
  const closing = extensions.find(({ server }) => server?.closingReplies?.applies(transaction))?.server?.closingReplies
  if (closing) yield* oneForEach(transaction, body, session, closing)
  else yield await oneForAll(transaction, body, session)
}

/** The worst is said: a message sent again is better than one lost. */
const oneForAll = async (transaction: OpenTransaction, body: Body, session: ServerSession): Promise<Reply> => {
  const told: Reply[] = []
  try {
    const { incoming, end } = await body.finish()
    const why = refusalOfAll(end.refused, transaction, incoming)
    if (why) throw new Refusal(why)
    const mail = completed(end, transaction, session)
    const whole: IncomingEnd = end.refused.size > 0 ? { ...mail, unsaid: true } : mail
    for await (const { reply: one } of incoming.conclude(whole)) told.push(end.says(one))
  } catch (error) {
    const answer = await givenUp(error, body, session)
    if (told.length === 0 || told.length < transaction.recipients.length) told.push(answer)
  }
  const worst = (low: number, high: number) => told.find(({ code }) => code >= low && code < high)
  return worst(400, 500) ?? worst(500, 600) ?? told[0] ?? NO_OUTCOME
}

/**
 * One objection does not keep the mail from the others, where its sender can be told by a report. What may be otherwise
 * in a while is better tried again as a whole.
 */
const refusalOfAll = (
  refused: ReadonlyMap<number, Reply>,
  { recipients }: OpenTransaction,
  { reportsRefused }: Incoming,
): Reply | undefined => {
  const [first, ...more] = refused.values()
  const passing = [first, ...more].find((one) => one !== undefined && one.code < 500)
  return passing ?? (reportsRefused && refused.size < recipients.length ? undefined : first)
}

/** In the order of the recipients, each as soon as it and those before it are known. */
async function* oneForEach(
  transaction: OpenTransaction,
  body: Body,
  session: ServerSession,
  closing: ClosingReplies,
): AsyncGenerator<Reply, void> {
  const before = closing.before?.(transaction)
  if (before) yield before
  const come = new Map<number, ServerOutcome>()
  // With nobody taken there is nobody to answer for, not even with a refusal (RFC 2033 4.2).
  const taken = transaction.recipients.length
  let next = 0
  for await (const outcome of outcomesOf(transaction, body, session)) {
    come.set(outcome.index, outcome)
    for (let ready = come.get(next); ready && next < taken; ready = come.get(++next)) yield ready.reply
  }
  // A recipient nobody spoke for must not be counted as taken.
  for (; next < taken; next++) yield come.get(next)?.reply ?? NO_OUTCOME
  const after = closing.after?.(
    [...come.values()].sort((a, b) => a.index - b.index),
    transaction,
  )
  if (after) yield after
}

const NO_OUTCOME = reply(451, '4.3.0', 'Nothing is known of this recipient; try again')

async function* outcomesOf(
  transaction: OpenTransaction,
  body: Body,
  session: ServerSession,
): AsyncGenerator<ServerOutcome, void> {
  const told = new Set<number>()
  try {
    const { incoming, end } = await body.finish()
    for (const [index, why] of end.refused) {
      told.add(index)
      yield { index, reply: why }
    }
    if (end.refused.size >= transaction.recipients.length) return await body.abort()
    for await (const outcome of incoming.conclude(completed(end, transaction, session))) {
      told.add(outcome.index)
      yield { ...outcome, reply: end.says(outcome.reply) }
    }
  } catch (error) {
    const answer = await givenUp(error, body, session)
    for (const index of transaction.recipients.keys()) if (!told.has(index)) yield { index, reply: answer }
  }
}

/** What is said when a body cannot be handed on. */
const givenUp = async (error: unknown, body: Body, session: ServerSession): Promise<Reply> => {
  await body.abort()
  if (error instanceof Refusal) return error.reply
  session.fault(error)
  return reply(451, '4.3.0', 'A fault of this server; try again')
}

const completed = (
  { says: _, ...end }: BodyConclusion,
  transaction: OpenTransaction,
  session: ServerSession,
): IncomingEnd => {
  const { registry } = session.options
  const given = { sender: transaction.sender, params: end.params, recipients: transaction.recipients }
  const { envelope, ...queued } = forQueue(registry.extensions, given, end.header, end.at)
  const { params, recipients } = envelope
  const marks = registry.extensions.flatMap(({ server }) => server?.traceMark?.(session, params) ?? [])
  return { ...end, params, recipients, marks, ...queued }
}
