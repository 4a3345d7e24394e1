import type { Diagnosis } from '../mail/diagnosis.ts'
import type { Instant } from '../mail/instant.ts'
import type { Trail } from '../mail/trail.ts'
import type { MessageId } from './spool.ts'
import type { RecipientRow, TrailedRow } from './sqlite-calls.ts'
import type { Condition } from './sqlite-operate.ts'
import type { Sql } from './sqlite-sql.ts'
import { MESSAGES_TOLD, RECIPIENTS_TOLD } from './trails.ts'

const STEP = 500

const BEGIN = 'INSERT INTO trail (message, name, proof, accepted, until, gone) VALUES (?, ?, ?, ?, ?, 0)'

export const beginTrail = (sql: Sql, id: MessageId, { name, proof, until }: Trail, accepted: Instant): void => {
  sql.run(BEGIN, id, name, proof, accepted, until)
}

/** For a SELECT from `message`: whether it is followed. */
export const IS_FOLLOWED = 'EXISTS (SELECT 1 FROM trail WHERE trail.message = message.id)'

const COLUMNS = 'key, parent, local, domain, params, sender, ancestors, lane, fate, due, attempts, reported, last, why'
const INTO = `INSERT INTO trail_recipient (message, ${COLUMNS}) SELECT message, ${COLUMNS} FROM recipient WHERE message = ?`

/** The message is about to go, and its recipients with it. */
export const leaveTrail = (sql: Sql, id: MessageId): void => {
  sql.run(INTO, id)
  sql.run('UPDATE trail SET gone = 1 WHERE message = ?', id)
}

/** These recipients are about to be deleted. */
export const leaveDeleted = (sql: Sql, table: string, where: Condition, last: Diagnosis): void => {
  const columns = COLUMNS.replace('fate', '4').replace('last', '?')
  sql.run(
    `INSERT INTO trail_recipient (message, ${COLUMNS}) SELECT message, ${columns} FROM ${table}
      WHERE ${where.sql} AND message IN (SELECT message FROM trail)`,
    JSON.stringify(last),
    ...where.values,
  )
}

/** The message was accepted by a clock that was `ms` fast. */
export const trailEarlier = (sql: Sql, id: MessageId, ms: number): void => {
  sql.run('UPDATE trail SET accepted = accepted - ?, until = until - ? WHERE message = ?', ms, ms, id)
}

interface Found {
  readonly id: MessageId
  readonly proof: string
  readonly accepted: Instant
  readonly schedule: string | null
}

const FIND = `SELECT t.message AS id, t.proof, t.accepted, m.schedule FROM trail t LEFT JOIN message m ON m.id = t.message
  WHERE t.name = ? AND t.proof = ? AND (t.gone = 0 OR t.until > ?) ORDER BY t.message LIMIT ${MESSAGES_TOLD}`

const RECIPIENTS = `SELECT ${COLUMNS} FROM trail_recipient WHERE message = ?
  UNION ALL SELECT ${COLUMNS} FROM recipient WHERE message = ? ORDER BY key LIMIT ?`

export const findTrails = (sql: Sql, name: string, proof: string, now: Instant): readonly TrailedRow[] => {
  const rows: TrailedRow[] = []
  let left = RECIPIENTS_TOLD
  for (const found of sql.all<Found>(FIND, name, proof, now)) {
    if (left === 0) break
    const recipients = sql.all<RecipientRow>(RECIPIENTS, found.id, found.id, left)
    left -= recipients.length
    rows.push({ ...found, recipients })
  }
  return rows
}

/** Forgets some whose time is over; whether there is more. */
export const sweepTrails = (sql: Sql, now: Instant): boolean => {
  const some = sql.all<{ message: MessageId }>(
    `SELECT message FROM trail INDEXED BY trail_by_end WHERE gone = 1 AND until <= ? LIMIT ${STEP}`,
    now,
  )
  for (const { message } of some) {
    sql.run('DELETE FROM trail_recipient WHERE message = ?', message)
    sql.run('DELETE FROM trail WHERE message = ?', message)
  }
  return some.length === STEP
}
