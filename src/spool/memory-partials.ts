import type { Instant } from '../mail/instant.ts'
import {
  type AboutPartial,
  type Completion,
  type Found,
  type PartialBody,
  type Partials,
  PER_OPENING,
} from './partials.ts'
import { LeaseLost, type MessageId, SpoolError } from './spool.ts'

interface Kept {
  about: AboutPartial
  readonly chunks: Uint8Array[]
  octets: number
  /** What it takes of its owner's room. */
  cost: number
  opener: MemoryPartial
}

interface Tombstone {
  readonly message: MessageId
  readonly octets: number
  readonly until: Instant
  readonly note: string
}

/** Partials in memory. */
export class MemoryPartials implements Partials {
  readonly #kept = new Map<string, Kept>()
  readonly #tombstones = new Map<string, Tombstone>()
  readonly #mustBeOpen: () => void

  /** `mustBeOpen` throws when the spool is not. */
  constructor(mustBeOpen: () => void) {
    this.#mustBeOpen = mustBeOpen
  }

  async find(name: string, now: Instant, mostOfAll?: number): Promise<Found | undefined> {
    this.#mustBeOpen()
    const tombstone = this.#tombstones.get(name)
    if (tombstone && tombstone.until > now) {
      const { message, octets, note } = tombstone
      return { is: 'complete', id: message, octets, note }
    }
    const kept = this.#kept.get(name)
    if (!kept || kept.about.expires <= now) return undefined
    if (kept.opener.offset > kept.opener.from) kept.cost += PER_OPENING
    kept.about = withAll(kept.about, mostOfAll)
    kept.opener = new MemoryPartial(this, name, kept.about.note, kept.octets, this.#room(kept.about))
    return { is: 'partial', partial: kept.opener }
  }

  async begin(name: string, about: AboutPartial): Promise<PartialBody> {
    this.#mustBeOpen()
    const cost = PER_OPENING + Buffer.byteLength(about.note)
    const before = this.#kept.get(name)
    const room = this.#room(about, before) - cost
    const others = [...this.#kept.values()].filter((kept) => kept !== before && kept.about.owner === about.owner)
    if (room < 0 || others.length >= (about.mostPartials ?? Number.POSITIVE_INFINITY)) throw noRoom(name)
    const opener = new MemoryPartial(this, name, about.note, 0, room)
    this.#tombstones.delete(name)
    this.#kept.set(name, { about, chunks: [], octets: 0, cost, opener })
    return opener
  }

  async drop(name: string): Promise<void> {
    this.#mustBeOpen()
    this.#kept.delete(name)
    this.#tombstones.delete(name)
  }

  async forget(name: string): Promise<void> {
    this.#mustBeOpen()
    this.#tombstones.delete(name)
  }

  /** Whether this one has its name still. */
  has(partial: MemoryPartial): boolean {
    return this.#kept.get(partial.name)?.opener === partial
  }

  /** Keeps chunks of so many octets; the room that its owner has left. Throws `LeaseLost`, or `SpoolError`: `full`. */
  store(partial: MemoryPartial, chunks: readonly Uint8Array[], octets: number): number {
    const kept = this.of(partial)
    const room = this.#room(kept.about) - octets
    if (room < 0) throw noRoom(partial.name)
    for (const chunk of chunks) kept.chunks.push(chunk)
    kept.octets += octets
    kept.cost += octets
    return room
  }

  /** Throws `LeaseLost`. */
  of(partial: MemoryPartial): Kept {
    this.#mustBeOpen()
    const kept = this.#kept.get(partial.name)
    if (kept?.opener === partial) return kept
    partial.isLost = true
    throw new LeaseLost(`Someone else has the partial ${partial.name}`)
  }

  /** That a completion could be recorded. Throws `LeaseLost`. */
  check({ partial }: Completion): MemoryPartial {
    if (!(partial instanceof MemoryPartial && partial.home === this))
      throw new SpoolError('invalid', `The partial ${partial.name} is not of this spool`)
    partial.mustBeOpen()
    this.of(partial)
    return partial
  }

  complete(id: MessageId, completion: Completion): void {
    const { until, octets, note = '' } = completion
    const partial = this.check(completion)
    this.#kept.delete(partial.name)
    this.#tombstones.set(partial.name, { message: id, octets: octets ?? partial.written, until, note })
    partial.over()
  }

  forgetExpired(now: Instant): void {
    for (const [name, { about }] of this.#kept) if (about.expires <= now) this.#kept.delete(name)
    for (const [name, { until }] of this.#tombstones) if (until <= now) this.#tombstones.delete(name)
  }

  /** What an owner may yet store, when one is not counted. */
  #room({ owner, most, mostOfAll = Number.POSITIVE_INFINITY }: AboutPartial, but?: Kept): number {
    let [room, roomOfAll] = [most, mostOfAll]
    for (const kept of this.#kept.values()) {
      if (kept === but) continue
      if (kept.about.owner === owner) room -= kept.cost
      roomOfAll -= kept.cost
    }
    return Math.min(room, roomOfAll)
  }
}

class MemoryPartial implements PartialBody {
  readonly home: MemoryPartials
  readonly name: string
  readonly note: string
  /** The octet that this opening began at. */
  readonly from: number
  /** It was told that someone else has it. */
  isLost = false
  #offset: number
  #room: number
  #chunks: Uint8Array[] = []
  /** Octets in those chunks, which are not synced. */
  #more = 0
  #isOver = false

  constructor(home: MemoryPartials, name: string, note: string, from: number, room: number) {
    this.home = home
    this.name = name
    this.note = note
    this.from = from
    this.#offset = from
    this.#room = room
  }

  get offset(): number {
    return this.#offset
  }

  get written(): number {
    return this.#offset + this.#more
  }

  write(chunk: Uint8Array): void {
    this.mustBeOpen()
    if (this.#more + chunk.length > this.#room) throw noRoom(this.name)
    this.#chunks.push(Uint8Array.from(chunk))
    this.#more += chunk.length
  }

  async sync(): Promise<number> {
    this.mustBeOpen()
    if (this.#more === 0) return this.#offset
    this.#room = this.home.store(this, this.#chunks, this.#more)
    this.#offset += this.#more
    this.#chunks = []
    this.#more = 0
    return this.#offset
  }

  async *body(): AsyncIterable<Uint8Array> {
    this.mustBeOpen()
    yield* [...this.home.of(this).chunks]
  }

  async complete(id: MessageId, until: Instant, octets?: number): Promise<void> {
    this.home.complete(id, { partial: this, until, ...(octets === undefined ? {} : { octets }) })
  }

  async drop(): Promise<void> {
    this.over()
    if (this.home.has(this)) await this.home.drop(this.name)
  }

  async close(): Promise<void> {
    this.over()
  }

  over(): void {
    this.#isOver = true
    this.#chunks = []
  }

  mustBeOpen(): void {
    if (this.#isOver) throw new SpoolError('invalid', `The partial ${this.name} was closed`)
    if (this.isLost) this.home.of(this)
  }
}

const withAll = ({ mostOfAll: _before, ...about }: AboutPartial, mostOfAll?: number): AboutPartial =>
  mostOfAll === undefined ? about : { ...about, mostOfAll }

const noRoom = (name: string): SpoolError => new SpoolError('full', `No room for the partial ${name}`)
