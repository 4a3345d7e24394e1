import type { Instant } from '../mail/instant.ts'
import type { Schedule } from '../smtp/extension.ts'
import { type Fate, type MessageRecord, type NewRecipient, SpoolError, type SpooledRecipient } from './spool.ts'

/** Throws `SpoolError` for a record that could never be served. */
export const checkRecord = (record: Pick<MessageRecord, 'recipients' | 'bodyFrom'>, bodyOctets: number): void => {
  if (record.recipients.length === 0) throw new SpoolError('invalid', 'A message without recipients')
  if (!(record.bodyFrom >= 0 && record.bodyFrom <= bodyOctets))
    throw new SpoolError('invalid', `The body has ${bodyOctets} octets and cannot begin at ${record.bodyFrom}`)
}

/** When a recipient of a new message is first due: never before the schedule says, if there is anything to wait for. */
export const firstDue = ({ due, last }: NewRecipient, schedule: Schedule, accepted: Instant): Instant =>
  Math.max(due ?? accepted, (last ? undefined : schedule.notBefore) ?? Number.NEGATIVE_INFINITY)

/** It is kept for a time that its schedule names. */
export const isAhead = ({ notBefore }: Schedule, now: Instant): boolean => (notBefore ?? now) > now

/** A fate as operators see it: what is kept for later is held. */
export const fateSeen = ({ is }: Fate, schedule: Schedule, now: Instant): Fate['is'] =>
  is === 'waiting' && isAhead(schedule, now) ? 'held' : is

export const isSettled = ({ fate }: Pick<SpooledRecipient, 'fate'>): boolean =>
  fate.is === 'delivered' || fate.is === 'failed' || fate.is === 'expanded'

/** A schedule that was made by a clock which was `ms` fast. */
export const earlier = (schedule: Schedule, ms: number): Schedule => ({
  ...schedule,
  ...(schedule.notBefore === undefined ? {} : { notBefore: schedule.notBefore - ms }),
  ...(schedule.milestones === undefined
    ? {}
    : { milestones: schedule.milestones.map((milestone) => ({ ...milestone, at: milestone.at - ms })) }),
})

/** Lines of the history that a fork leaves with its parent and with itself. */
export const forkLines = (parent: string, fork: string): { readonly parent: string; readonly fork: string } => ({
  parent: `forked: ${fork}`,
  fork: `forked from ${parent}`,
})
