import { formatPath } from '../../mail/address.ts'
import type { ParamBag, Recipient, ReversePath } from '../../mail/envelope.ts'
import { type Reply, refuse, reply } from '../../mail/reply.ts'
import type { BodyEnd, EndAnswer, Extension, Resume, Session, Transaction } from '../../smtp/extension.ts'
import type { CheckpointLimits, KeptPartial, KeptPartials } from './partials.ts'

/** Octets that are held back until a line ends. A longer one is not gone on with. */
const MOST_HELD = 65_536

/** What is to be known of a client. */
export type Client = Pick<Session, 'identity' | 'peer' | 'greeting' | 'grammar' | 'ahead' | 'extensions'>

export interface UploadTools {
  readonly partials: KeptPartials
  readonly limits: CheckpointLimits
  now(): number
}

/** What is kept with the octets. */
interface Note {
  /** MAIL, but for what must change at each attempt: what is said under the same name and differs is another transaction. */
  readonly mail: string
  readonly recipients: readonly Recipient[]
  /** Who was refused at the end, by their place. */
  readonly refused?: readonly (readonly [number, Reply])[]
}

/** One transaction that the client has named, while one session goes on with it. */
export class Upload {
  readonly #session: Client
  readonly #tools: UploadTools
  /** Who may go on with it is in its name: a transaction's name can be guessed. */
  readonly #name: string
  readonly #owner: string
  readonly #mail: string
  readonly #isBinary: boolean
  #partial: KeptPartial | undefined
  /** The octet that this session goes on at. */
  #from = 0
  /** The transaction has begun, so that an end of it is an end. */
  #hasBegun = false
  /** A body has begun to come. */
  #isOpen = false
  /** Nothing more is stored, for want of room or another reason; the message comes in all the same. */
  #isOff = false
  #isComplete = false
  /** The client went on without waiting to know how it ended. */
  #isAhead = false
  /** Octets of a line that has not ended. */
  #held: Buffer = Buffer.alloc(0)
  #unsynced = 0
  #syncing: Promise<void> | undefined

  constructor(
    session: Client,
    id: string,
    { sender, params }: { readonly sender: ReversePath; readonly params: ParamBag },
    tools: UploadTools,
  ) {
    const { identity, peer, greeting } = session
    this.#session = session
    this.#tools = tools
    this.#owner = JSON.stringify(identity === undefined ? { host: peer } : { user: identity })
    this.#name = JSON.stringify([this.#owner, greeting?.name.toLowerCase(), id])
    this.#mail = JSON.stringify([formatPath(sender), lasting(params, session.extensions)])
    this.#isBinary = session.grammar(params).binaryBody
  }

