import type { Instant } from '../mail/instant.ts'
import type { Clock } from '../observe/clock.ts'
import { Bell } from './bell.ts'
import { messageIds } from './ids.ts'
import { meetsMessage, meetsRecipient, sought } from './match.ts'
import { joined, MemoryDraft } from './memory-draft.ts'
import { MemoryHistory } from './memory-history.ts'
import { type Lease, MemoryLeases } from './memory-leases.ts'
import { MemoryPartials } from './memory-partials.ts'
import { addRecipient, applyChange, type Kept, listed, octetsOf } from './memory-store.ts'
import { MemoryTrails } from './memory-trails.ts'
import { deleted, operated, operationLine, releasesEarly } from './operate.ts'
import { checkRecord, earlier, fateSeen, firstDue, forkLines, isAhead, isSettled } from './record.ts'
import {
  type Ahead,
  type Claim,
  type ClaimRequest,
  type Counts,
  type Draft,
  type Fork,
  type HistoryEvent,
  type Listed,
  type ListMatch,
  type MessageId,
  type MessageRecord,
  type NewRecipient,
  type Operation,
  type Rests,
  type Settlement,
  type Spool,
  SpoolError,
} from './spool.ts'

const TEN_DAYS = 10 * 86_400_000

export interface MemorySpoolOptions {
  readonly clock: Clock
  /** How long the history of a message is kept, in milliseconds; ten days when absent. */
  readonly keepHistory?: number
}

/** A spool that a crash empties: for tests, and for programs that answer before they promise. */
export const memorySpool = (options: MemorySpoolOptions): Spool => new MemorySpool(options)

class MemorySpool implements Spool {
  readonly #clock: Clock
  readonly #keepHistory: number
  readonly #bell: Bell
  readonly #nextId: () => MessageId
  readonly #messages = new Map<MessageId, Kept>()
  readonly #leases = new MemoryLeases()
  readonly #history = new MemoryHistory()
  readonly #rests = new Map<string, { until: Instant; why: string }>()
  #closed = false

  constructor({ clock, keepHistory = TEN_DAYS }: MemorySpoolOptions) {
    this.#clock = clock
    this.#keepHistory = keepHistory
    this.#bell = new Bell(clock)
    this.#nextId = messageIds(clock, 0)
  }

