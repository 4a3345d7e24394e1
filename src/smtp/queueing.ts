import type { Envelope } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import type { Header } from '../mime/fields.ts'
import type { Extension, Schedule } from './extension.ts'

/** What the queue is given of a message that came in, by whatever door: the envelope as its header completes it, and when it is due. */
export const forQueue = (
  extensions: readonly Extension[],
  given: Envelope,
  header: Header,
  accepted: Instant,
): { readonly envelope: Envelope; readonly schedule: Schedule } => {
  const facets = extensions.flatMap(({ queue }) => queue ?? [])
  const envelope = facets.reduce((now, facet) => facet.fromHeader?.(now, header) ?? now, given)
  return { envelope, schedule: merged(facets.flatMap((facet) => facet.schedule?.(envelope, accepted) ?? [])) }
}

const merged = (schedules: readonly Schedule[]): Schedule => {
  const holds = schedules.flatMap(({ notBefore }) => notBefore ?? [])
  const priorities = schedules.flatMap(({ priority }) => priority ?? [])
  const milestones = schedules.flatMap((schedule) => schedule.milestones ?? [])
  return {
    ...(holds.length > 0 ? { notBefore: Math.max(...holds) } : {}),
    ...(priorities.length > 0 ? { priority: Math.max(...priorities) } : {}),
    ...(milestones.length > 0 ? { milestones } : {}),
  }
}
