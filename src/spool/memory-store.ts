import type { Address } from '../mail/address.ts'
import type { ParamBag, ReversePath } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import type { Schedule } from '../smtp/extension.ts'
import { joined, type Octets } from './memory-draft.ts'
import { isSettled } from './record.ts'
import type {
  Change,
  Fate,
  Listed,
  MessageId,
  NewRecipient,
  Origin,
  SpooledMessage,
  SpooledRecipient,
} from './spool.ts'

/** A message as the memory spool holds it. A fork has the body of its parent. */
export interface Kept {
  readonly id: MessageId
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly facts: BodyFacts
  readonly origin: Origin
  readonly prefix: Uint8Array
  readonly body: Octets
  readonly bodyFrom: number
  schedule: Schedule
  accepted: Instant
  readonly recipients: Map<number, KeptRecipient>
  nextKey: number
}

export type KeptRecipient = Mutable<SpooledRecipient> & { claim?: string | undefined }
type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export const dueOf = ({ fate }: KeptRecipient): Instant => (fate.is === 'waiting' ? fate.due : Number.POSITIVE_INFINITY)

export const priorityOf = ({ schedule }: Kept): number => schedule.priority ?? 0

export const addRecipient = (
  message: Kept,
  { address, params, lane = null, sender, reported = [], last }: NewRecipient,
  due: Instant,
  origin: { readonly parent?: number; readonly ancestors: readonly Address[] },
): void => {
  const key = message.nextKey++
  const fate: Fate = { is: 'waiting', due, ...(last ? { last } : {}) }
  const one = { key, address, params, attempts: 0, lane, fate, reported: [...reported], ...origin }
  message.recipients.set(key, sender === undefined ? one : { ...one, sender })
}

export const applyChange = (
  message: Kept,
  claimed: ReadonlyMap<number, KeptRecipient>,
  change: Change,
  now: Instant,
): void => {
  const recipient = claimed.get('add' in change ? change.parent : change.of)
  if (!recipient) return
  if ('add' in change) {
    const ancestors = [recipient.address, ...recipient.ancestors]
    addRecipient(message, change.add, change.add.due ?? now, { parent: change.parent, ancestors })
  } else if ('lane' in change) recipient.lane = change.lane
  else {
    recipient.fate = change.fate
    if (change.attempted) recipient.attempts++
    recipient.reported = [...new Set([...recipient.reported, ...(change.reported ?? [])])]
  }
}

export const shown = ({ claim: _, ...recipient }: KeptRecipient): SpooledRecipient => recipient

export const octetsOf = ({ prefix, body, bodyFrom }: Kept): number => prefix.length + body.octets - bodyFrom

export const spooled = (message: Kept): SpooledMessage => {
  const { id, sender, params, facts, origin, schedule, accepted, prefix, body, bodyFrom } = message
  const octets = octetsOf(message)
  return {
    id,
    sender,
    params,
    facts,
    origin,
    schedule,
    accepted,
    octets,
    content: () => joined(prefix, body, bodyFrom),
  }
}

export const listed = (message: Kept): Listed => {
  const { id, sender, params, facts, accepted, origin, schedule } = message
  const recipients = [...message.recipients.values()]
    .sort((a, b) => Number(isSettled(a)) - Number(isSettled(b)) || a.key - b.key)
    .slice(0, 1000)
    .map(shown)
  return { id, sender, params, facts, accepted, origin, schedule, octets: octetsOf(message), recipients }
}
