import { Refusal, type Reply, reply } from '../mail/reply.ts'
import type { Body, OpenTransaction } from './body.ts'
import type { Extension, Schedule, ServerOutcome } from './extension.ts'
import type { ServerSession } from './session.ts'
import type { IncomingEnd } from './sink.ts'

/** The replies that end a body, as they come: one for all, or one for each recipient where an extension says so. */
export async function* concludeBody(
  transaction: OpenTransaction,
  body: Body,
  session: ServerSession,
  extensions: readonly Extension[],
): AsyncGenerator<Reply, void> {
  const closing = extensions.find(({ server }) => server?.closingReplies?.applies(transaction))?.server?.closingReplies
  const outcomes = outcomesOf(transaction, body, session, closing !== undefined)
  if (!closing) {
    const all: ServerOutcome[] = []
    for await (const outcome of outcomes) all.push(outcome)
    yield oneForAll(all)
    return
  }
  const before = closing.before?.(transaction)
  if (before) yield before
  const come = new Map<number, ServerOutcome>()
  // With nobody taken there is nobody to answer for, not even with a refusal (RFC 2033 4.2).
  const taken = transaction.recipients.length
  let next = 0
  for await (const outcome of outcomes) {
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

/** Where one reply speaks for all, the worst is said: a message sent again is better than one lost. */
const oneForAll = (outcomes: readonly ServerOutcome[]): Reply => {
  const worst = (low: number, high: number) => outcomes.find(({ reply: { code } }) => code >= low && code < high)?.reply
  return worst(400, 500) ?? worst(500, 600) ?? outcomes[0]?.reply ?? NO_OUTCOME
}

async function* outcomesOf(
  transaction: OpenTransaction,
  body: Body,
  session: ServerSession,
  perRecipient: boolean,
): AsyncGenerator<ServerOutcome, void> {
  const everyone = (answer: Reply): ServerOutcome[] =>
    transaction.recipients.length === 0
      ? [{ index: 0, reply: answer }]
      : transaction.recipients.map((_, index) => ({ index, reply: answer }))
  const told = new Set<number>()
  try {
    const { incoming, end } = await body.finish()
    for (const [index, why] of end.refused) {
      // One reply speaks for all: what it refuses for one nobody may have.
      if (!perRecipient) throw new Refusal(why)
      told.add(index)
      yield { index, reply: why }
    }
    if (end.refused.size >= transaction.recipients.length) return await body.abort()
    for await (const outcome of incoming.conclude({ ...end, ...traceAndSchedule(end.params, transaction, session) })) {
      told.add(outcome.index)
      yield outcome
    }
  } catch (error) {
    await body.abort()
    if (!(error instanceof Refusal)) session.fault(error)
    const answer = error instanceof Refusal ? error.reply : reply(451, '4.3.0', 'A fault of this server; try again')
    yield* everyone(answer).filter(({ index }) => !told.has(index))
  }
}

const traceAndSchedule = (
  params: IncomingEnd['params'],
  transaction: OpenTransaction,
  session: ServerSession,
): Pick<IncomingEnd, 'marks' | 'schedule'> => {
  const { registry, clock } = session.options
  const envelope = { sender: transaction.sender, params, recipients: transaction.recipients }
  const accepted = clock.now()
  return {
    marks: registry.extensions.flatMap(({ server }) => server?.traceMark?.(session, params) ?? []),
    schedule: mergeSchedules(registry.extensions.flatMap(({ queue }) => queue?.schedule?.(envelope, accepted) ?? [])),
  }
}

const mergeSchedules = (schedules: readonly Schedule[]): Schedule => {
  const holds = schedules.flatMap(({ notBefore }) => notBefore ?? [])
  const priorities = schedules.flatMap(({ priority }) => priority ?? [])
  const milestones = schedules.flatMap((schedule) => schedule.milestones ?? [])
  return {
    ...(holds.length > 0 ? { notBefore: Math.max(...holds) } : {}),
    ...(priorities.length > 0 ? { priority: Math.max(...priorities) } : {}),
    ...(milestones.length > 0 ? { milestones } : {}),
  }
}
