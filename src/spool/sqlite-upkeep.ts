import type { Instant } from '../mail/instant.ts'
import { idsFrom } from './ids.ts'
import type { MessageId } from './spool.ts'
import type { Sql } from './sqlite-sql.ts'
import { sweepTrails } from './sqlite-trails.ts'

const STEP = 2000

interface Laned {
  readonly message: MessageId
  readonly key: number
}

/** Lanes of a few thousand recipients, in the order of messages. The message to go on with; undefined at the end. */
export const forgetLanes = (sql: Sql, from: MessageId): MessageId | undefined => {
  const select = `SELECT message, key FROM recipient WHERE message >= ? AND lane <> '' AND fate < 3
    ORDER BY message LIMIT ${STEP}`
  const some = sql.all<Laned>(select, from)
  for (const { message, key } of some)
    sql.run("UPDATE recipient SET lane = '' WHERE message = ? AND key = ?", message, key)
  return some.length < STEP ? undefined : some.at(-1)?.message
}

export const rest = (sql: Sql, lane: string, until: Instant, why: string): void => {
  sql.run('INSERT OR REPLACE INTO rest (lane, until, why) VALUES (?, ?, ?)', lane, until, why)
}

export const lift = (sql: Sql, lane: string): boolean => sql.run('DELETE FROM rest WHERE lane = ?', lane) > 0

export const rests = (sql: Sql, now: Instant): { lane: string; until: Instant; why: string }[] =>
  sql.all('SELECT lane, until, why FROM rest WHERE until > ?', now)

const FREE_PAGES_TO_KEEP = 256

/** One small step; whether there is more to do. */
export const sweep = (sql: Sql, now: Instant, before: Instant): boolean => {
  sql.run('DELETE FROM rest WHERE until <= ?', now)
  // Ids tell the time, so that the rows of what is young are not looked at.
  const old = `SELECT message, seq FROM history WHERE message < ? AND at < ? LIMIT ${STEP}`
  const gone = sql.run(`DELETE FROM history WHERE (message, seq) IN (${old})`, idsFrom(before), before)
  const isMore = sweepTrails(sql, now)
  const free = sql.one<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0
  if (free > FREE_PAGES_TO_KEEP) sql.all('PRAGMA incremental_vacuum(64)')
  return gone === STEP || isMore || free > FREE_PAGES_TO_KEEP
}

/** Files that no body is in. */
export const orphans = (sql: Sql, files: readonly string[]): readonly string[] =>
  files.filter((file) => !sql.one('SELECT 1 FROM body INDEXED BY body_by_file WHERE file = ?', file))

const ENROL = `INSERT OR REPLACE INTO owner (name, tag, pid, started)
  SELECT ?, coalesce(max(tag), 0) + 1, ?, ? FROM owner RETURNING tag`

/** Enters a process, and gives it a number that no other living one has. */
export const enrol = (sql: Sql, name: string, pid: number, started: number): number =>
  sql.one<{ tag: number }>(ENROL, name, pid, started)?.tag ?? 0
