import type { Instant } from '../mail/instant.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { Bell } from './bell.ts'
import { type Disk, fromDisk } from './disk.ts'
import { messageIds } from './ids.ts'
import { sought } from './match.ts'
import { checkRecord } from './record.ts'
import {
  type Ahead,
  type Claim,
  type ClaimRequest,
  type Counts,
  type Draft,
  type HistoryEvent,
  type Listed,
  type ListMatch,
  type MessageId,
  type MessageRecord,
  type Operation,
  type Rests,
  type Settlement,
  type Spool,
  SpoolError,
  type Trails,
} from './spool.ts'
import type { BodyRow, ClaimRow, NewFork, NewMessage, Reads, Span, Writes } from './sqlite-calls.ts'
import { type DraftHome, type Folders, type ReadyBody, SqliteDraft } from './sqlite-draft.ts'
import { sweepFiles } from './sqlite-files.ts'
import { completed, SqlitePartials } from './sqlite-partials.ts'
import { children, listedOf, messageOf, newFork, newMessage, outcomes, recipientOf, trailedOf } from './sqlite-rows.ts'
import type { Thread } from './sqlite-thread.ts'

const SHARED_POLL = 1000
const SHARED_OCTETS = 262_144

/** What a spool is made of. `tag` is as `messageIds` wants it. */
export interface SqliteParts {
  readonly path: string
  readonly owner: string
  readonly clock: Clock
  readonly log: Log
  readonly disk: Disk
  readonly folders: Folders
  readonly writer: Thread<Writes>
  readonly reader: Thread<Reads>
  readonly tag: number
  readonly inlineUpTo: number
  readonly keepHistory: number
  /** Other processes write beside this one. */
  readonly shared: boolean
  release(): void
}

