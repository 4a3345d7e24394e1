import type { Instant } from '../mail/instant.ts'
import type { Ahead, Counts, HistoryEvent, MessageId } from './spool.ts'
import type { BodyRow, ListedRow, MessageRow, Reads, RecipientRow } from './sqlite-calls.ts'
import { MESSAGE_COLUMNS, type Pack, RECIPIENT_COLUMNS, readBody } from './sqlite-claim.ts'
import { AHEAD, allOf, ofRecipient, when } from './sqlite-operate.ts'
import type { Sql } from './sqlite-sql.ts'

const RECIPIENTS_SHOWN = 1000

const HELD = 'SELECT message FROM recipient INDEXED BY recipient_by_fate WHERE fate IN (1, 2) AND fate = 1'

export const list = (sql: Sql, { after, most, by, now }: Reads['list']['in']): readonly ListedRow[] => {
  const { id, sender } = by
  const columns = `${MESSAGE_COLUMNS.split(', ').map((name) => `m.${name}`)}`
  // Where a domain or a rare fate is sought, its index leads; else the messages do, in their order.
  const leads = by.domain !== undefined || by.recipient !== undefined ? 'recipient_by_site' : 'recipient_by_fate'
  const isRare = leads === 'recipient_by_site' || by.fate === 'parked'
  const rare = leads === 'recipient_by_fate' ? ' AND r.fate IN (1, 2)' : ''
  const held = by.fate === 'held' && !isRare ? when(`m.id IN (${HELD} UNION ${AHEAD})`, now) : undefined
  const message = allOf(held, when('m.id = ?', id), when('m.sender_key = ?', sender), when('m.id > ?', after))
  const recipient = ofRecipient(by, now)
  const select = isRare
    ? `SELECT ${columns} FROM recipient r INDEXED BY ${leads} CROSS JOIN message m ON m.id = r.message
        WHERE ${recipient.sql}${rare} AND r.message > ? AND ${message.sql} GROUP BY r.message ORDER BY r.message LIMIT ?`
    : `SELECT ${columns} FROM message m WHERE ${message.sql}
        AND EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.id AND ${recipient.sql}) ORDER BY m.id LIMIT ?`
  const values = isRare
    ? [...recipient.values, after, ...message.values, most]
    : [...message.values, ...recipient.values, most]
  return sql.all<MessageRow>(select, ...values).map((row) => ({ message: row, recipients: recipients(sql, row.id) }))
}

const recipients = (sql: Sql, message: MessageId): RecipientRow[] =>
  sql.all(
    `SELECT ${RECIPIENT_COLUMNS} FROM recipient WHERE message = ? ORDER BY fate >= 3, key LIMIT ${RECIPIENTS_SHOWN}`,
    message,
  )

export const read = (sql: Sql, id: MessageId, pack: Pack): BodyRow | undefined =>
  sql.one('SELECT 1 FROM message WHERE id = ?', id) === undefined ? undefined : readBody(sql, id, pack)

const TRACE = `WITH RECURSIVE line (of, seq, at, text, fork) AS (
    SELECT message, seq, at, text, fork FROM history WHERE message = ?
    UNION
    SELECT h.message, h.seq, h.at, h.text, h.fork FROM line JOIN history h ON h.message = line.fork)
  SELECT of, at, text FROM line ORDER BY at, of, seq`

/** The history of a message and, marked with their ids, of its forks. */
export const trace = (sql: Sql, id: MessageId): readonly HistoryEvent[] =>
  sql
    .all<{ of: MessageId; at: number; text: string }>(TRACE, id)
    .map(({ of, at, text }) => ({ at, text: of === id ? text : `${of}: ${text}` }))

const COUNTS = `WITH later (recipients) AS MATERIALIZED
    (SELECT count(*) FROM recipient INDEXED BY recipient_by_group WHERE fate = 0 AND message IN (${AHEAD}))
  SELECT (SELECT count(*) FROM message) AS messages,
  (SELECT count(*) FROM recipient INDEXED BY recipient_by_due WHERE fate = 0) - (SELECT recipients FROM later) AS waiting,
  (SELECT count(*) FROM (${HELD})) + (SELECT recipients FROM later) AS held,
  (SELECT count(*) FROM recipient INDEXED BY recipient_by_fate WHERE fate IN (1, 2) AND fate = 2) AS parked`

export const counts = (sql: Sql, { now }: Reads['counts']['in']): Counts => ({
  messages: 0,
  waiting: 0,
  held: 0,
  parked: 0,
  ...sql.one<Counts>(COUNTS, now),
})

const KEPT = `SELECT count(*) AS messages, coalesce(sum(octets), 0) AS octets FROM message
  WHERE json_extract(schedule, '$.notBefore') > ?1 AND (?2 IS NULL OR json_extract(origin, '$.identity') = ?2)`

export const ahead = (sql: Sql, { identity, now }: { identity: string | null; now: Instant }): Ahead =>
  sql.one<Ahead>(KEPT, now, identity) ?? { messages: 0, octets: 0 }
