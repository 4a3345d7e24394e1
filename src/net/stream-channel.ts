import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../observe/clock.ts'
import { type Channel, Closed, type Peer, type Secured } from './channel.ts'
import { DotReader } from './dot-reader.ts'
import { type BodyReader, CountedReader, LineReader } from './framing.ts'
import { Gate } from './gate.ts'
import { Input, LF } from './input.ts'
import { Pace } from './pace.ts'

/** What a stream cannot tell about itself. `highWater`: octets that may wait unread before the peer is held back; 256 KiB if absent. */
export interface About {
  readonly peer: Peer
  readonly local: Peer
  readonly secured?: Secured
  readonly clock: Clock
  readonly highWater?: number
}

/** A channel over a stream: socket, TLS, pipe, memory. The stream must not be used beside it. */
export const streamChannel = (duplex: Duplex, about: About): StreamChannel => new StreamChannel(duplex, about)

/**
 * The limit of `line` is for the whole line; those of `counted` and `dotted` are for each wait. A body that a loop leaves
 * early is read to its end and thrown away before the loop is left, so what follows stands where a command stands;
 * destroy the channel first if that is not wanted. Until a body has been read to its end, nothing else can be read.
 *
 * What was given to `write` may be kept beyond `flush`: it must not be changed afterwards.
 */
export class StreamChannel implements Channel {
  readonly peer: Peer
  readonly local: Peer
  readonly secured: Secured | undefined
  readonly #duplex: Duplex
  readonly #clock: Clock
  readonly #highWater: number
  readonly #input: Input = new Input()
  readonly #lines: LineReader = new LineReader()
  readonly #arrival: Gate
  readonly #departure: Gate
  #body: BodyReader | undefined
  #paused = false
  #output: (string | Uint8Array)[] = []
  /** Why nothing more arrives. What has arrived before can still be read: the peer may have said why it went. */
  #noInput: Reason | undefined
  #noOutput: Reason | undefined
  #detached = false
  #closed = false
  #closers: (() => void)[] = []

  constructor(duplex: Duplex, about: About) {
    this.peer = about.peer
    this.local = about.local
    this.secured = about.secured
    this.#duplex = duplex
    this.#clock = about.clock
    this.#highWater = about.highWater ?? 256 * 1024
    this.#arrival = new Gate(about.clock)
    this.#departure = new Gate(about.clock)
    if (duplex instanceof Socket) duplex.setNoDelay(true)
    duplex.on('error', this.#onError).once('close', this.#onClose)
    duplex.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain).resume()
    if (duplex.readableEnded) this.#onEnd()
    if (duplex.destroyed) this.#onClose()
  }

