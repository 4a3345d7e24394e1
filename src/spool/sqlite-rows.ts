import { domainKey } from '../mail/idna.ts'
import type { Instant } from '../mail/instant.ts'
import type { Schedule } from '../smtp/extension.ts'
import { pathKey } from './match.ts'
import { firstDue } from './record.ts'
import {
  type Change,
  type Fate,
  type Fork,
  type Listed,
  type MessageId,
  type MessageRecord,
  type NewRecipient,
  SpoolError,
  type SpooledMessage,
  type SpooledRecipient,
  type Trailed,
} from './spool.ts'
import type {
  FateRow,
  ListedRow,
  MessageRow,
  NewFork,
  NewMessage,
  NewRow,
  Outcome,
  RecipientRow,
  Span,
  TrailedRow,
} from './sqlite-calls.ts'
import { laneText } from './sqlite-claim.ts'
import { FATES } from './sqlite-operate.ts'
import { completionRow } from './sqlite-partials.ts'

const json = JSON.stringify

const newRow = (recipient: NewRecipient, due: Instant): NewRow => {
  const { address, params, sender, lane = null, ancestors = [], reported = [], last } = recipient
  const { local, domain } = address
  const from = sender === undefined ? null : json(sender)
  const at = Math.round(due)
  const named = [local, domain, domainKey(domain), json(params), from] as const
  return [...named, laneText(lane), at, json(ancestors), json(reported), last ? json(last) : null]
}

const newRows = (recipients: readonly NewRecipient[], schedule: Schedule, accepted: Instant): NewRow[] =>
  recipients.map((recipient) => newRow(recipient, firstDue(recipient, schedule, accepted)))

// Ascending, as due times are, so that one index has both.
const urgency = ({ priority = 0 }: Schedule): number => -priority

/** `at`: where the prefix begins among the octets of the call; the data, if any, follow it. */
export const newMessage = (
  id: MessageId,
  record: MessageRecord,
  bodyOctets: number,
  at: number,
  isFile: boolean,
): NewMessage => {
  const { sender, params, facts, origin, schedule, accepted, prefix, bodyFrom, recipients, history = [] } = record
  const head: Span = [at, prefix.length]
  return {
    id,
    sender: json(sender),
    senderKey: pathKey(sender),
    params: json(params),
    facts: json(facts),
    origin: json(origin),
    schedule: json(schedule),
    accepted,
    urgency: urgency(schedule),
    bodyFrom,
    bodyOctets,
    prefix: head,
    data: isFile ? null : [at + prefix.length, bodyOctets],
    recipients: newRows(recipients, schedule, accepted),
    history,
    completes: record.completes ? completionRow(id, record.completes) : null,
    trail: record.trail ?? null,
  }
}

export const newFork = (id: MessageId, { sender, params, schedule, recipients }: Fork, now: Instant): NewFork => ({
  id,
  sender: json(sender),
  senderKey: pathKey(sender),
  params: json(params),
  schedule: json(schedule),
  urgency: urgency(schedule),
  recipients: newRows(recipients, schedule, now),
})

const fateRow = (fate: Fate): FateRow => {
  const last = 'last' in fate && fate.last ? json(fate.last) : null
  const due = fate.is === 'parked' ? fate.at : 'due' in fate ? fate.due : 0
  return { fate: FATES.indexOf(fate.is), due: Math.round(due), last, why: fate.is === 'parked' ? fate.why : null }
}

/** Changes gathered by recipient: of several fates or lanes the last one holds. */
export const outcomes = (changes: readonly Change[]): Outcome[] => {
  const gathered = new Map<number, Outcome>()
  for (const change of changes) {
    if ('add' in change) continue
    const before = gathered.get(change.of) ?? { of: change.of, attempts: 0, reported: [] }
    const after =
      'lane' in change
        ? { ...before, lane: laneText(change.lane) }
        : {
            ...before,
            fate: fateRow(change.fate),
            attempts: before.attempts + (change.attempted ? 1 : 0),
            reported: [...before.reported, ...(change.reported ?? [])],
          }
    gathered.set(change.of, after)
  }
  return [...gathered.values()]
}

export const children = (changes: readonly Change[], now: Instant): { parent: number; row: NewRow }[] =>
  changes.flatMap((change) =>
    'add' in change ? [{ parent: change.parent, row: newRow(change.add, change.add.due ?? now) }] : [],
  )

const fateOf = ({ fate, due, last, why }: RecipientRow): Fate => {
  const is = FATES[fate]
  switch (is) {
    case 'waiting':
    case 'held':
      return last === null ? { is, due } : { is, due, last: JSON.parse(last) }
    case 'parked':
      return { is, why: why ?? '', at: due }
    case 'delivered':
    case 'failed':
    case 'expanded':
      return { is, last: JSON.parse(last ?? 'null') }
  }
  throw new SpoolError('broken', `A recipient has the fate ${fate}`)
}

export const recipientOf = (row: RecipientRow): SpooledRecipient => {
  const { key, parent, local, domain, params, sender, ancestors, attempts, lane, reported } = row
  return {
    key,
    ...(parent === null ? {} : { parent }),
    address: { local, domain },
    params: JSON.parse(params),
    ancestors: JSON.parse(ancestors),
    ...(sender === null ? {} : { sender: JSON.parse(sender) }),
    attempts,
    lane: lane === '' ? null : lane,
    fate: fateOf(row),
    reported: JSON.parse(reported),
  }
}

export const messageOf = (row: MessageRow): Omit<SpooledMessage, 'content'> => ({
  id: row.id,
  sender: JSON.parse(row.sender),
  params: JSON.parse(row.params),
  facts: JSON.parse(row.facts),
  origin: JSON.parse(row.origin),
  schedule: JSON.parse(row.schedule),
  accepted: row.accepted,
  octets: row.octets,
})

export const listedOf = ({ message, recipients }: ListedRow): Listed => ({
  ...messageOf(message),
  recipients: recipients.map(recipientOf),
})

export const trailedOf = ({ id, proof, accepted, schedule, recipients }: TrailedRow): Trailed => ({
  id,
  proof,
  accepted,
  recipients: recipients.map(recipientOf),
  ...(schedule === null ? {} : { schedule: JSON.parse(schedule) }),
})
