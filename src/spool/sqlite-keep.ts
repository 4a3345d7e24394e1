import type { Instant } from '../mail/instant.ts'
import type { MessageId } from './spool.ts'
import type { NewFork, NewMessage, NewRow, Span } from './sqlite-calls.ts'
import { completePartial } from './sqlite-partial-rows.ts'
import type { Sql } from './sqlite-sql.ts'
import { beginTrail, IS_FOLLOWED, leaveTrail } from './sqlite-trails.ts'

/** The octets that came with a call. */
export type Octets = (span: Span) => Uint8Array

const BODY = 'INSERT INTO body (message, octets, prefix, data, file) VALUES (?, ?, ?, ?, ?)'

const MESSAGE = `INSERT INTO message (id, body, body_from, forked, octets, sender, sender_key, params, facts, origin, schedule,
  accepted, unsettled) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const FORK = `INSERT INTO message (id, body, body_from, forked, octets, sender, sender_key, params, facts, origin, schedule,
  accepted, unsettled)
  SELECT ?, body, body_from, 1, octets, ?, ?, ?, facts, origin, ?, accepted, ? FROM message WHERE id = ?`

const RECIPIENT = `INSERT INTO recipient (message, key, parent, local, domain, site, params, sender, ancestors, urgency, lane,
  fate, due, next, attempts, reported, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, ?, ?)`

const HISTORY = 'INSERT INTO history (message, seq, at, text, fork) VALUES (?, ?, ?, ?, ?)'

export const keep = (sql: Sql, message: NewMessage, octets: Octets): void => {
  const { id, bodyOctets, prefix, data, bodyFrom, recipients } = message
  const bytes = data && octets(data)
  const body = sql.insert(BODY, id, bodyOctets, octets(prefix), bytes, bytes ? null : id)
  const size = prefix[1] + bodyOctets - bodyFrom
  const { sender, senderKey, params, facts, origin, schedule, accepted, urgency } = message
  const envelope = [sender, senderKey, params, facts, origin, schedule, accepted] as const
  sql.run(MESSAGE, id, body, bodyFrom, size, ...envelope, recipients.length)
  addRecipients(sql, id, urgency, recipients)
  remember(sql, id, accepted, message.history)
  if (message.completes) completePartial(sql, message.completes)
  if (message.trail) beginTrail(sql, id, message.trail, accepted)
}

export const fork = (sql: Sql, parent: MessageId, one: NewFork): void => {
  const { id, sender, senderKey, params, schedule, recipients } = one
  sql.run(FORK, id, sender, senderKey, params, schedule, recipients.length, parent)
  addRecipients(sql, id, one.urgency, recipients)
}

const addRecipients = (sql: Sql, message: MessageId, urgency: number, rows: readonly NewRow[]): void => {
  for (const [key, row] of rows.entries()) addRecipient(sql, message, key, urgency, row, null, row[7])
}

export const addRecipient = (
  sql: Sql,
  message: MessageId,
  key: number,
  urgency: number,
  [local, domain, site, params, sender, lane, due, , reported, last]: NewRow,
  parent: number | null,
  ancestors: string,
): void => {
  const address = [local, domain, site] as const
  const begun = [due, due, reported, last] as const
  sql.run(RECIPIENT, message, key, parent, ...address, params, sender, ancestors, urgency, lane, ...begun)
}

/** Adds to the history of a message, which may be gone. */
export const remember = (
  sql: Sql,
  message: MessageId,
  at: Instant,
  lines: readonly string[],
  forked: MessageId | null = null,
): void => {
  if (lines.length === 0) return
  const last = sql.one<{ seq: number }>('SELECT seq FROM history WHERE message = ? ORDER BY seq DESC LIMIT 1', message)
  for (const [i, text] of lines.entries()) sql.run(HISTORY, message, (last?.seq ?? 0) + 1 + i, at, text, forked)
}

interface Shared {
  readonly body: number
  readonly forked: number
  readonly followed: number
}

const OTHERS = `SELECT 1 FROM message INDEXED BY message_by_body WHERE body = ? AND forked = 1
  UNION ALL SELECT 1 FROM body JOIN message ON message.id = body.message WHERE body.key = ? LIMIT 1`

/** Takes a message away, and its body when no other has it. The body's file is added to `files`. */
export const drop = (sql: Sql, id: MessageId, files: string[]): void => {
  const message = sql.one<Shared>(`SELECT body, forked, ${IS_FOLLOWED} AS followed FROM message WHERE id = ?`, id)
  if (message?.followed) leaveTrail(sql, id)
  sql.run('DELETE FROM recipient WHERE message = ?', id)
  sql.run('DELETE FROM message WHERE id = ?', id)
  if (!message || sql.one(OTHERS, message.body, message.body)) return
  const row = sql.one<{ file: string | null }>('DELETE FROM body WHERE key = ? RETURNING file', message.body)
  if (row?.file != null) files.push(row.file)
}
