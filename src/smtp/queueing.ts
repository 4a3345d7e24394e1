import type { Envelope, Recipient } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import type { Trail } from '../mail/trail.ts'
import type { Header } from '../mime/fields.ts'
import type { Extension, Schedule } from './extension.ts'

/**
 * What the queue is given of a message that came in, by whatever door: the envelope as its header completes it, when it is
 * due, and by what its sender may ask for it.
 */
export const forQueue = (
  extensions: readonly Extension[],
  given: Envelope,
  header: Header,
  accepted: Instant,
): { readonly envelope: Envelope; readonly schedule: Schedule; readonly trail?: Trail } => {
  const completed = extensions.reduce((now, { queue }) => queue?.fromHeader?.(now, header) ?? now, given)
  const envelope = withSenders(completed, extensions)
  const [trail] = extensions.flatMap(({ queue }) => queue?.trail?.(envelope, accepted) ?? [])
  return { envelope, schedule: scheduleOf(extensions, envelope, accepted), ...(trail ? { trail } : {}) }
}

const withSenders = (envelope: Envelope, extensions: readonly Extension[]): Envelope => {
  const asked = extensions.flatMap(({ queue }) => (queue?.sender ? [queue] : []))
  if (asked.length === 0) return envelope
  const recipients = envelope.recipients.map((recipient): Recipient => {
    for (const queue of asked) {
      const sender = queue.sender?.(recipient, envelope)
      if (sender !== undefined) return { ...recipient, sender }
    }
    return recipient
  })
  return { ...envelope, recipients }
}

/** What extensions say together of when mail is due: the latest time, the highest priority, all milestones, the last word on how it is tried. */
export const scheduleOf = (extensions: readonly Extension[], envelope: Envelope, accepted: Instant): Schedule =>
  merged(extensions.flatMap(({ queue }) => queue?.schedule?.(envelope, accepted) ?? []))

const merged = (schedules: readonly Schedule[]): Schedule => {
  const holds = schedules.flatMap(({ notBefore }) => notBefore ?? [])
  const priorities = schedules.flatMap(({ priority }) => priority ?? [])
  const milestones = schedules.flatMap((schedule) => schedule.milestones ?? [])
  return {
    ...(holds.length > 0 ? { notBefore: Math.max(...holds) } : {}),
    ...(priorities.length > 0 ? { priority: Math.max(...priorities) } : {}),
    ...(milestones.length > 0 ? { milestones } : {}),
    ...one(schedules, 'retry'),
    ...one(schedules, 'lifetime'),
  }
}

/** What the last to speak says. */
const one = <K extends 'retry' | 'lifetime'>(schedules: readonly Schedule[], key: K): Pick<Schedule, K> => {
  const { [key]: value } = schedules.findLast((schedule) => schedule[key] !== undefined) ?? {}
  return (value === undefined ? {} : { [key]: value }) as Pick<Schedule, K>
}
