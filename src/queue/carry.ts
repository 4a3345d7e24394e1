import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { SpooledMessage, SpooledRecipient } from '../spool/spool.ts'
import type { JobTarget, Outcome, Transport } from '../transports/transport.ts'

export interface Carriage {
  readonly transport: Transport
  readonly message: SpooledMessage
  readonly recipients: readonly SpooledRecipient[]
  readonly to: JobTarget
  /** Aborted from outside: the program ends, or the lease was lost. */
  readonly controller: AbortController
  readonly clock: Clock
  readonly log: Log
  readonly limit: number
  readonly grace: number
}

/** How a delivery ended, beyond its outcomes. */
export type CarriedEnd =
  | { readonly is: 'done' }
  /** Stopped from outside: recipients without outcome were not at fault. */
  | { readonly is: 'stopped' }
  | { readonly is: 'fault'; readonly error: unknown }

const CLASSES = [2, 4, 5]

/**
 * Lets a transport deliver, in portions it can take, and hands on each recipient's first outcome. Ends whatever the
 * transport does: one that throws, forgets, repeats itself or never ends hurts its own recipients only. Never rejects.
 */
export const carry = async (job: Carriage, outcome: (outcome: Outcome) => void): Promise<CarriedEnd> => {
  const { transport, recipients, controller } = job
  const most = Math.max(1, transport.limits.recipientsPerDelivery)
  for (let from = 0; from < recipients.length; from += most) {
    let down: Outcome | undefined
    const portion = recipients.slice(from, from + most)
    const end = await carryPortion(job, portion, (one) => {
      if (one.destinationDown) down = one
      outcome(one)
    })
    if (end.is !== 'done') return end
    if (controller.signal.aborted) return { is: 'stopped' }
    if (down === undefined) continue
    // Out of reach for these is out of reach for the others.
    for (const { key } of recipients.slice(from + most)) outcome({ ...down, of: key })
    break
  }
  return { is: 'done' }
}

const carryPortion = async (
  { transport, message, to, controller, clock, log, limit, grace }: Carriage,
  recipients: readonly SpooledRecipient[],
  outcome: (outcome: Outcome) => void,
): Promise<CarriedEnd> => {
  const { signal } = controller
  const open = new Set(recipients.map((r) => r.key))
  let over = false
  const settled = (one: Outcome): void => {
    const strange = !open.has(one.of) || over
    if (strange || !CLASSES.includes(Math.trunc(one.diagnosis.code / 100))) {
      const { code } = one.diagnosis
      log.event('error', 'strange-outcome', {
        id: message.id,
        transport: transport.name,
        key: one.of,
        code,
        late: over,
      })
      return
    }
    open.delete(one.of)
    outcome(one)
  }

  let slow = false
  const alarm = clock.after(limit, () => {
    slow = true
    controller.abort()
  })
  let graceAlarm: { cancel(): void } | undefined
  const unanswered = Promise.withResolvers<void>()
  const stopping = (): void => {
    graceAlarm = clock.after(grace, unanswered.resolve)
  }
  if (signal.aborted) stopping()
  else signal.addEventListener('abort', stopping, { once: true })

  let ended = false
  let thrown: { readonly error: unknown } | undefined
  const delivery = (async () => transport.deliver({ message, recipients, to }, signal, settled))().catch((error) => {
    thrown = { error }
  })
  await Promise.race([delivery.finally(() => (ended = true)), unanswered.promise])

  over = true
  alarm.cancel()
  graceAlarm?.cancel()
  signal.removeEventListener('abort', stopping)
  if (slow) return { is: 'fault', error: new Error(`Transport ${transport.name} took more than ${limit} ms`) }
  // Of a delivery whose fault ended the program this is all that can be noticed, so that one day it is parked.
  if (!ended) return { is: 'fault', error: new Error(`Transport ${transport.name} did not stop within ${grace} ms`) }
  if (signal.aborted) return { is: 'stopped' }
  if (thrown !== undefined) return { is: 'fault', error: thrown.error }
  if (open.size === 0) return { is: 'done' }
  return { is: 'fault', error: new Error(`Transport ${transport.name} told no outcome for ${open.size} recipients`) }
}
