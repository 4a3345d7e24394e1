import type { Instant } from '../mail/instant.ts'
import { type ClaimRequest, LeaseLost, type MessageId } from './spool.ts'
import type { BodyRow, ClaimRow, MessageRow, RecipientRow, Span } from './sqlite-calls.ts'
import type { Sql } from './sqlite-sql.ts'

/** Puts octets beside an answer. */
export type Pack = (octets: Uint8Array) => Span

/** A due recipient, as the first of a group is found. */
interface Head {
  readonly urgency: number
  readonly next: Instant
  readonly message: MessageId
  readonly key: number
  readonly lane: string
}

interface Wanted {
  readonly by: ClaimRequest
  readonly except: ReadonlySet<string>
  readonly perLane: Map<string, number>
  /** `message/key` of what this request has claimed. */
  readonly taken: Set<string>
  readonly claims: ClaimRow[]
}

export const laneText = (lane: string | null): string => lane ?? ''

const PAGE = 200
const PASSED_OVER_AT_MOST = 600

/**
 * In order of priority and due time; once many were passed over because their lanes are not wanted, lane by lane, so
 * that mail for a destination that rests costs nothing.
 */
export const claim = (sql: Sql, by: ClaimRequest, pack: Pack): readonly ClaimRow[] => {
  const except = new Set(by.except?.map(laneText))
  const wanted: Wanted = { by, except, perLane: new Map(), taken: new Set(), claims: [] }
  if (by.only) laneByLane(sql, wanted, headsOf(sql, wanted, by.only.map(laneText)), pack)
  else if (!inOrder(sql, wanted, pack)) laneByLane(sql, wanted, headsOfAll(sql, wanted), pack)
  return wanted.claims
}

const isOpen = ({ by, except, perLane }: Wanted, lane: string): boolean =>
  !except.has(lane) && (lane === '' || (perLane.get(lane) ?? 0) < by.mostPerLane)

const FIRST = 'SELECT min(urgency) AS urgency FROM recipient INDEXED BY recipient_by_due WHERE fate = 0 AND urgency > ?'
const DUE = `SELECT urgency, next, message, key, lane FROM recipient INDEXED BY recipient_by_due
  WHERE fate = 0 AND urgency = ? AND next <= ? AND (next, lane, message, key) > (?, ?, ?, ?)
  ORDER BY next, lane, message, key LIMIT ${PAGE}`

/** Whether it came to an end: false when it stopped because it passed over too many. */
const inOrder = (sql: Sql, wanted: Wanted, pack: Pack): boolean => {
  let passed = 0
  for (const urgency of urgencies(sql)) {
    let after: Head = { urgency, next: Number.MIN_SAFE_INTEGER, lane: '', message: '', key: -1 }
    for (;;) {
      const page = sql.all<Head>(DUE, urgency, wanted.by.now, after.next, after.lane, after.message, after.key)
      for (const head of page) {
        if (wanted.claims.length >= wanted.by.most) return true
        if (wanted.taken.has(`${head.message}/${head.key}`)) continue
        if (isOpen(wanted, head.lane)) take(sql, wanted, head, pack)
        else if (++passed > PASSED_OVER_AT_MOST) return false
      }
      const last = page.at(-1)
      if (!last || page.length < PAGE) break
      after = last
    }
  }
  return true
}

function* urgencies(sql: Sql): Generator<number> {
  for (let last = Number.MIN_SAFE_INTEGER; ; ) {
    const row = sql.one<{ urgency: number | null }>(FIRST, last)
    if (row?.urgency == null) return
    yield (last = row.urgency)
  }
}

/** The first recipient of the next lane and urgency. */
const NEXT = `SELECT urgency, next, message, key, lane FROM recipient INDEXED BY recipient_by_lane
  WHERE fate = 0 AND (lane, urgency) > (?, ?) ORDER BY lane, urgency, next, message, key LIMIT 1`

/** Claimed recipients have moved to the end of their lease, so the first that is found is a new one. */
const headOf = (sql: Sql, lane: string, now: Instant): Head | undefined => {
  for (let urgency = Number.MIN_SAFE_INTEGER; ; ) {
    const head = sql.one<Head>(NEXT, lane, urgency)
    if (head?.lane !== lane) return undefined
    if (head.next <= now) return head
    urgency = head.urgency
  }
}

const headsOf = (sql: Sql, wanted: Wanted, lanes: readonly string[]): Map<string, Head> => {
  const heads = new Map<string, Head>()
  for (const lane of lanes) {
    const head = isOpen(wanted, lane) ? headOf(sql, lane, wanted.by.now) : undefined
    if (head) heads.set(lane, head)
  }
  return heads
}

/** Of every lane that has recipients which wait, one look-up a lane. */
const headsOfAll = (sql: Sql, wanted: Wanted): Map<string, Head> => {
  const heads = new Map<string, Head>()
  let head = sql.one<Head>(NEXT, '', Number.MIN_SAFE_INTEGER)
  while (head) {
    const { lane, next }: Head = head
    const isWanted = isOpen(wanted, lane)
    if (isWanted && next <= wanted.by.now) heads.set(lane, head)
    const isDone = !isWanted || heads.has(lane)
    head = sql.one<Head>(NEXT, lane, isDone ? Number.MAX_SAFE_INTEGER : head.urgency)
  }
  return heads
}

const before = (a: Head, b: Head): boolean => a.urgency < b.urgency || (a.urgency === b.urgency && a.next < b.next)