  /** What there is of it. Never rejects: then it is a new one. */
  async find(): Promise<{ readonly offset: number; readonly resume: Resume } | undefined> {
    const { partials, now, limits } = this.#tools
    try {
      const found = await partials.find(this.#name, now(), limits.mostOfAll)
      if (found === undefined) return undefined
      const note = readNote(found.is === 'complete' ? found.note : found.partial.note)
      const isSame = note?.mail === this.#mail
      if (found.is === 'complete') {
        if (!isSame) return undefined
        this.#isComplete = true
        return { offset: found.octets, resume: saidAgain(found.id, note) }
      }
      const { partial } = found
      if (!isSame) {
        await partial.close()
        return undefined
      }
      this.#partial = partial
      this.#from = partial.offset
      return { offset: partial.offset, resume: { recipients: note.recipients, body: this.#earlier(partial) } }
    } catch {
      return undefined
    }
  }

  async *#earlier(partial: KeptPartial): AsyncGenerator<Uint8Array, void> {
    try {
      yield* partial.body()
    } catch {
      await this.#quietly(() => partial.drop())
      refuse(451, '4.3.0', 'What was kept of this mail cannot be read; send it anew')
    }
  }

  begin(): void {
    this.#hasBegun = true
  }

  /** Octets of the body; `total` includes them. */
  async take(total: number, chunk: Uint8Array, transaction: Transaction): Promise<void> {
    if (transaction.resumed && total <= this.#from) return
    await this.#open(transaction)
    if (this.#isOff || this.#partial === undefined) return
    const octets = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : Buffer.from(chunk)
    // Where DATA goes on, a line must begin (RFC 1845 section 3); a binary body never comes by DATA.
    const cut = this.#isBinary ? octets.length : octets.lastIndexOf('\r\n') + (octets.includes('\r\n') ? 2 : 0)
    this.#held = Buffer.from(octets.subarray(Math.max(cut, 0)))
    if (this.#held.length > MOST_HELD) this.#isOff = true
    else if (cut > 0) await this.#store(this.#partial, octets.subarray(0, cut))
  }

  async #open(transaction: Transaction): Promise<void> {
    if (this.#isOpen) return
    this.#isOpen = true
    if (transaction.resumed) return
    await this.#partial?.close()
    this.#partial = undefined
    const { partials, limits, now } = this.#tools
    const note: Note = { mail: this.#mail, recipients: transaction.recipients }
    const { most, mostOfAll, mostPartials, keep } = limits
    const about = { owner: this.#owner, expires: now() + keep, most, mostOfAll, mostPartials }
    await this.#quietly(async () => {
      this.#partial = await partials.begin(this.#name, { ...about, note: JSON.stringify(note) })
    })
  }

  async #store(partial: KeptPartial, octets: Buffer): Promise<void> {
    await this.#quietly(async () => partial.write(octets))
    this.#unsynced += octets.length
    if (this.#isOff || this.#unsynced < this.#tools.limits.every || this.#syncing) return
    this.#unsynced = 0
    // The body does not wait for the disk.
    this.#syncing = this.#quietly(() => partial.sync()).finally(() => {
      this.#syncing = undefined
    })
  }

  /** What goes wrong costs the client no more than that it may have to send something twice. */
  async #quietly(act: () => Promise<unknown>): Promise<void> {
    try {
      await act()
    } catch {
      this.#isOff = true
    }
  }

  /** The body is whole. */
  async end({ facts }: BodyEnd, transaction: Transaction): Promise<EndAnswer | undefined> {
    await this.#open(transaction)
    const partial = this.#partial
    if (partial === undefined) return undefined
    this.#isComplete = true
    this.#isAhead = this.#session.ahead
    const until = this.#tools.now() + this.#tools.limits.keep
    return {
      completes: (refused) => ({
        partial,
        until,
        octets: facts.octets,
        note: JSON.stringify({
          mail: this.#mail,
          recipients: transaction.recipients,
          refused: [...refused],
        } satisfies Note),
      }),
    }
  }

  async #forget(): Promise<void> {
    await this.#quietly(async () => this.#partial?.drop())
    if (this.#isComplete && !this.#isAhead) await this.#quietly(() => this.#tools.partials.forget(this.#name))
  }

  /** The client knows how it ended, or wants no more of it; unless it never began, for MAIL was refused. */
  leave(): Promise<void> {
    return this.#hasBegun ? this.#forget() : this.close()
  }

  /** The connection is gone: what has come is there for the next one. */
  async close(): Promise<void> {
    const partial = this.#partial
    if (partial === undefined) return
    await this.#syncing
    if (this.#isOpen && !this.#isComplete) await this.#quietly(() => partial.sync())
    await this.#quietly(() => partial.close())
  }
}

/** Without what a client must say anew: asking for a reply that was lost, it would be taken to send another mail. */
const lasting = (params: ParamBag, extensions: readonly Extension[]): readonly unknown[] => {
  const owned = extensions.flatMap((extension) => extension.params?.['MAIL'] ?? [])
  return Object.entries(params)
    .map(([name, text]) => [name, owned.find((one) => one.name === name && one.lasting)?.lasting?.(text) ?? text])
    .sort()
}

const readNote = (text: string): Note | undefined => {
  try {
    return JSON.parse(text) as Note
  } catch {
    return undefined
  }
}

/** The mail was kept: nothing more of it is needed, and the same is said of each recipient. */
const saidAgain = (id: string, { recipients, refused = [] }: Note): Resume => {
  const then = new Map(refused)
  return {
    recipients,
    body: nothing(),
    outcomes: recipients.map((_, index) => then.get(index) ?? reply(250, '2.6.0', `Ok: queued as ${id}`)),
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}
