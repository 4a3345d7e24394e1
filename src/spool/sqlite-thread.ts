import { Worker } from 'node:worker_threads'
import { LeaseLost, SpoolError } from './spool.ts'
import type { Answer, Answers, Batch } from './sqlite-batch.ts'
import type { Calls, Span } from './sqlite-calls.ts'
import type { Opened, ThreadStart } from './sqlite-worker.ts'

const CALLS_AT_ONCE = 500
const OCTETS_AT_ONCE = 8 * 1024 * 1024

interface Pending {
  readonly name: string
  readonly given: unknown
  readonly bytes: readonly Uint8Array[]
  readonly octets: number
  done(value: unknown, octets: Uint8Array): void
  failed(error: Error): void
}

/** What came of a call, and octets that came with it. */
export interface Result<T> {
  readonly out: T
  /** Octets that came with this answer and those given together with it. */
  readonly total: number
  octets(span: Span): Uint8Array
}

const NONE = new Uint8Array(0)

const errorOf = ({ refused, text }: Extract<Answer, { refused: unknown }>): Error =>
  refused === 'lost' ? new LeaseLost(text) : new SpoolError(refused, text)

const compiled = import.meta.url.endsWith('.js')
const SCRIPT = new URL(compiled ? './sqlite-worker.js' : './sqlite-worker.ts', import.meta.url)

/**
 * A thread with a connection of its own. Calls made while it is at work go to it together when it is done, and are
 * answered together. A thread that dies fails what it had, and the next call starts another.
 */
export class Thread<C extends Calls> {
  readonly #start: ThreadStart
  readonly #onLog: (octets: number) => void
  #worker: Worker | undefined
  #opening: Promise<number> | undefined
  #waiting: Pending[] = []
  #running: Pending[] = []
  #scheduled = false
  #closed = false
  readonly #idle: (() => void)[] = []

  constructor(start: ThreadStart, onLog: (octets: number) => void = () => {}) {
    this.#start = start
    this.#onLog = onLog
  }

  /** Starts the thread; its number among all that ever wrote here. Rejects with `SpoolError`. */
  open(): Promise<number> {
    this.#opening ??= this.#launch().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  call<Name extends keyof C & string>(
    name: Name,
    given: C[Name]['in'],
    bytes: readonly Uint8Array[] = [],
  ): Promise<Result<C[Name]['out']>> {
    if (this.#closed) return Promise.reject(new SpoolError('broken', 'The spool is closed'))
    return new Promise((resolve, reject) => {
      let octets = 0
      for (const part of bytes) octets += part.length
      const done = (out: unknown, whole: Uint8Array) =>
        resolve({
          out: out as C[Name]['out'],
          total: whole.length,
          octets: ([from, length]) => whole.subarray(from, from + length),
        })
      this.#waiting.push({ name, given, bytes, octets, done, failed: reject })
      this.#schedule()
    })
  }

  /** Waits for all calls, then for the thread to let go of its connection. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#waiting.length + this.#running.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    await this.#opening?.catch(() => {})
    const worker = this.#worker
    if (!worker) return
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.ref()
    worker.postMessage('close')
    await ended
  }

  #schedule(): void {
    if (this.#scheduled || this.#running.length > 0) return
    this.#scheduled = true
    // What is asked for in this turn of the event loop goes together.
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#running.length > 0) return
    if (this.#waiting.length === 0) {
      for (const idle of this.#idle.splice(0)) idle()
      return
    }
    if (!this.#worker) {
      this.open().then(
        () => this.#flush(),
        (error: Error) => this.#failAll(error),
      )
      return
    }
    this.#running = this.#waiting.splice(0, this.#howMany())
    const batch = packed(this.#running)
    this.#worker.ref()
    this.#worker.postMessage(batch, batch.octets ? [batch.octets.buffer] : [])
  }

  #howMany(): number {
    let octets = 0
    let calls = 0
    for (const one of this.#waiting) {
      octets += one.octets
      if (calls > 0 && (calls === CALLS_AT_ONCE || octets > OCTETS_AT_ONCE)) break
      calls++
    }
    return calls
  }

  #launch(): Promise<number> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(SCRIPT, { workerData: this.#start, name: `spool ${this.#start.does}` })
      worker.once('message', (opened: Opened) => {
        if ('failed' in opened) return reject(new SpoolError(opened.kind, opened.failed))
        this.#worker = worker
        worker.on('message', (answers: Answers) => this.#answered(answers))
        worker.unref()
        resolve(opened.tag)
      })
      worker.once('error', (error) => this.#died(error, reject))
      worker.once('exit', () => this.#died(new Error('The thread of the spool ended'), reject))
    })
  }

  #died(cause: Error, reject: (error: Error) => void): void {
    const error = new SpoolError('broken', cause.message, { cause })
    this.#worker = undefined
    this.#opening = undefined
    for (const one of this.#running.splice(0)) one.failed(error)
    reject(error)
    this.#schedule()
  }

  #failAll(error: Error): void {
    for (const one of this.#waiting.splice(0)) one.failed(error)
    this.#flush()
  }

  #answered({ answers, octets = NONE, log }: Answers): void {
    const done = this.#running
    this.#running = []
    this.#worker?.unref()
    this.#flush()
    for (const [i, one] of done.entries()) {
      const answer = answers[i]
      if (answer && 'out' in answer) one.done(answer.out, octets)
      else one.failed(answer ? errorOf(answer) : new SpoolError('broken', 'A call without an answer'))
    }
    this.#onLog(log)
  }
}

/** All octets of a batch in one buffer, which is handed over and not copied once more. */
const packed = (calls: readonly Pending[]): Batch & { octets: Uint8Array<ArrayBuffer> | undefined } => {
  let total = 0
  for (const { octets } of calls) total += octets
  const whole = total > 0 ? new Uint8Array(total) : undefined
  let at = 0
  const placed = calls.map(({ name, given, bytes }) => {
    const base = at
    for (const part of bytes) {
      whole?.set(part, at)
      at += part.length
    }
    return { name, given, base }
  })
  return { calls: placed, octets: whole }
}
