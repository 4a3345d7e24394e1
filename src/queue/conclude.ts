import { type Diagnosis, ours } from '../mail/diagnosis.ts'
import type { ReversePath } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import { reply } from '../mail/reply.ts'
import type { ReportEvent, ReportedRecipient } from '../smtp/extension.ts'
import type { Change, Claim, Fate, Fork, SpooledRecipient } from '../spool/spool.ts'
import { acceptedAs } from './expansion.ts'
import { backoff, dueBy, expiresAt, warning } from './schedule.ts'
import type { QueueSettings } from './settings.ts'
import type { Verdict, Verdicts } from './verdict.ts'
import { line, path, said } from './wording.ts'

/** A report that may be owed: about whom, to whom. */
export interface Owed {
  readonly of: number
  readonly to: ReversePath
  readonly recipient: ReportedRecipient
}

/** Verdicts as the spool and the sender shall know them. */
export interface Conclusion {
  readonly changes: readonly Change[]
  readonly forks: readonly Fork[]
  readonly history: readonly string[]
  readonly owed: readonly Owed[]
}

interface Told {
  readonly changes: readonly Change[]
  readonly forks?: readonly Fork[]
  readonly history?: string
  readonly event?: ReportEvent
  readonly last?: Diagnosis
}

const FAULT = 'fault:'

/** The code and words of the last answer stand, so the report states facts; RFC 3463 wants its status rather than x.4.7, too. */
const expired = (last: Diagnosis | undefined, now: Instant): Diagnosis =>
  last === undefined
    ? ours(reply(451, '4.4.7', 'The mail could not be delivered in time'), now)
    : last.status.startsWith('4.')
      ? last
      : { ...last, status: '4.4.7' }

const lastOf = ({ fate }: SpooledRecipient): Diagnosis | undefined => ('last' in fate ? fate.last : undefined)

const settled = (r: SpooledRecipient, fate: Fate, attempted: boolean, reported?: readonly string[]): Change => ({
  of: r.key,
  fate,
  ...(attempted ? { attempted: true } : {}),
  ...(reported === undefined ? {} : { reported }),
})

