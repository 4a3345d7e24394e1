import { type Draft, type MessageId, type MessageRecord, SpoolError } from './spool.ts'

/** Octets as they came, and how many. */
export interface Octets {
  readonly chunks: readonly Uint8Array[]
  readonly octets: number
}

/** A draft in memory. `keep` is the spool's side of a commit. */
export class MemoryDraft implements Draft {
  readonly spool: object
  readonly id: MessageId
  readonly #keep: (draft: MemoryDraft, record: MessageRecord) => void
  #chunks: Uint8Array[] = []
  #octets = 0
  #over: 'committed' | 'aborted' | undefined

  constructor(spool: object, id: MessageId, keep: (draft: MemoryDraft, record: MessageRecord) => void) {
    this.spool = spool
    this.id = id
    this.#keep = keep
  }

  get octets(): number {
    return this.#octets
  }

  write(chunk: Uint8Array): void {
    this.#mustBeOpen()
    this.#chunks.push(Uint8Array.from(chunk))
    this.#octets += chunk.length
  }

  async *body(): AsyncIterable<Uint8Array> {
    this.#mustBeOpen()
    yield* [...this.#chunks]
  }

  async commit(record: MessageRecord): Promise<void> {
    this.#keep(this, record)
  }

  async abort(): Promise<void> {
    this.#over ??= 'aborted'
    this.#chunks = []
  }

  /** The octets, to whoever commits. Throws when the draft is over. */
  contents(): Octets {
    this.#mustBeOpen()
    return { chunks: this.#chunks, octets: this.#octets }
  }

  committed(): void {
    this.#over = 'committed'
    this.#chunks = []
  }

  #mustBeOpen(): void {
    if (this.#over !== undefined) throw new SpoolError('invalid', `The draft ${this.id} was ${this.#over}`)
  }
}

/** Octets of `body` from `from` on, after `prefix`. */
export async function* joined(prefix: Uint8Array, body: Octets, from: number): AsyncIterable<Uint8Array> {
  if (prefix.length > 0) yield prefix
  let skip = from
  for (const chunk of body.chunks) {
    if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk
    skip = Math.max(0, skip - chunk.length)
  }
}