  line(limit: number, timeout: number, beyond: number = BEYOND): Promise<string> {
    try {
      this.#mayRead()
      const text = this.#lines.next(this.#input, limit, beyond)
      this.#relieve()
      return text === undefined ? this.#lineLater(limit, timeout, beyond) : Promise.resolve(text)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #lineLater(limit: number, timeout: number, beyond: number): Promise<string> {
    const until = this.#clock.now() + timeout
    // The first wait is not worked out: Node keeps a list of timers for every duration it meets.
    for (let left = timeout; ; left = until - this.#clock.now()) {
      await this.#more(left)
      const text = this.#lines.next(this.#input, limit, beyond)
      this.#relieve()
      if (text !== undefined) return text
    }
  }

  counted(octets: number, timeout: number, rate = 0): AsyncIterable<Uint8Array> {
    return new Body(() => this.#iterate(new CountedReader(octets), new Pace(this.#clock, timeout, rate)))
  }

  dotted(timeout: number, rate = 0): AsyncIterable<Uint8Array> {
    return new Body(() => this.#iterate(new DotReader(), new Pace(this.#clock, timeout, rate)))
  }

  #iterate(reader: BodyReader, pace: Pace): AsyncIterator<Uint8Array, undefined> {
    const end = { done: true, value: undefined } as const
    const more = (ms: number) => this.#more(ms)
    let begun = false
    const next = (): Promise<IteratorResult<Uint8Array, undefined>> => {
      try {
        if (!begun) this.#mayRead()
        begun = true
        const value = this.#bodyNext(reader)
        if (value === undefined) return reader.done ? Promise.resolve(end) : pace.wait(more).then(next)
        pace.came(value.length)
        return Promise.resolve({ done: false, value })
      } catch (error) {
        return Promise.reject(error)
      }
    }
    const drain = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      while (begun && !(await next()).done);
      return end
    }
    return { next, return: drain }
  }

  #bodyNext(reader: BodyReader): Buffer | undefined {
    this.#body = reader
    const chunk = reader.next(this.#input)
    if (reader.done) this.#body = undefined
    this.#relieve()
    return chunk
  }

  pending(): boolean {
    return this.#input.octets + this.#lines.octets > 0
  }

  pendingLine(): boolean {
    return this.#input.has(LF)
  }

  discardPending(): number {
    const octets = this.#input.clear() + this.#lines.octets
    this.#lines.clear()
    this.#relieve()
    return octets
  }

  write(chunk: string | Uint8Array): void {
    if (this.#noOutput) return
    const last = this.#output.length - 1
    const before = this.#output[last]
    if (typeof chunk === 'string' && typeof before === 'string') this.#output[last] = before + chunk
    else this.#output.push(chunk)
  }

  flush(timeout: number): Promise<void> {
    this.#send()
    if (this.#noOutput) return Promise.reject(closedFor(this.#noOutput))
    if (!this.#duplex.writableNeedDrain) return DONE
    if (this.#departure.waiting) return Promise.reject(new Error('A flush is already waiting'))
    return this.#departure.wait(timeout, 'The peer took nothing')
  }

  #send(): void {
    const output = this.#output
    const first = output[0]
    if (first === undefined) return
    this.#output = []
    if (output.length === 1) {
      this.#duplex.write(first)
      return
    }
    this.#duplex.cork()
    for (const chunk of output) this.#duplex.write(chunk)
    this.#duplex.uncork()
  }

  end(timeout: number): Promise<void> {
    if (this.#closed || this.#detached) return Promise.resolve()
    this.#send()
    this.#finish({ why: 'The channel was ended' })
    // Unread input would turn our end into a reset, which can overtake the last reply.
    this.#duplex.end().resume()
    return new Promise((resolve) => {
      const alarm = this.#clock.after(timeout, () => this.destroy())
      this.onClosed(() => {
        alarm.cancel()
        resolve()
      })
    })
  }

  leave(timeout: number): Promise<void> {
    if (this.#closed || this.#detached) return Promise.resolve()
    this.#send()
    // What the system has of ours still goes out, unless it has something for us: then a close would be a reset. TLS says goodbye first.
    const isSent = this.#duplex instanceof Socket && this.#duplex.writableLength === 0
    if (!isSent || this.secured || this.pending()) return this.end(timeout)
    this.destroy()
    return Promise.resolve()
  }

  destroy(): void {
    this.#finish({ why: 'The channel was destroyed' })
    this.#duplex.destroy()
  }

  onClosed(run: () => void): void {
    if (this.#closed) queueMicrotask(run)
    else this.#closers.push(run)
  }

  /**
   * Gives the stream up, to be wrapped by another one, with what it has not read in it. This channel is of no use
   * afterwards, but `destroy` still drops the connection and `onClosed` still tells of its end.
   */
  detach(): Duplex {
    const why = this.#noOutput ?? this.#noInput
    if (why) throw closedFor(why)
    this.#detached = true
    this.#duplex.off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain)
    this.#duplex.pause()
    for (const chunk of this.#input.takeAll().reverse()) this.#duplex.unshift(chunk)
    this.#finish({ why: 'The channel was given up' })
    return this.#duplex
  }

  #mayRead(): void {
    if (!this.#body) return
    throw this.#noInput ? closedFor(this.#noInput) : new Error('The body before this has not been read to its end')
  }

  #more(ms: number): Promise<void> {
    if (this.#noInput) return Promise.reject(closedFor(this.#noInput))
    if (this.#arrival.waiting) return Promise.reject(new Error('Two readers on one channel'))
    this.#relieve(true)
    return this.#arrival.wait(ms, 'No input')
  }

  /** Lets the peer go on once most of what it sent has been read, or more is needed to read on. */
  #relieve(wanted = false): void {
    if (!this.#paused || (!wanted && this.#input.weight > this.#highWater / 2)) return
    this.#paused = false
    this.#duplex.resume()
  }

  /** Ends all use of this channel. The stream is left to the caller. */
  #finish(why: Reason): void {
    this.#stop(why)
    this.#input.clear()
    this.#lines.clear()
  }

  #stop(why: Reason): void {
    this.#noInput ??= why
    this.#noOutput ??= why
    this.#output = []
    if (this.#arrival.waiting) this.#arrival.fail(closedFor(this.#noInput))
    if (this.#departure.waiting) this.#departure.fail(closedFor(this.#noOutput))
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#noInput) return
    this.#input.push(chunk)
    if (this.#input.weight > this.#highWater && !this.#paused) {
      this.#paused = true
      this.#duplex.pause()
    }
    this.#arrival.open()
  }

  readonly #onEnd = (): void => {
    this.#noInput ??= { why: 'The peer closed the connection' }
    if (this.#arrival.waiting) this.#arrival.fail(closedFor(this.#noInput))
  }

  readonly #onDrain = (): void => this.#departure.open()

  readonly #onError = (error: Error): void => this.#stop({ why: error.message, cause: error })

  readonly #onClose = (): void => {
    this.#stop({ why: 'The connection was closed' })
    this.#closed = true
    const closers = this.#closers
    this.#closers = []
    for (const run of closers) run()
  }
}

const DONE = Promise.resolve()

/** Octets after its limit in which the end of a line is still looked for. */
const BEYOND = 65_536

class Body implements AsyncIterable<Uint8Array> {
  readonly #begin: () => AsyncIterator<Uint8Array, undefined>

  constructor(begin: () => AsyncIterator<Uint8Array, undefined>) {
    this.#begin = begin
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#begin()
  }
}

/** Why a channel is closed. Every one is in the end, and few are asked: an error, whose stack costs a lot, is made for those. */
interface Reason {
  readonly why: string
  readonly cause?: Error
}

const closedFor = ({ why, cause }: Reason): Closed => new Closed(why, cause && { cause })
