import { type Diagnosis, ours } from '../mail/diagnosis.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { reply } from '../mail/reply.ts'
import type { Claim, SpooledRecipient } from '../spool/spool.ts'
import type { JobTarget, Outcome, Transport } from '../transports/transport.ts'
import { carry } from './carry.ts'
import { expansion } from './expansion.ts'
import type { LedgerPage } from './ledger.ts'
import type { QueueParts } from './parts.ts'
import { type Placement, place } from './placing.ts'
import { overdue } from './schedule.ts'
import type { Verdict, Verdicts } from './verdict.ts'
import { path, reason, said, stack } from './wording.ts'

/** What came of a claim, not yet recorded. */
export interface Attempted {
  readonly verdicts: Verdicts
  /** What the destination was like; absent when it was not asked. */
  readonly destination?: 'reached' | 'deferring' | { readonly down: Diagnosis }
}

const verdictOn = ({ diagnosis, event, notes, converted }: Outcome): Verdict => {
  if (diagnosis.code < 300) {
    const more = {
      ...(event === undefined ? {} : { event }),
      ...(notes === undefined ? {} : { notes }),
      ...(converted ? { converted } : {}),
    }
    return { is: 'delivered', last: diagnosis, attempted: true, ...more }
  }
  return diagnosis.code < 500
    ? { is: 'later', last: diagnosis, attempted: true }
    : { is: 'failed', last: diagnosis, attempted: true }
}

const destinationOf = (outcomes: readonly Outcome[]): Attempted['destination'] => {
  if (outcomes.length === 0) return undefined
  const down = outcomes.find((one) => one.destinationDown)
  const good = outcomes.some((one) => one.diagnosis.code < 300)
  if (down !== undefined && !good) return { down: down.diagnosis }
  return outcomes.every((one) => one.diagnosis.code >= 400 && one.diagnosis.code < 500) ? 'deferring' : 'reached'
}

/** Recipients that are given up without another attempt: an operator said so, or a milestone did. */
export const givenUp = ({ message, recipients }: Claim, now: number): Map<number, Verdict> => {
  const milestone = overdue(message, now)
  const verdicts = new Map<number, Verdict>()
  for (const { key, fate } of recipients) {
    const last = 'last' in fate ? fate.last : undefined
    if (last !== undefined && last.code >= 500) verdicts.set(key, { is: 'failed', last, attempted: false })
    else if (milestone !== undefined) {
      const lines = last === undefined ? [] : [`The last answer was: ${said(last)}`]
      const final = ours(reply(554, milestone.status, 'Not delivered in the time that was given', ...lines), now)
      verdicts.set(key, { is: 'failed', last: final, attempted: false })
    }
  }
  return verdicts
}

/** An operator may have made it due; its sender's wish for later delivery holds all the same (RFC 4865 4.2). */
const heldBack = ({ schedule: { notBefore } }: Claim['message'], now: number): Verdict | undefined =>
  notBefore !== undefined && notBefore > now ? { is: 'later', attempted: false, notBefore } : undefined

/**
 * Finds out where a claim's recipients go, and delivers those that belong to its lane. Its outcomes are recorded together
 * when it is over: a settlement ends its claim, and one report can tell of all. So a crash in the middle of a delivery
 * repeats what of it had succeeded, which SMTP cannot rule out in any case (RFC 1047).
 */
export const attempt = async (
  parts: QueueParts,
  claim: Claim,
  page: LedgerPage,
  controller: AbortController,
  carrier?: Transport,
): Promise<Attempted> => {
  const { clock, log } = parts
  const { message } = claim
  const verdicts = givenUp(claim, clock.now())
  const here: SpooledRecipient[] = []
  const expanding: [SpooledRecipient, Placement & { is: 'expand' }][] = []
  let target: JobTarget | undefined

  const early = heldBack(message, clock.now())
  for (const { key } of claim.recipients) {
    if (early !== undefined && !verdicts.has(key)) verdicts.set(key, early)
    const known = page.known(key)
    if (known !== undefined) verdicts.set(key, verdictOn(known))
  }
  const asked = claim.recipients.filter((r) => !verdicts.has(r.key))
  const placements = await Promise.all(asked.map((r) => place(r, claim.lane, parts, message.id)))
  for (const [index, placement] of placements.entries()) {
    const r = asked[index]
    if (r === undefined) continue
    if (placement.is === 'here') {
      target ??= placement.target
      here.push(r)
    } else if (placement.is === 'expand') expanding.push([r, placement])
    else verdicts.set(r.key, placement)
  }
  if (expanding.length > 0) await expand(parts, claim, expanding, verdicts)
  if (target === undefined || controller.signal.aborted) return { verdicts }

  const transport = carrier ?? parts.transports.get(target.transport)
  if (transport === undefined) {
    const why = `There is no transport named ${target.transport}`
    for (const r of here) verdicts.set(r.key, { is: 'parked', why })
    return { verdicts }
  }
  const outcomes: Outcome[] = []
  const { limit, grace } = parts.settings.delivery
  const job = { transport, message, recipients: here, to: target, controller, clock, log, limit, grace }
  const end = await carry(job, (one) => {
    page.note(one)
    outcomes.push(one)
    verdicts.set(one.of, verdictOn(one))
  })
  if (end.is === 'fault') {
    const { error } = end
    const why = reason(error)
    log.event('error', 'delivery-fault', { id: message.id, transport: transport.name, error: stack(error) })
    const verdict: Verdict = error instanceof Misconfigured ? { is: 'parked', why } : { is: 'fault', why }
    for (const r of here) if (!verdicts.has(r.key)) verdicts.set(r.key, verdict)
  }
  const destination = destinationOf(outcomes)
  return { verdicts, ...(destination === undefined ? {} : { destination }) }
}

const expand = async (
  { spool, reporter, clock, log, settings }: QueueParts,
  { message, recipients }: Claim,
  expanding: readonly (readonly [SpooledRecipient, Placement & { is: 'expand' }])[],
  verdicts: Map<number, Verdict>,
): Promise<void> => {
  // A claim is a part of the message; equal addresses may be in another.
  const others = await spool.show(message.id).catch((error) => {
    log.event('error', 'show-failed', { id: message.id, error: stack(error) })
    return undefined
  })
  const known = new Map([...(others?.recipients ?? []), ...recipients].map((r) => [r.key, r]))
  const members = expansion(message, [...known.values()], settings.batch.slice, reporter, clock.now())
  for (const [r, { into }] of expanding) {
    try {
      const verdict = members.expand(r, into.addresses, into.sender)
      if (verdict !== undefined) verdicts.set(r.key, verdict)
    } catch (error) {
      log.event('error', 'expand-failed', { id: message.id, to: path(r.address), error: stack(error) })
      verdicts.set(r.key, { is: 'fault', why: reason(error) })
    }
  }
}
