import type { Address } from '../mail/address.ts'
import type { Instant } from '../mail/instant.ts'
import type { Schedule } from '../smtp/extension.ts'
import { idsFrom } from './ids.ts'
import { earlier, firstDue, forkLines } from './record.ts'
import { type MessageId, SpoolError } from './spool.ts'
import type { Outcome, SettleCall } from './sqlite-calls.ts'
import { leaseOf, release } from './sqlite-claim.ts'
import { addRecipient, drop, fork, keep, type Octets, remember } from './sqlite-keep.ts'
import type { Sql } from './sqlite-sql.ts'
import { IS_FOLLOWED, trailEarlier } from './sqlite-trails.ts'

/** Fates from here on are settled. */
export const SETTLED = 3

export const settle = (sql: Sql, call: SettleCall, octets: Octets): { readonly files: readonly string[] } => {
  const { token, message, now, outcomes, children, commits, forks, history } = call
  const { keys } = leaseOf(sql, token, message)
  const ours = new Set(keys)
  for (const of of [...outcomes.map((outcome) => outcome.of), ...children.map((child) => child.parent)])
    if (!ours.has(of)) throw new SpoolError('invalid', `Recipient ${of} of ${message} is not in this claim`)
  sql.run('DELETE FROM lease WHERE token = ?', token)

  for (const one of commits) keep(sql, one, octets)
  for (const one of forks) {
    const lines = forkLines(message, one.id)
    fork(sql, message, one)
    remember(sql, one.id, now, [lines.fork])
    remember(sql, message, now, [lines.parent], one.id)
  }
  remember(sql, message, now, history)

  const files: string[] = []
  const settled = outcomes.filter(({ fate }) => fate !== undefined && fate.fate >= SETTLED).length
  const before = sql.one<Unsettled>(UNSETTLED, message) ?? { unsettled: 0, followed: 0 }
  const unsettled = before.unsettled - settled + children.length
  // What became of mail that goes is written down only where somebody may ask.
  if (unsettled > 0 || before.followed) {
    if (unsettled !== before.unsettled) sql.run('UPDATE message SET unsettled = ? WHERE id = ?', unsettled, message)
    addChildren(sql, call)
    for (const outcome of outcomes) record(sql, message, outcome)
    const touched = new Set(outcomes.map(({ of }) => of))
    const RELEASE = 'UPDATE recipient SET claim = NULL, next = due WHERE message = ? AND key = ?'
    for (const key of keys) if (!touched.has(key)) sql.run(RELEASE, message, key)
  }
  if (unsettled === 0) drop(sql, message, files)
  return { files }
}

interface Unsettled {
  readonly unsettled: number
  readonly followed: number
}

const UNSETTLED = `SELECT unsettled, ${IS_FOLLOWED} AS followed FROM message WHERE id = ?`

const CHANGE = `UPDATE recipient SET claim = NULL, lane = coalesce(?, lane), attempts = attempts + ?,
  reported = coalesce(?, reported)`
const STAYS = `${CHANGE}, next = due WHERE message = ? AND key = ?`
const CHANGES = `${CHANGE}, fate = ?, due = ?, next = ?, last = ?, why = ? WHERE message = ? AND key = ?`

const record = (sql: Sql, message: MessageId, { of, lane, attempts, reported, fate }: Outcome): void => {
  const all = reported.length > 0 ? reportedWith(sql, message, of, reported) : null
  const always = [lane ?? null, attempts, all] as const
  if (!fate) sql.run(STAYS, ...always, message, of)
  else sql.run(CHANGES, ...always, fate.fate, fate.due, fate.due, fate.last, fate.why, message, of)
}

const reportedWith = (sql: Sql, message: MessageId, key: number, more: readonly string[]): string => {
  const select = 'SELECT reported FROM recipient WHERE message = ? AND key = ?'
  const before: string[] = JSON.parse(sql.one<{ reported: string }>(select, message, key)?.reported ?? '[]')
  return JSON.stringify([...new Set([...before, ...more])])
}

interface ParentRow {
  readonly local: string
  readonly domain: string
  readonly ancestors: string
  readonly urgency: number
}

const addChildren = (sql: Sql, { message, children }: SettleCall): void => {
  const last = 'SELECT key FROM recipient WHERE message = ? ORDER BY key DESC LIMIT 1'
  let key = sql.one<{ key: number }>(last, message)?.key ?? -1
  for (const { parent, row } of children) {
    const select = 'SELECT local, domain, ancestors, urgency FROM recipient WHERE message = ? AND key = ?'
    const from = sql.one<ParentRow>(select, message, parent)
    if (!from) throw new Error(`Recipient ${parent} of ${message} is gone`)
    const older: Address[] = JSON.parse(from.ancestors)
    const ancestors = JSON.stringify([{ local: from.local, domain: from.domain }, ...older])
    addRecipient(sql, message, ++key, from.urgency, row, parent, ancestors)
  }
}

export const recover = (sql: Sql, owner: string, now: Instant): void => {
  for (const { token } of sql.all<{ token: number }>('SELECT token FROM lease WHERE owner = ?', owner))
    release(sql, token)
  comeBack(sql, now)
}

interface Ahead {
  readonly id: MessageId
  readonly accepted: Instant
  readonly schedule: string
}

/** The clock was fast and went back. An id tells when it was made, so no message of the past is looked at. */
const comeBack = (sql: Sql, now: Instant): void => {
  const select = 'SELECT id, accepted, schedule FROM message WHERE id >= ? AND accepted > ?'
  for (const { id, accepted, schedule } of sql.all<Ahead>(select, idsFrom(now), now)) {
    const moved: Schedule = earlier(JSON.parse(schedule), accepted - now)
    const due = firstDue({ address: { local: '', domain: '' }, params: {} }, moved, now)
    sql.run('UPDATE message SET accepted = ?, schedule = ? WHERE id = ?', now, JSON.stringify(moved), id)
    trailEarlier(sql, id, accepted - now)
    const unclaimed = 'claim IS NULL AND fate = 0'
    sql.run(
      `UPDATE recipient SET due = min(due, ?), next = CASE WHEN ${unclaimed} THEN min(due, ?) ELSE next END
        WHERE message = ? AND fate IN (0, 1)`,
      due,
      due,
      id,
    )
  }
}
