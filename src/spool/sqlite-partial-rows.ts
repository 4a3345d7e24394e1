import type { Instant } from '../mail/instant.ts'
import { PER_OPENING } from './partials.ts'
import { LeaseLost, SpoolError } from './spool.ts'
import type { CompletionRow, FoundRow, NewPartial } from './sqlite-calls.ts'
import type { Sql } from './sqlite-sql.ts'

const STEP = 500

interface FileRow {
  readonly seq: number
  readonly file: string
  readonly octets: number
}

const LAST = 'SELECT seq, file, octets FROM partial_file WHERE partial = ? ORDER BY seq DESC LIMIT 1'

/** The file that whoever has the partial open writes to. */
const opened = (sql: Sql, name: string, file: string): FileRow | undefined => {
  const last = sql.one<FileRow>(LAST, name)
  return last?.file === file ? last : undefined
}

const mustBeOpened = (sql: Sql, name: string, file: string): FileRow => {
  const row = opened(sql, name, file)
  if (!row) throw new LeaseLost(`Someone else has the partial ${name}`)
  return row
}

const USED = 'SELECT coalesce(sum(cost), 0) AS used FROM partial'

const roomOf = (sql: Sql, owner: string, most: number, mostOfAll: number): number => {
  const used = sql.one<{ used: number }>(`${USED} WHERE owner = ?`, owner)?.used ?? 0
  if (mostOfAll === Number.POSITIVE_INFINITY) return most - used
  return Math.min(most - used, mostOfAll - (sql.one<{ used: number }>(USED)?.used ?? 0))
}

const COUNT = 'SELECT count(*) AS count FROM partial WHERE owner = ? AND message IS NULL'

interface PartialRow {
  readonly owner: string
  readonly octets: number
  readonly most: number
  readonly expires: Instant
  readonly message: string | null
}

const PARTIAL = 'SELECT owner, octets, most, expires, message FROM partial WHERE name = ?'
const NEW_FILE = 'INSERT INTO partial_file (partial, seq, file, octets) VALUES (?, ?, ?, 0)'
const FILES = 'SELECT file, octets FROM partial_file WHERE partial = ? AND octets > 0 ORDER BY seq'

export const findPartial = (
  sql: Sql,
  name: string,
  file: string,
  now: Instant,
  mostOfAll: number,
): FoundRow | undefined => {
  const row = sql.one<PartialRow>(PARTIAL, name)
  if (!row || row.expires <= now) return undefined
  const { owner, octets, most, message } = row
  const note = sql.one<{ note: string }>('SELECT note FROM partial_note WHERE partial = ?', name)?.note ?? ''
  if (message !== null) return { message, octets, note }
  const files = sql.all<{ file: string; octets: number }>(FILES, name)
  const left = open(sql, name, file)
  return { message, note, room: roomOf(sql, owner, most, mostOfAll), files, left }
}

/** Puts a file in the place of the last one if that is empty, or after it. The one that is needed no more. */
const open = (sql: Sql, name: string, file: string): readonly string[] => {
  const last = sql.one<FileRow>(LAST, name)
  if (last && last.octets === 0) {
    sql.run('UPDATE partial_file SET file = ? WHERE partial = ? AND seq = ?', file, name, last.seq)
    return [last.file]
  }
  sql.run(NEW_FILE, name, (last?.seq ?? 0) + 1, file)
  sql.run('UPDATE partial SET cost = cost + ? WHERE name = ?', PER_OPENING, name)
  return []
}

const NEW = 'INSERT INTO partial (name, owner, octets, cost, most, expires) VALUES (?, ?, 0, ?, ?, ?)'

export const beginPartial = (sql: Sql, partial: NewPartial): { room: number; files: readonly string[] } => {
  const { name, file, note, owner, cost, most, mostOfAll, mostPartials, expires } = partial
  const files = dropPartial(sql, name, null)
  sql.run(NEW, name, owner, cost, most, expires)
  sql.run('INSERT INTO partial_note (partial, note) VALUES (?, ?)', name, note)
  sql.run(NEW_FILE, name, 1, file)
  const room = roomOf(sql, owner, most, mostOfAll)
  const count = sql.one<{ count: number }>(COUNT, owner)?.count ?? 0
  if (room < 0 || count > mostPartials) throw noRoom(name)
  return { room, files }
}

export const syncPartial = (sql: Sql, name: string, file: string, octets: number, mostOfAll: number): number => {
  const { seq, octets: before } = mustBeOpened(sql, name, file)
  const more = octets - before
  sql.run('UPDATE partial_file SET octets = ? WHERE partial = ? AND seq = ?', octets, name, seq)
  sql.run('UPDATE partial SET octets = octets + ?, cost = cost + ? WHERE name = ?', more, more, name)
  const { owner = '', most = 0 } = sql.one<PartialRow>(PARTIAL, name) ?? {}
  const room = roomOf(sql, owner, most, mostOfAll)
  if (room < 0) throw noRoom(name)
  return room
}

const TOMBSTONE = 'UPDATE partial SET octets = ?, cost = 0, expires = ?, message = ? WHERE name = ?'

/** Throws `LeaseLost`. Whoever completes it knows its files. */
export const completePartial = (sql: Sql, { name, file, message, octets, until, note }: CompletionRow): void => {
  mustBeOpened(sql, name, file)
  sql.run(TOMBSTONE, octets, until, message, name)
  if (note === null) sql.run('DELETE FROM partial_note WHERE partial = ?', name)
  else sql.run('UPDATE partial_note SET note = ? WHERE partial = ?', note, name)
  sql.run('DELETE FROM partial_file WHERE partial = ?', name)
}

export const forgetPartial = (sql: Sql, name: string): void => {
  if (sql.one<PartialRow>(PARTIAL, name)?.message != null) dropPartial(sql, name, null)
}

export const dropPartial = (sql: Sql, name: string, file: string | null): readonly string[] => {
  if (file !== null && !opened(sql, name, file)) return []
  sql.run('DELETE FROM partial WHERE name = ?', name)
  sql.run('DELETE FROM partial_note WHERE partial = ?', name)
  return sql
    .all<{ file: string }>('DELETE FROM partial_file WHERE partial = ? RETURNING file', name)
    .map(({ file }) => file)
}

export const sweepPartials = (sql: Sql, now: Instant): { files: readonly string[]; isMore: boolean } => {
  const some = sql.all<{ name: string }>(`SELECT name FROM partial WHERE expires <= ? LIMIT ${STEP}`, now)
  return { files: some.flatMap(({ name }) => dropPartial(sql, name, null)), isMore: some.length === STEP }
}

/** Files that no partial has. */
export const orphansOfPartials = (sql: Sql, files: readonly string[]): readonly string[] =>
  files.filter((file) => !sql.one('SELECT 1 FROM partial_file WHERE file = ?', file))

const noRoom = (name: string): SpoolError => new SpoolError('full', `No room for the partial ${name}`)
