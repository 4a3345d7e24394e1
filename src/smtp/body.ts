import type { ParamBag, Recipient } from '../mail/envelope.ts'
import { Refusal, type Reply, refuse, reply } from '../mail/reply.ts'
import type { HeaderEdit } from '../mime/fields.ts'
import { type Inspector, inspector } from '../mime/inspect.ts'
import type { Clock } from '../observe/clock.ts'
import type { Conduct } from './conduct.ts'
import type { BodyEnd, EndAnswer, Resume, Session, Transaction } from './extension.ts'
import type { ServerLimits } from './limits.ts'
import { grammarOf, type Hooks } from './offers.ts'
import type { Incoming, IncomingEnd, Sink } from './sink.ts'

/**
 * One body on its way from the wire to the sink. What goes wrong is remembered, and the source is read out all the same,
 * as far as the client's conduct allows.
 */
export class Body {
  readonly #transaction: OpenTransaction
  readonly #session: Session
  readonly #sink: Sink
  readonly #hooks: Hooks
  readonly #conduct: Conduct
  readonly #clock: Pick<Clock, 'now'>
  readonly #most: number
  readonly #inspector: Inspector
  #incoming: Incoming | undefined
  #failure: unknown
  #octets = 0

  constructor(about: {
    transaction: OpenTransaction
    session: Session
    sink: Sink
    hooks: Hooks
    limits: Pick<ServerLimits, 'header' | 'message'>
    clock: Pick<Clock, 'now'>
    conduct: Conduct
  }) {
    this.#transaction = about.transaction
    this.#session = about.session
    this.#sink = about.sink
    this.#hooks = about.hooks
    this.#conduct = about.conduct
    this.#clock = about.clock
    this.#most = about.limits.message
    this.#inspector = inspector({ maxHeader: about.limits.header })
  }

  get failure(): unknown {
    return this.#failure
  }

  /** Octets taken. */
  get octets(): number {
    return this.#octets
  }