/** What follows from the verdicts on a claim's recipients at this moment. */
export const conclude = (
  claim: Claim,
  verdicts: Verdicts,
  now: Instant,
  settings: QueueSettings,
  random: () => number,
): Conclusion => {
  const { message } = claim

  const fails = (r: SpooledRecipient, last: Diagnosis, attempted: boolean): Told => ({
    changes: [settled(r, { is: 'failed', last }, attempted)],
    history: `failed for ${path(r.address)}: ${said(last)}`,
    event: 'failed',
    last,
  })

  const parks = (r: SpooledRecipient, why: string, attempted: boolean): Told => ({
    changes: [settled(r, { is: 'parked', why: line(why), at: now }, attempted)],
    history: `parked for ${path(r.address)}: ${line(why)}`,
  })

  const waits = (r: SpooledRecipient, verdict: Verdict & { is: 'later' }, note: readonly string[] = []): Told => {
    const last = verdict.last ?? lastOf(r)
    if (now >= expiresAt(message, settings)) return fails(r, expired(last, now), verdict.attempted)
    const warn = warning(message, r, now, settings)
    const reported = [...(warn?.marks ?? []), ...note]
    const wish = verdict.attempted
      ? now + backoff(r.attempts, { ...settings.backoff, ...message.schedule.retry }, random)
      : now
    const noted = { reported: [...r.reported, ...reported] }
    const due = dueBy(Math.max(wish, verdict.notBefore ?? now), message, noted, now, settings)
    const fate: Fate = { is: 'waiting', due, ...(last === undefined ? {} : { last }) }
    const told = last ?? ours(reply(451, '4.4.7', 'The mail waits to be delivered'), now)
    return {
      changes: [settled(r, fate, verdict.attempted, reported.length > 0 ? reported : undefined)],
      ...(verdict.attempted
        ? { history: `deferred for ${path(r.address)} until ${new Date(due).toISOString()}: ${said(told)}` }
        : {}),
      ...(warn === undefined ? {} : { event: 'delayed', last: { ...told, status: warn.status ?? told.status } }),
    }
  }

  const faulty = (r: SpooledRecipient, why: string): Told => {
    const before = r.reported.filter((one) => one.startsWith(FAULT)).length
    // The sender cannot help it and need not hear of it: what is our fault is parked, at the latest when time is up.
    if (before + 1 >= settings.faults || now >= expiresAt(message, settings)) return parks(r, why, true)
    const last = ours(reply(451, '4.3.0', 'A local fault; trying again later'), now)
    return waits(r, { is: 'later', last, attempted: true }, [`${FAULT}${before + 1}`])
  }

  const tell = (r: SpooledRecipient, verdict: Verdict): Told => {
    switch (verdict.is) {
      case 'delivered':
        return {
          changes: [settled(r, { is: 'delivered', last: verdict.last }, verdict.attempted, verdict.notes)],
          history: `delivered to ${path(r.address)} by ${line(claim.lane ?? '')}${verdict.converted ? ', converted' : ''}: ${said(verdict.last)}`,
          ...(verdict.event === undefined ? {} : { event: verdict.event, last: verdict.last }),
        }
      case 'failed':
        return fails(r, verdict.last, verdict.attempted)
      case 'later':
        return waits(r, verdict)
      case 'fault':
        return faulty(r, verdict.why)
      case 'parked':
        return parks(r, verdict.why, false)
      case 'moved':
        return { changes: [{ of: r.key, lane: verdict.lane }] }
      case 'expanded':
        return {
          changes: [
            settled(r, { is: 'expanded', last: verdict.last }, false),
            ...verdict.adds.map((add): Change => ({ add, parent: r.key })),
          ],
          forks: verdict.forks,
          history: `expanded ${path(r.address)}: ${said(verdict.last)}`,
          ...(verdict.event === undefined ? {} : { event: verdict.event, last: verdict.last }),
        }
      case 'expanding':
        return {
          changes: [settled(r, { is: 'waiting', due: now }, false, [verdict.note])],
          forks: verdict.forks,
        }
    }
  }

  const changes: Change[] = []
  const forks: Fork[] = []
  const history: string[] = []
  const owed: Owed[] = []
  for (const r of claim.recipients) {
    const verdict = verdicts.get(r.key)
    if (verdict === undefined) continue
    const told = tell(r, verdict)
    changes.push(...told.changes)
    if (told.forks !== undefined) forks.push(...told.forks)
    if (told.history !== undefined) history.push(told.history)
    if (told.event === undefined || told.last === undefined) continue
    const accepted = acceptedAs(r)
    const { address, params } = r
    const recipient = { address, params, event: told.event, last: told.last, ...(accepted ? { accepted } : {}) }
    owed.push({ of: r.key, to: r.sender === undefined ? message.sender : r.sender, recipient })
  }
  return { changes, forks, history, owed }
}

/** The same without its reports, which cannot be written. Nobody is failed in silence: they are parked. A success stays one. */
export const unreported = (conclusion: Conclusion, why: string, now: Instant): Conclusion => {
  const silent = new Map(conclusion.owed.map((one) => [one.of, one.recipient.event]))
  const change = (one: Change): Change => {
    if (!('fate' in one)) return one
    const event = silent.get(one.of)
    if (event === 'failed' && one.fate.is === 'failed') {
      return { ...one, fate: { is: 'parked', why: line(`${why}; the failure: ${said(one.fate.last)}`), at: now } }
    }
    if (event !== 'delayed' || one.reported === undefined) return one
    const { reported, ...rest } = one
    const kept = reported.filter((note) => note.startsWith(FAULT))
    return kept.length > 0 ? { ...rest, reported: kept } : rest
  }
  return { ...conclusion, changes: conclusion.changes.map(change), owed: [] }
}

/** What the spool cannot be told in full is left to the postmaster: successes stand, all else that would be lost is parked. */
export const reduced = (conclusion: Conclusion, why: string, now: Instant): Conclusion => {
  const changes = unreported(conclusion, why, now).changes.flatMap((change): Change[] => {
    if ('add' in change) return []
    const isExpansion = 'fate' in change && (change.fate.is === 'expanded' || change.reported !== undefined)
    return isExpansion ? [{ of: change.of, fate: { is: 'parked', why: line(why), at: now } }] : [change]
  })
  return { changes, forks: [], history: [line(why)], owed: [] }
}

/** Nothing is known but that something of ours is wrong. */
export const parkedAll = ({ recipients }: Claim, why: string, now: Instant): Conclusion => ({
  changes: recipients.map((r): Change => ({ of: r.key, fate: { is: 'parked', why: line(why), at: now } })),
  forks: [],
  history: [line(why)],
  owed: [],
})
