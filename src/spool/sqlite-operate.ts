import type { SQLInputValue } from 'node:sqlite'
import type { Instant } from '../mail/instant.ts'
import type { Sought } from './match.ts'
import { deleted, operationLine, parkedFor, releasesEarly, returned } from './operate.ts'
import type { Fate, MessageId, Operation } from './spool.ts'
import { release } from './sqlite-claim.ts'
import { drop, remember } from './sqlite-keep.ts'
import type { Sql } from './sqlite-sql.ts'
import { leaveDeleted } from './sqlite-trails.ts'

export const FATES: readonly Fate['is'][] = ['waiting', 'held', 'parked', 'delivered', 'failed', 'expanded']

/** A condition and what stands for its question marks. */
export interface Condition {
  readonly sql: string
  readonly values: readonly SQLInputValue[]
}

export const allOf = (...parts: readonly (Condition | undefined)[]): Condition => {
  const given = parts.filter((part) => part !== undefined)
  return { sql: given.map(({ sql }) => sql).join(' AND ') || 'TRUE', values: given.flatMap(({ values }) => values) }
}

export const when = (sql: string, value: SQLInputValue | undefined): Condition | undefined =>
  value === undefined ? undefined : { sql, values: [value] }

/** Messages that their schedules keep beyond a time: an index has them, and no others. */
export const AHEAD = `SELECT id FROM message INDEXED BY message_ahead WHERE json_extract(schedule, '$.notBefore') > ?`

/** A fate as operators see it: what is kept for later is held. */
const seen = (fate: Fate['is'] | undefined, now: Instant): Condition | undefined => {
  if (fate === 'held') return when(`(fate = 1 OR fate = 0 AND message IN (${AHEAD}))`, now)
  if (fate === 'waiting') return when(`fate = 0 AND message NOT IN (${AHEAD})`, now)
  return when('fate = ?', fate && FATES.indexOf(fate))
}

/** What `Sought` asks of a row of `recipient`. */
export const ofRecipient = ({ recipient, domain, fate }: Sought, now: Instant): Condition => {
  const at = recipient?.lastIndexOf('@') ?? -1
  return allOf(
    when('site = ?', recipient?.slice(at + 1)),
    when('local = ?', recipient?.slice(0, Math.max(at, 0))),
    when('site = ?', domain),
    seen(fate, now),
  )
}

interface Effect {
  readonly fates: string
  readonly but?: Condition
  readonly set: Condition | undefined
}

/** The fates an operation meets and, for SET, what it makes of them. Undefined: it takes them away. */
const effect = (operation: Operation): Effect => {
  const { now } = operation
  switch (operation.do) {
    case 'retry':
      return {
        fates: '0',
        but: { sql: `message NOT IN (${AHEAD})`, values: [now] },
        set: { sql: 'due = ?, next = ?', values: [now, now] },
      }
    case 'hold':
      return { fates: '0', set: { sql: 'fate = 1', values: [] } }
    case 'release':
      return { fates: '1', set: { sql: 'fate = 0, next = due', values: [] } }
    case 'park':
      return {
        fates: '0, 1',
        set: { sql: 'fate = 2, due = ?, last = NULL, why = ?', values: [now, parkedFor(operation)] },
      }
    case 'unpark':
      return { fates: '2', set: { sql: 'fate = 0, due = ?, next = ?, why = NULL', values: [now, now] } }
    case 'bounce': {
      const last = JSON.stringify(returned(operation))
      return {
        fates: '0, 1, 2',
        set: { sql: 'fate = 0, due = ?, next = ?, last = ?, why = NULL', values: [now, now, last] },
      }
    }
    case 'delete':
      return { fates: '0, 1, 2', set: undefined }
  }
}

/** Mail is released before its schedule's time. */
const EARLY = (now: Instant): Effect => ({
  fates: '0',
  set: { sql: 'due = ?, next = ?', values: [now, now] },
})

/** No operator holds any of it. */
const ONLY_AHEAD = `${AHEAD} AND id = ?
  AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = message.id AND fate = 1)`

const RELEASED = `UPDATE message SET schedule = json_set(schedule, '$.notBefore', ?) WHERE id = ?`

export const operate = (
  sql: Sql,
  { operation, by }: { readonly operation: Operation; readonly by: Sought },
): { readonly met: number; readonly files: readonly string[] } => {
  const { now } = operation
  const early = releasesEarly(operation) && sql.one(ONLY_AHEAD, now, by.id ?? '') !== undefined
  const { fates, but, set } = early ? EARLY(now) : effect(operation)
  const where = allOf(
    ofRecipient(by, now),
    { sql: `fate IN (${fates})`, values: [] },
    but,
    { sql: '(fate <> 0 OR claim IS NULL OR next <= ?)', values: [now] },
    when('message = ?', by.id),
    when('message IN (SELECT id FROM message WHERE sender_key = ?)', by.sender),
  )
  const table = `recipient${(by.domain ?? by.recipient) !== undefined ? ' INDEXED BY recipient_by_site' : ''}`
  const count = `SELECT message, count(*) AS met FROM ${table} WHERE ${where.sql} GROUP BY message`
  const messages = sql.all<{ message: MessageId; met: number }>(count, ...where.values)
  if (messages.length === 0) return { met: 0, files: [] }

  const lapsed = `SELECT DISTINCT claim FROM ${table} WHERE claim IS NOT NULL AND ${where.sql}`
  for (const { claim } of sql.all<{ claim: number }>(lapsed, ...where.values)) release(sql, claim)
  if (set) sql.run(`UPDATE ${table} SET ${set.sql} WHERE ${where.sql}`, ...set.values, ...where.values)
  else {
    leaveDeleted(sql, table, where, deleted(operation))
    sql.run(`DELETE FROM ${table} WHERE ${where.sql}`, ...where.values)
  }

  if (early) for (const { message } of messages) sql.run(RELEASED, now, message)

  const files: string[] = []
  let all = 0
  for (const { message, met } of messages) {
    all += met
    remember(sql, message, now, [operationLine(operation, met)])
    if (!set) lessen(sql, message, met, files)
  }
  return { met: all, files }
}

const lessen = (sql: Sql, id: MessageId, by: number, files: string[]): void => {
  const update = 'UPDATE message SET unsettled = unsettled - ? WHERE id = ? RETURNING unsettled'
  if (sql.one<{ unsettled: number }>(update, by, id)?.unsettled === 0) drop(sql, id, files)
}