const laneByLane = (sql: Sql, wanted: Wanted, heads: Map<string, Head>, pack: Pack): void => {
  while (wanted.claims.length < wanted.by.most) {
    let first: Head | undefined
    for (const head of heads.values()) if (!first || before(head, first)) first = head
    if (!first) return
    take(sql, wanted, first, pack)
    const next = isOpen(wanted, first.lane) ? headOf(sql, first.lane, wanted.by.now) : undefined
    if (next) heads.set(first.lane, next)
    else heads.delete(first.lane)
  }
}

const GROUP = `SELECT key FROM recipient INDEXED BY recipient_by_group
  WHERE message = ? AND lane = ? AND fate = 0 AND next <= ? ORDER BY next, key LIMIT ?`

const RECIPIENT = `UPDATE recipient SET claim = ?, next = ? WHERE message = ? AND key = ?`

/** Claims the group a recipient is the first of. */
const take = (sql: Sql, { by, perLane, taken, claims }: Wanted, { message, lane }: Head, pack: Pack): void => {
  const keys = sql.all<{ key: number }>(GROUP, message, lane, by.now, by.mostRecipients).map(({ key }) => key)
  const recipients = keys.map((key) => readRecipient(sql, message, key))
  const lapsed = new Set(recipients.map((row) => row.claim))
  for (const token of lapsed) if (token !== null) release(sql, token)
  const insert = 'INSERT INTO lease (owner, until, message, keys) VALUES (?, ?, ?, ?)'
  const token = sql.insert(insert, by.owner, by.leaseUntil, message, JSON.stringify(keys))
  for (const key of keys) {
    sql.run(RECIPIENT, token, by.leaseUntil, message, key)
    taken.add(`${message}/${key}`)
  }
  perLane.set(lane, (perLane.get(lane) ?? 0) + 1)
  claims.push({ token, message: readMessage(sql, message), body: readBody(sql, message, pack), recipients })
}

export const RECIPIENT_COLUMNS =
  'key, parent, local, domain, params, sender, ancestors, lane, fate, due, attempts, reported, last, why, claim'
export const MESSAGE_COLUMNS = 'id, sender, params, facts, origin, schedule, accepted, octets'

const readRecipient = (sql: Sql, message: MessageId, key: number): RecipientRow & { claim: number | null } => {
  const select = `SELECT ${RECIPIENT_COLUMNS} FROM recipient WHERE message = ? AND key = ?`
  return found(sql.one<RecipientRow & { claim: number | null }>(select, message, key), message)
}

const readMessage = (sql: Sql, id: MessageId): MessageRow =>
  found(sql.one<MessageRow>(`SELECT ${MESSAGE_COLUMNS} FROM message WHERE id = ?`, id), id)

const READ_BODY = `SELECT m.body_from AS bodyFrom, b.octets AS bodyOctets, b.prefix, b.data, b.file
  FROM message m JOIN body b ON b.key = m.body WHERE m.id = ?`

interface StoredBody {
  readonly bodyFrom: number
  readonly bodyOctets: number
  readonly prefix: Uint8Array
  readonly data: Uint8Array | null
  readonly file: string | null
}

export const readBody = (sql: Sql, id: MessageId, pack: Pack): BodyRow => {
  const { prefix, data, ...row } = found(sql.one<StoredBody>(READ_BODY, id), id)
  return { ...row, prefix: pack(prefix), data: data && pack(data) }
}

const found = <T>(row: T | undefined, id: MessageId): T => {
  if (row === undefined) throw new Error(`The rows of ${id} are not complete`)
  return row
}

const RELEASE = 'UPDATE recipient SET claim = NULL, next = due WHERE message = ? AND key = ? AND claim = ?'

/** Makes a claim void. */
export const release = (sql: Sql, token: number): void => {
  const lease = sql.one<LeaseRow>('DELETE FROM lease WHERE token = ? RETURNING message, keys', token)
  if (!lease) return
  for (const key of JSON.parse(lease.keys)) sql.run(RELEASE, lease.message, key, token)
}

interface LeaseRow {
  readonly message: MessageId
  readonly keys: string
}

interface Lease {
  readonly message: MessageId
  readonly keys: readonly number[]
}

/** The lease of a claim that nobody else has taken. Throws `LeaseLost`. */
export const leaseOf = (sql: Sql, token: number, message: MessageId): Lease => {
  const lease = sql.one<LeaseRow>('SELECT message, keys FROM lease WHERE token = ?', token)
  if (lease?.message !== message) throw new LeaseLost(`The claim on ${message} is over`)
  return { message, keys: JSON.parse(lease.keys) }
}

export const renew = (sql: Sql, token: number, message: MessageId, until: Instant): void => {
  const { keys } = leaseOf(sql, token, message)
  sql.run('UPDATE lease SET until = ? WHERE token = ?', until, token)
  for (const key of keys) sql.run('UPDATE recipient SET next = ? WHERE message = ? AND key = ?', until, message, key)
}

/** The due time of what no claim holds, the earliest. */
export const nextDue = (sql: Sql, now: Instant): Instant | undefined => {
  const NEXT = `SELECT next FROM recipient INDEXED BY recipient_by_due
    WHERE fate = 0 AND urgency = ? AND (claim IS NULL OR next <= ?) ORDER BY next LIMIT 1`
  let first: Instant | undefined
  for (const urgency of urgencies(sql)) {
    const next = sql.one<{ next: Instant }>(NEXT, urgency, now)?.next
    if (next !== undefined && (first === undefined || next < first)) first = next
  }
  return first
}
