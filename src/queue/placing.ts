import type { Resolution, Resolver } from '../addressing/resolve.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import { ours } from '../mail/diagnosis.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { Refusal, reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Lane, SpooledRecipient } from '../spool/spool.ts'
import type { JobTarget } from '../transports/transport.ts'
import type { Verdict } from './verdict.ts'
import { path, reason, stack } from './wording.ts'

/** Where a recipient stands: in the lane of its claim, to be expanded, or with its verdict already. */
export type Placement =
  | { readonly is: 'here'; readonly target: JobTarget }
  | { readonly is: 'expand'; readonly into: Resolution & { readonly to: 'addresses' } }
  | Verdict

/** More aliases behind each other than anyone has on purpose. */
const DEEPEST = 50

const refused = (last: Diagnosis): Verdict =>
  last.code >= 500 ? { is: 'failed', last, attempted: false } : { is: 'later', last, attempted: true }

/** Asks where a claimed recipient goes now. Never rejects. */
export const place = async (
  recipient: SpooledRecipient,
  lane: Lane,
  { resolver, clock, log }: { readonly resolver: Resolver; readonly clock: Clock; readonly log: Log },
  id: string,
): Promise<Placement> => {
  try {
    const way = await resolver.resolve(recipient.address, recipient.ancestors)
    if (way.to === 'nobody') return refused(ours(way.reply, clock.now()))
    if (way.to === 'addresses') {
      if (recipient.ancestors.length < DEEPEST) return { is: 'expand', into: way }
      return refused(ours(reply(554, '5.4.6', 'Too many aliases lead to this address'), clock.now()))
    }
    if (way.lane === null) return { is: 'parked', why: `${way.by} gave no lane for ${path(recipient.address)}` }
    return way.lane === lane ? { is: 'here', target: way } : { is: 'moved', lane: way.lane }
  } catch (error) {
    if (error instanceof Misconfigured) return { is: 'parked', why: reason(error) }
    if (error instanceof Refusal) return refused(ours(error.reply, clock.now()))
    log.event('warn', 'resolve-failed', { id, to: path(recipient.address), error: stack(error) })
    const last = ours(reply(451, '4.4.3', 'The address could not be looked up; trying again later'), clock.now())
    return { is: 'later', last, attempted: true }
  }
}
