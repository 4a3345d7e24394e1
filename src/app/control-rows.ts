import { formatAddress } from '../mail/address.ts'
import { answerOf, type Diagnosis } from '../mail/diagnosis.ts'
import type { ReversePath } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import { fateSeen, isAhead } from '../spool/record.ts'
import type { Fate, Listed, SpooledRecipient } from '../spool/spool.ts'

/** A message of the queue as commands show it. Times are ISO 8601 in UTC. */
export interface QueueRow {
  readonly id: string
  /** `<>` for none. */
  readonly sender: string
  /** Octets. */
  readonly size: number
  readonly accepted: string
  /** Until when it is held because its sender wished so; null once it is released. */
  readonly heldUntil: string | null
  readonly recipients: readonly RecipientRow[]
}

export interface RecipientRow {
  readonly address: string
  readonly fate: string
  /** When it is tried next; null when it is not, or when an operator holds it. */
  readonly due: string | null
  readonly attempts: number
  /** The last reply, or why it is parked; null before the first attempt. */
  readonly last: string | null
  readonly lane: string | null
}

const sender = (path: ReversePath): string => (path === null ? '<>' : formatAddress(path))

export const queueRow = (listed: Listed, now: Instant): QueueRow => {
  const { schedule } = listed
  return {
    id: listed.id,
    sender: sender(listed.sender),
    size: listed.octets,
    accepted: new Date(listed.accepted).toISOString(),
    heldUntil: isAhead(schedule, now) ? new Date(schedule.notBefore ?? now).toISOString() : null,
    recipients: listed.recipients.map((one) => recipientRow(one, fateSeen(one.fate, schedule, now))),
  }
}

const recipientRow = ({ address, fate, attempts, lane }: SpooledRecipient, seen: Fate['is']): RecipientRow => ({
  address: formatAddress(address),
  fate: seen,
  due: fate.is === 'waiting' ? new Date(fate.due).toISOString() : null,
  attempts,
  last: fate.is === 'parked' ? fate.why : fate.last ? saidBy(fate.last) : null,
  lane,
})

/** A diagnosis in a line: who said what. */
export const saidBy = (diagnosis: Diagnosis): string => {
  const { remote, phase } = diagnosis
  const who = remote ? ` (${remote.name}${phase === undefined ? '' : `, ${phase}`})` : ''
  return answerOf(diagnosis) + who
}

/** Everything about one message. */
export interface MessageRow extends QueueRow {
  readonly params: Listed['params']
  readonly facts: Listed['facts']
  readonly origin: Listed['origin']
}

export const messageRow = (listed: Listed, now: Instant): MessageRow => ({
  ...queueRow(listed, now),
  params: listed.params,
  facts: listed.facts,
  origin: listed.origin,
})
