import type { Instant } from '../mail/instant.ts'
import type { Milestone } from '../smtp/extension.ts'
import type { SpooledMessage, SpooledRecipient } from '../spool/spool.ts'
import type { QueueSettings } from './settings.ts'

type Scheduled = Pick<SpooledMessage, 'sender' | 'accepted' | 'schedule'>
type Noted = Pick<SpooledRecipient, 'reported'>

/** The mark of a delay that was reported. */
export const DELAYED = 'delayed'

/** So that a mistake anywhere never makes a recipient due at once, again and again. */
const LEAST = 1000

/** The mark of a milestone that was met. */
export const mark = (milestone: Milestone): string => `${milestone.do}@${milestone.at}`

/** Waits double from `first` to `most`; chance only makes them shorter, by `jitter` at most, so that mail deferred together comes back apart. */
export const backoff = (
  attempts: number,
  { first, most, jitter = 0 }: { readonly first: number; readonly most: number; readonly jitter?: number },
  random: () => number,
): number => Math.round(Math.min(most, first * 2 ** Math.min(attempts, 40)) * (1 - jitter * random()))

/** A sender's wish for later delivery does not cost lifetime (RFC 4865 section 4). */
const began = ({ accepted, schedule }: Scheduled): Instant => Math.max(accepted, schedule.notBefore ?? accepted)

/** When the mail is given up, if an attempt then fails too. */
export const expiresAt = (message: Scheduled, settings: QueueSettings): Instant =>
  began(message) +
  (message.schedule.lifetime ?? (message.sender === null ? settings.bounceLifetime : settings.lifetime))

/** The milestone at which it is given up without another attempt, if one has passed. */
export const overdue = ({ schedule }: Scheduled, now: Instant): Milestone | undefined =>
  schedule.milestones?.find((one) => one.do === 'fail' && one.at <= now)

/** What the sender is to be told now of a recipient that goes on waiting: the status, if not the diagnosis's own, and the marks to leave. */
export const warning = (
  message: Scheduled,
  { reported }: Noted,
  now: Instant,
  settings: QueueSettings,
): { readonly status?: string; readonly marks: readonly string[] } | undefined => {
  const met = (message.schedule.milestones ?? []).filter(
    (one) => one.do === 'warn' && one.at <= now && !reported.includes(mark(one)),
  )
  const last = met.at(-1)
  if (last !== undefined) return { status: last.status, marks: [...met.map(mark), DELAYED] }
  return now >= began(message) + settings.delayWarning && !reported.includes(DELAYED) ? { marks: [DELAYED] } : undefined
}

/** Not later than anything that must happen on time: a milestone, the delay warning, the end. */
export const dueBy = (
  wish: Instant,
  message: Scheduled,
  { reported }: Noted,
  now: Instant,
  settings: QueueSettings,
): Instant => {
  const events = [expiresAt(message, settings), ...(message.schedule.milestones ?? []).map((one) => one.at)]
  if (!reported.includes(DELAYED)) events.push(began(message) + settings.delayWarning)
  return Math.max(now + LEAST, Math.min(wish, ...events.filter((at) => at > now)))
}