  /** Asks the sink for a place. Throws what keeps the body from being taken. */
  async open(): Promise<void> {
    if (this.#incoming === undefined && this.#failure === undefined) {
      try {
        if (this.#transaction.recipients.length === 0) throw new Refusal(reply(554, '5.5.1', 'No valid recipients'))
        this.#incoming = await this.#sink.open(this.#transaction, this.#session)
      } catch (error) {
        this.#failure = error
      }
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /**
   * Reads the source, which brings `announced` octets at least, to its end; then throws what went wrong, now or earlier.
   * A source that has been refused is left where it is when more of it is to come than may be drained. An error of the
   * source itself passes through.
   */
  async append(source: AsyncIterable<Uint8Array>, announced: number): Promise<void> {
    await this.open().catch(() => {})
    if (this.#failure === undefined && announced > 0) await this.#remember(() => this.#foresee(announced))
    // Not a loop over the source: to leave that early would read it to its end.
    const chunks = source[Symbol.asyncIterator]()
    let due = announced
    for (;;) {
      if (this.#failure !== undefined && !this.#conduct.mayDrain(due)) break
      const next = await chunks.next()
      if (next.done) break
      due = Math.max(0, due - next.value.length)
      if (this.#failure === undefined) await this.#remember(() => this.#take(next.value))
      else this.#conduct.drained(next.value.length)
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Octets of ours that come first. What goes wrong with them is thrown when what comes from the wire has been read. */
  async resume(earlier: AsyncIterable<Uint8Array>): Promise<void> {
    await this.open().catch(() => {})
    if (this.#failure !== undefined) return
    await this.#remember(async () => {
      for await (const chunk of earlier) await this.#take(chunk)
    })
  }

  async #remember(act: () => Promise<void> | void): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.#failure = error
      await this.abort()
    }
  }

  async #foresee(announced: number): Promise<void> {
    this.#demand(this.#octets + announced)
    for (const server of this.#hooks.onAnnounced) {
      await server.onAnnounced(this.#octets + announced, this.#transaction, this.#session)
    }
  }

  #demand(octets: number): void {
    if (octets > this.#most) refuse(552, '5.3.4', `Message too big; at most ${this.#most} octets are taken here`)
  }

  #take(chunk: Uint8Array): Promise<void> | void {
    this.#octets += chunk.length
    this.#demand(this.#octets)
    const waits: Promise<void>[] = []
    for (const server of this.#hooks.onBody) {
      const wait = server.onBody(this.#octets, this.#transaction, this.#session, chunk)
      if (wait) waits.push(wait)
    }
    this.#inspector.write(chunk)
    const written = this.#incoming?.write(chunk)
    if (waits.length > 0) return Promise.all([...waits, written]).then(() => {})
    return written
  }

  /**
   * All octets are here: the extensions have their last say. Throws what refuses the message for all its recipients.
   */
  async finish(): Promise<{ incoming: Incoming; end: BodyConclusion }> {
    if (this.#failure !== undefined) throw this.#failure
    const { facts, header, headerTooLong } = this.#inspector.end()
    if (headerTooLong) throw new Refusal(reply(552, '5.3.4', 'The header is too long'))
    if (facts.nul && !grammarOf(this.#hooks, this.#transaction.params).binaryBody) {
      throw new Refusal(
        reply(554, '5.6.0', 'A NUL is in the message, which neither 7BIT nor 8BITMIME allows (RFC 6152)'),
      )
    }
    if (facts.bareNewline && !grammarOf(this.#hooks, this.#transaction.params).binaryBody) {
      throw new Refusal(reply(554, '5.6.0', 'A bare CR or LF is in the message; lines end with CRLF'))
    }
    const end = { facts, header, at: this.#clock.now() }
    const said = await this.#askHooks(end)
    if (this.#incoming === undefined) throw new Error('A body was concluded that was never opened')
    return { incoming: this.#incoming, end: { ...end, ...said, params: this.#transaction.params } }
  }

  async #askHooks(end: BodyEnd): Promise<Pick<BodyConclusion, 'edits' | 'refused' | 'says' | 'completes'>> {
    let completes: EndAnswer['completes']
    const edits: HeaderEdit[] = []
    const refused = new Map<number, Reply>()
    const ways: ((usual: Reply) => Reply)[] = []
    for (const server of this.#hooks.atEnd) {
      const answer = await server.atEnd(end, this.#transaction, this.#session)
      if (!answer) continue
      if (answer.reply) throw new Refusal(answer.reply)
      if (answer.params) this.#transaction.params = answer.params
      if (answer.edits) edits.push(...answer.edits)
      completes = answer.completes ?? completes
      if (answer.says) ways.push(answer.says)
      for (const [index, why] of answer.recipients ?? []) refused.set(index, why)
    }
    const says = (outcome: Reply) => (outcome.code < 300 ? ways.reduce((said, way) => way(said), outcome) : outcome)
    return { edits, refused, says, ...(completes ? { completes: completes(refused) } : {}) }
  }

  /** Never rejects. */
  async abort(): Promise<void> {
    const incoming = this.#incoming
    this.#incoming = undefined
    await incoming?.abort()
  }
}

/** What is known of a mail at the end of its body, before the queue's facets complete it. */
export interface BodyConclusion extends Omit<IncomingEnd, 'recipients' | 'marks' | 'schedule' | 'trail'> {
  /** An outcome as extensions have it said. */
  says(outcome: Reply): Reply
}

/** A transaction as the session keeps it. */
export interface OpenTransaction extends Transaction {
  params: ParamBag
  readonly recipients: Recipient[]
  /** RCPT commands so far. */
  asked: number
  body?: Body
  resumed?: true
  /** What an earlier connection has brought, until the body has it. */
  earlier?: Resume | undefined
}