  open(): Draft {
    return new MemoryDraft(this, this.#nextId(), (draft, record) => {
      this.#mustBeOpen()
      this.#check(draft, record)
      this.#keep(draft, record)
      this.#bell.ring()
    })
  }

  async claim(by: ClaimRequest): Promise<readonly Claim[]> {
    this.#mustBeOpen()
    this.#bell.heard()
    return this.#leases.claim(this.#messages.values(), by)
  }

  async renew(claim: Claim, until: Instant): Promise<void> {
    this.#leaseOf(claim).until = until
  }

  async settle(claim: Claim, settlement: Settlement): Promise<readonly MessageId[]> {
    const { message, recipients } = this.#leaseOf(claim)
    const { now, changes, commits = [], forks = [], history = [] } = settlement
    const ours = new Map(recipients.map((recipient) => [recipient.key, recipient]))
    for (const change of changes) {
      const of = 'add' in change ? change.parent : change.of
      if (!ours.has(of)) throw new SpoolError('invalid', `Recipient ${of} of ${message.id} is not in this claim`)
    }
    if (new Set(commits.map(({ draft }) => draft)).size < commits.length)
      throw new SpoolError('invalid', 'A draft twice')
    for (const { draft, record } of commits) this.#check(this.#own(draft), record)
    for (const fork of forks) checkRecord({ ...fork, bodyFrom: 0 }, 0)

    this.#leases.release(claim.token)
    for (const change of changes) applyChange(message, ours, change, now)
    for (const { draft, record } of commits) this.#keep(this.#own(draft), record)
    const forked = forks.map((fork) => this.#fork(message, fork, now))
    this.#history.add(message.id, now, history)
    this.#dropIfServed(message)
    this.#bell.ring()
    return forked
  }

  async recover(owner: string, now: Instant): Promise<void> {
    this.#mustBeOpen()
    this.#leases.releaseAllOf(owner)
    for (const message of this.#messages.values()) {
      const ahead = message.accepted - now
      if (ahead <= 0) continue
      message.accepted = now
      message.schedule = earlier(message.schedule, ahead)
      this.trails.earlier(message.id, ahead)
      const due = firstDue({ address: { local: '', domain: '' }, params: {} }, message.schedule, now)
      for (const recipient of message.recipients.values()) {
        const { fate } = recipient
        if (fate.is === 'waiting' || fate.is === 'held') recipient.fate = { ...fate, due: Math.min(fate.due, due) }
      }
    }
    this.#bell.ring()
  }

  async wake(ms: number): Promise<void> {
    if (!this.#closed) await this.#bell.wait(ms)
  }

  async nextDue(): Promise<Instant | undefined> {
    this.#mustBeOpen()
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const message of this.#messages.values())
      for (const recipient of message.recipients.values())
        if (!this.#leases.isClaimed(recipient, now)) next = Math.min(next, this.#leases.next(recipient))
    return Number.isFinite(next) ? next : undefined
  }

  async list(page: { after?: MessageId; most: number; match?: ListMatch }): Promise<readonly Listed[]> {
    this.#mustBeOpen()
    const by = sought(page.match ?? {})
    const now = this.#clock.now()
    return [...this.#messages.values()]
      .filter((message) => page.after === undefined || message.id > page.after)
      .filter((message) => meetsMessage(by, message))
      .filter(({ recipients, schedule }) =>
        [...recipients.values()].some((one) => meetsRecipient(by, one, fateSeen(one.fate, schedule, now))),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, Math.min(page.most, 500))
      .map(listed)
  }

  async show(id: MessageId): Promise<Listed | undefined> {
    this.#mustBeOpen()
    const message = this.#messages.get(id)
    return message && listed(message)
  }

  async read(id: MessageId): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#mustBeOpen()
    const message = this.#messages.get(id)
    return message && joined(message.prefix, message.body, message.bodyFrom)
  }

  async trace(id: MessageId): Promise<readonly HistoryEvent[]> {
    this.#mustBeOpen()
    return this.#history.trace(id)
  }

  async counts(): Promise<Counts> {
    this.#mustBeOpen()
    const counts = { messages: this.#messages.size, waiting: 0, held: 0, parked: 0 }
    for (const message of this.#messages.values())
      for (const { fate } of message.recipients.values()) {
        const seen = fateSeen(fate, message.schedule, this.#clock.now())
        if (seen === 'waiting' || seen === 'held' || seen === 'parked') counts[seen]++
      }
    return counts
  }

  async ahead({ identity, now }: Parameters<Spool['ahead']>[0]): Promise<Ahead> {
    this.#mustBeOpen()
    const met = [...this.#messages.values()].filter(
      ({ schedule, origin }) => isAhead(schedule, now) && (identity === undefined || origin.identity === identity),
    )
    return { messages: met.length, octets: met.reduce((sum, message) => sum + octetsOf(message), 0) }
  }

  async operate(operation: Operation): Promise<number> {
    this.#mustBeOpen()
    const by = sought(operation.match)
    let all = 0
    for (const message of [...this.#messages.values()]) {
      if (!meetsMessage(by, message)) continue
      let met = 0
      const { schedule } = message
      const ahead = isAhead(schedule, operation.now)
      const isHeld = [...message.recipients.values()].some(({ fate }) => fate.is === 'held')
      const early = ahead && !isHeld && releasesEarly(operation)
      for (const recipient of [...message.recipients.values()]) {
        const seen = fateSeen(recipient.fate, schedule, operation.now)
        if (!meetsRecipient(by, recipient, seen) || this.#leases.isClaimed(recipient, operation.now)) continue
        const fate = operated(recipient.fate, operation, { ahead, early })
        if (fate === undefined) continue
        met++
        this.#leases.release(recipient.claim)
        if (fate === 'gone') {
          recipient.fate = { is: 'failed', last: deleted(operation) }
          this.trails.leave(message.id, [recipient])
          message.recipients.delete(recipient.key)
        } else recipient.fate = fate
      }
      if (met === 0) continue
      all += met
      if (early) message.schedule = { ...schedule, notBefore: operation.now }
      this.#history.add(message.id, operation.now, [operationLine(operation, met)])
      this.#dropIfServed(message)
    }
    this.#bell.ring()
    return all
  }

  async forgetLanes(): Promise<void> {
    this.#mustBeOpen()
    for (const message of this.#messages.values())
      for (const recipient of message.recipients.values()) if (!isSettled(recipient)) recipient.lane = null
    this.#bell.ring()
  }

  readonly rests: Rests = {
    rest: async (lane, until, why) => {
      this.#mustBeOpen()
      this.#rests.set(lane, { until, why })
    },
    lift: async (lane) => {
      this.#mustBeOpen()
      if (this.#rests.delete(lane)) this.#bell.ring()
    },
    list: async (now) => {
      this.#mustBeOpen()
      return [...this.#rests].filter(([, { until }]) => until > now).map(([lane, rest]) => ({ lane, ...rest }))
    },
  }

  readonly partials: MemoryPartials = new MemoryPartials(() => this.#mustBeOpen())

  readonly trails: MemoryTrails = new MemoryTrails((id) => {
    this.#mustBeOpen()
    return this.#messages.get(id)
  })

  async sweep(now: Instant): Promise<void> {
    this.#mustBeOpen()
    this.partials.forgetExpired(now)
    this.trails.forgetExpired(now)
    this.#history.forgetBefore(now - this.#keepHistory)
    for (const [lane, { until }] of this.#rests) if (until <= now) this.#rests.delete(lane)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#bell.ring()
    this.#messages.clear()
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new SpoolError('broken', 'The spool is closed')
  }

  #own(draft: Draft): MemoryDraft {
    if (draft instanceof MemoryDraft && draft.spool === this) return draft
    throw new SpoolError('invalid', `The draft ${draft.id} is not of this spool`)
  }

  #check(draft: MemoryDraft, record: MessageRecord): void {
    checkRecord(record, draft.contents().octets)
    if (record.completes) this.partials.check(record.completes)
  }

  #keep(draft: MemoryDraft, record: MessageRecord): void {
    const body = draft.contents()
    const { sender, params, facts, origin, schedule, accepted, prefix, bodyFrom, recipients, history = [] } = record
    const kept = {
      id: draft.id,
      sender,
      params,
      facts,
      origin,
      schedule,
      accepted,
      prefix: Uint8Array.from(prefix),
      bodyFrom,
    }
    this.#add({ ...kept, body }, recipients, accepted)
    draft.committed()
    if (record.completes) this.partials.complete(draft.id, record.completes)
    if (record.trail) this.trails.begin(draft.id, record.trail, accepted)
    this.#history.add(draft.id, accepted, history)
  }

  #fork(parent: Kept, fork: Fork, now: Instant): MessageId {
    const id = this.#nextId()
    const { sender, params, schedule, recipients } = fork
    this.#add({ ...parent, id, sender, params, schedule }, recipients, now)
    const lines = forkLines(parent.id, id)
    this.#history.add(id, now, [lines.fork])
    this.#history.add(parent.id, now, [lines.parent], id)
    return id
  }

  #add(message: Omit<Kept, 'recipients' | 'nextKey'>, recipients: readonly NewRecipient[], now: Instant): void {
    const kept: Kept = { ...message, recipients: new Map(), nextKey: 0 }
    for (const recipient of recipients)
      addRecipient(kept, recipient, firstDue(recipient, kept.schedule, now), { ancestors: recipient.ancestors ?? [] })
    this.#messages.set(kept.id, kept)
  }

  #leaseOf(claim: Claim): Lease {
    this.#mustBeOpen()
    return this.#leases.of(claim)
  }

  #dropIfServed(message: Kept): void {
    if (![...message.recipients.values()].every(isSettled)) return
    this.trails.leave(message.id, message.recipients.values())
    this.#messages.delete(message.id)
  }
}