/** Mail in SQLite, as `openSqliteSpool` opens it. */
export class SqliteSpool implements Spool, DraftHome {
  readonly disk: Disk
  readonly folders: Folders
  readonly inlineUpTo: number
  readonly blocks: Buffer[] = []
  readonly partials: SqlitePartials
  readonly #parts: SqliteParts
  readonly #writer: Thread<Writes>
  readonly #reader: Thread<Reads>
  readonly #bell: Bell
  readonly #nextId: () => MessageId
  readonly #removing = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(parts: SqliteParts) {
    this.disk = parts.disk
    this.folders = parts.folders
    this.inlineUpTo = parts.inlineUpTo
    this.#parts = parts
    this.#writer = parts.writer
    this.#reader = parts.reader
    this.#bell = new Bell(parts.clock)
    this.#nextId = messageIds(parts.clock, parts.tag)
    const { disk, folders, writer } = parts
    this.partials = new SqlitePartials({ disk, folder: folders.partials, writer, nextFile: this.#nextId })
  }

  open(): Draft {
    return new SqliteDraft(this.#nextId(), this)
  }

  async keep(draft: SqliteDraft, record: MessageRecord): Promise<void> {
    checkRecord(record, draft.octets)
    const body = await draft.ready()
    const message = newMessage(draft.id, record, draft.octets, 0, 'file' in body)
    await this.#writer.call('keep', message, octetsOf(record, body))
    this.#bell.ring()
    if (record.completes) await completed(record.completes)
  }

  async claim(by: ClaimRequest): Promise<readonly Claim[]> {
    this.#bell.heard()
    const { out, total, octets } = await this.#writer.call('claim', by)
    // A claim that lives long must not hold on to the bodies of all that were made with it.
    const own = total > SHARED_OCTETS ? (span: Span) => new Uint8Array(octets(span)) : octets
    return out.map((row) => this.#claimOf(row, own))
  }

  async renew({ token, message }: Claim, until: Instant): Promise<void> {
    await this.#writer.call('renew', { token: Number(token), message: message.id, until })
  }

  async settle(claim: Claim, settlement: Settlement): Promise<readonly MessageId[]> {
    const { commits = [], forks = [] } = settlement
    if (new Set(commits.map(({ draft }) => draft)).size < commits.length)
      throw new SpoolError('invalid', 'A draft twice in one settlement')
    for (const fork of forks) checkRecord({ ...fork, bodyFrom: 0 }, 0)
    const reports = commits.map(({ draft, record }) => {
      if (!(draft instanceof SqliteDraft && draft.home === this))
        throw new SpoolError('invalid', `The draft ${draft.id} is not of this spool`)
      checkRecord(record, draft.octets)
      return { draft, record }
    })
    // Each draft is under way until the one transaction is over.
    const forked = forks.map((fork) => newFork(this.#nextId(), fork, settlement.now))
    const settled = reports.reduce(
      (then, { draft }) =>
        () =>
          draft.during(then),
      () => this.#settle(claim, settlement, reports, forked),
    )
    await settled()
    this.#bell.ring()
    for (const { record } of reports) if (record.completes) await completed(record.completes)
    return forked.map(({ id }) => id)
  }

  async recover(owner: string, now: Instant): Promise<void> {
    await this.#writer.call('recover', { owner, now })
    this.#bell.ring()
  }

  async wake(ms: number): Promise<void> {
    if (!this.#closing) await this.#bell.wait(this.#parts.shared ? Math.min(ms, SHARED_POLL) : ms)
  }

  async nextDue(): Promise<Instant | undefined> {
    return (await this.#writer.call('nextDue', { now: this.#parts.clock.now() })).out
  }

  async list({
    after = '',
    most,
    match = {},
  }: {
    after?: MessageId
    most: number
    match?: ListMatch
  }): Promise<readonly Listed[]> {
    const page = { after, most: Math.min(most, 500), by: sought(match), now: this.#parts.clock.now() }
    return (await this.#reader.call('list', page)).out.map(listedOf)
  }

  async show(id: MessageId): Promise<Listed | undefined> {
    return (await this.list({ most: 1, match: { id } }))[0]
  }

  async read(id: MessageId): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { out, octets } = await this.#reader.call('read', { id })
    return out && this.#content(id, out, octets(out.prefix), out.data && octets(out.data))
  }

  async trace(id: MessageId): Promise<readonly HistoryEvent[]> {
    return (await this.#reader.call('trace', { id })).out
  }

  async ahead({ identity = null, now }: { readonly identity?: string | null; readonly now: Instant }): Promise<Ahead> {
    return (await this.#reader.call('ahead', { identity, now })).out
  }

  async counts(): Promise<Counts> {
    return (await this.#reader.call('counts', { now: this.#parts.clock.now() })).out
  }

  async operate(operation: Operation): Promise<number> {
    const { out } = await this.#writer.call('operate', { operation, by: sought(operation.match) })
    this.#discard(out.files)
    this.#bell.ring()
    return out.met
  }

  async forgetLanes(): Promise<void> {
    for (let after: MessageId | undefined = ''; after !== undefined; )
      after = (await this.#writer.call('forgetLanes', { after })).out
    this.#bell.ring()
  }

  readonly rests: Rests = {
    rest: async (lane, until, why) => {
      await this.#writer.call('rest', { lane, until: Math.round(until), why })
    },
    lift: async (lane) => {
      if ((await this.#writer.call('lift', { lane })).out) this.#bell.ring()
    },
    list: async (now) => (await this.#writer.call('rests', { now })).out,
  }

  readonly trails: Trails = {
    find: async (name, proof, now) => (await this.#reader.call('trails', { name, proof, now })).out.map(trailedOf),
  }

  async sweep(now: Instant): Promise<void> {
    const before = now - this.#parts.keepHistory
    while ((await this.#writer.call('sweep', { now, before })).out);
    await this.partials.sweep(now)
    await sweepFiles(this.disk, this.#parts, this.#writer, now)
  }

  close(): Promise<void> {
    this.#closing ??= this.#letGo()
    return this.#closing
  }

  async #letGo(): Promise<void> {
    this.#bell.ring()
    await Promise.all([this.#writer.close(), this.#reader.close()])
    await this.partials.close()
    await Promise.all(this.#removing)
    this.#parts.release()
  }

  async #settle(
    claim: Claim,
    { now, changes, history = [] }: Settlement,
    reports: readonly { readonly draft: SqliteDraft; readonly record: MessageRecord }[],
    forks: readonly NewFork[],
  ): Promise<void> {
    const bytes: Uint8Array[] = []
    const messages: NewMessage[] = []
    let at = 0
    for (const { draft, record } of reports) {
      const body = await draft.ready()
      messages.push(newMessage(draft.id, record, draft.octets, at, 'file' in body))
      for (const part of octetsOf(record, body)) {
        bytes.push(part)
        at += part.length
      }
    }
    const { out } = await this.#writer.call(
      'settle',
      {
        token: Number(claim.token),
        message: claim.message.id,
        now,
        outcomes: outcomes(changes),
        children: children(changes, now),
        commits: messages,
        forks,
        history,
      },
      bytes,
    )
    this.#discard(out.files)
  }

  #claimOf({ token, message, body, recipients }: ClaimRow, octets: (span: Span) => Uint8Array): Claim {
    const lane = recipients[0]?.lane ?? ''
    const [prefix, data] = [octets(body.prefix), body.data && octets(body.data)]
    return {
      token: `${token}`,
      lane: lane === '' ? null : lane,
      message: { ...messageOf(message), content: () => this.#content(message.id, body, prefix, data) },
      recipients: recipients.map(recipientOf),
    }
  }

  async *#content(
    id: MessageId,
    { file, bodyFrom, bodyOctets }: BodyRow,
    prefix: Uint8Array,
    data: Uint8Array | null,
  ): AsyncIterable<Uint8Array> {
    if (prefix.length > 0) yield prefix
    if (data && bodyOctets > bodyFrom) yield data.subarray(bodyFrom)
    if (file === null) return
    let at = bodyFrom
    try {
      for await (const chunk of this.disk.read(`${this.folders.bodies}/${file}`, bodyFrom, bodyOctets)) {
        at += chunk.length
        yield chunk
      }
    } catch (error) {
      throw fromDisk(error)
    }
    if (at !== bodyOctets) throw new SpoolError('broken', `The body of ${id} ends at ${at} of ${bodyOctets} octets`)
  }

  /** Files of bodies that are gone. One that cannot be removed now is swept later. */
  #discard(files: readonly string[]): void {
    for (const file of files) {
      const removing = this.disk.remove(`${this.folders.bodies}/${file}`).catch((error: Error) => {
        this.#parts.log.event('warn', 'spool-file-left', { id: file, error: error.message })
      })
      this.#removing.add(removing)
      void removing.then(() => this.#removing.delete(removing))
    }
  }
}

const octetsOf = ({ prefix }: MessageRecord, body: ReadyBody): readonly Uint8Array[] =>
  'data' in body ? [prefix, body.data] : [prefix]
