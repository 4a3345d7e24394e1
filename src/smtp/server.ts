import { setImmediate } from 'node:timers/promises'
import { Refusal, type Reply, reply } from '../mail/reply.ts'
import { type Channel, Closed, EndlessLine, LineTooLong, TimedOut, TooSlow } from '../net/channel.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { baseVerbs } from './base-verbs.ts'
import { Closing } from './closing.ts'
import { shownLine } from './command.ts'
import { Conduct } from './conduct.ts'
import type { AfterReply, Answer, Verb } from './extension.ts'
import { type ServerLimits, type ServerTimeouts, serverLimits, serverTimeouts } from './limits.ts'
import { Offering } from './offers.ts'
import type { Registry } from './registry.ts'
import { ServerSession } from './session.ts'
import type { Sink } from './sink.ts'

export interface ServerOptions {
  readonly hostname: string
  /** What log lines and stored mail call this way in. */
  readonly listener: string
  readonly registry: Registry
  readonly sink: Sink
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<ServerLimits>
  readonly timeouts?: Partial<ServerTimeouts>
  /** Bare CR and LF in a body that DATA brings: refused with 554 (the default), or made CRLF. */
  readonly bareNewlines?: 'refuse' | 'normalize'
}

/** The options with everything that is worked out once for all sessions. */
export interface ServerContext extends ServerOptions {
  readonly limits: ServerLimits
  readonly timeouts: ServerTimeouts
  readonly offering: Offering
  readonly closing: Closing
  /** Octets of the longest line that any verb takes. */
  readonly maxLine: number
}

export const serverContext = (options: ServerOptions): ServerContext => {
  const base = baseVerbs(options.registry)
  const verbs = [...base.values(), ...options.registry.extensions.flatMap((e) => Object.values(e.server?.verbs ?? {}))]
  return {
    ...options,
    limits: { ...serverLimits, ...options.limits },
    timeouts: { ...serverTimeouts, ...options.timeouts },
    offering: new Offering(options.registry, base),
    closing: new Closing(),
    maxLine: Math.max(...verbs.map((verb) => verb.maxLine ?? 1000)),
  }
}

/**
 * Serves one connection until it closes or is handed over. Once the signal is aborted it ends at the next command that
 * begins no work: mail under way is finished. Never rejects.
 */
export const serve = async (first: Channel, context: ServerContext, signal?: AbortSignal): Promise<void> => {
  let channel: Channel | undefined = first
  let greet = true
  const conduct = new Conduct(context.limits, context.clock)
  while (channel) {
    const connection: Connection = new Connection(channel, context, conduct, signal)
    const next: Next = await connection.run(greet)
    channel = next?.channel
    greet = next?.greet ?? false
  }
}

type Next = { readonly channel: Channel; readonly greet: boolean } | undefined

/** One session's loop: a line in, an answer out. */
class Connection {
  readonly #channel: Channel
  readonly #context: ServerContext
  readonly #session: ServerSession
  readonly #conduct: Conduct
  readonly #signal: AbortSignal | undefined
  /** What the session's progress was after the last command. */
  #progress = 0
  #idle = false
  /** Replies that wait for company. */
  #unsent = 0
  /** Commands answered since others had a turn. */
  #run = 0
  /** The code of the last reply. */
  #said = 0
  /** The command that is being answered. */
  #line = ''

  constructor(channel: Channel, context: ServerContext, conduct: Conduct, signal: AbortSignal | undefined) {
    this.#channel = channel
    this.#context = context
    this.#conduct = conduct
    this.#signal = signal
    this.#session = new ServerSession(channel, context, conduct)
  }

  async run(greet: boolean): Promise<Next> {
    const stop = () => {
      if (this.#idle && !this.#session.transaction) void this.#close(SHUTTING_DOWN)
    }
    const watch = this.#signal && this.#context.closing.watch(this.#signal, stop)
    try {
      if (greet && !(await this.#greet())) return undefined
      return await this.#loop()
    } catch (error) {
      await this.#lost(error)
      return undefined
    } finally {
      watch?.letGo()
      await this.#session.end()
    }
  }

  async #greet(): Promise<boolean> {
    try {
      await this.#context.sink.connect?.(this.#session)
    } catch (error) {
      const refused = error instanceof Refusal
      await this.#close(refused ? error.reply : this.#session.fault(error))
      return false
    }
    this.#session.say(reply(220, '', `${this.#context.hostname} ESMTP ready`))
    await this.#channel.flush(this.#context.timeouts.command)
    return true
  }

  async #loop(): Promise<Next> {
    for (;;) {
      if (++this.#run >= MOST_IN_A_ROW) await this.#giveWay()
      const answer = await this.#next()
      const after = await this.#send(answer)
      if (after?.channel === 'close') return this.#leave()
      if (after?.channel === 'handOver') return this.#handOver(after)
      if (after?.channel === 'replace') return this.#replace(after)
      const why = this.#conduct.verdict(this.#session.transaction !== undefined)
      if (why) return this.#close(why)
      if (this.#signal?.aborted && !this.#session.transaction) return this.#close(SHUTTING_DOWN)
    }
  }

  /** Whoever sends commands faster than they are answered keeps only himself waiting, not other sessions. */
  async #giveWay(): Promise<void> {
    this.#run = 0
    await setImmediate()
  }

  /** The next command's answer. What the peer did wrong is an answer too; what ends the connection is thrown. */
  async #next(): Promise<{ answer: Answer; verb: Verb | undefined }> {
    let line: string
    try {
      this.#idle = true
      this.#line = ''
      line = await this.#channel.line(this.#context.maxLine, this.#context.timeouts.command)
      this.#line = line
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error
      if (error instanceof EndlessLine) this.#conduct.lostStep()
      return { answer: reply(500, '5.5.2', 'Line too long'), verb: undefined }
    } finally {
      this.#idle = false
    }
    try {
      return await this.#session.answer(line)
    } catch (error) {
      if (error instanceof Refusal) return { answer: error.reply, verb: undefined }
      if (error instanceof Closed || error instanceof TimedOut) throw error
      const answer = this.#session.fault(error)
      this.#session.reset()
      return { answer, verb: undefined }
    }
  }

  async #send({ answer, verb }: { answer: Answer; verb: Verb | undefined }): Promise<AfterReply | undefined> {
    const moved = this.#session.progress !== this.#progress
    this.#progress = this.#session.progress
    if (!('replies' in answer)) {
      this.#say(answer)
      // A recipient refused for now is an answer that somebody waits for; errors are counted as such.
      if (!moved && answer.code < (this.#session.transaction ? 400 : 500)) this.#conduct.idled()
      else if (!moved && answer.code < 500) this.#conduct.putOff()
      // The end of a command that has only begun to come may never come, and replies nobody reads must not pile up.
      if (!verb?.batches || ++this.#unsent >= MOST_UNSENT || !this.#channel.pendingLine()) await this.#flush()
      return undefined
    }
    for await (const one of answer.replies) {
      if (one.code === 250) this.#conduct.accepted()
      this.#say(one)
      // What is said next may be long in coming.
      await this.#flush()
    }
    await this.#flush()
    return answer.after
  }

  #say(answer: Reply): void {
    if (answer.code >= 500) this.#conduct.failed()
    this.#session.say(answer)
    this.#said = answer.code
    if (answer.code >= 400) this.#log('session-refused', answer)
  }

  #flush(): Promise<void> {
    this.#unsent = 0
    return this.#channel.flush(this.#context.timeouts.command)
  }

  async #handOver(after: Extract<AfterReply, { channel: 'handOver' }>): Promise<undefined> {
    try {
      await after.to(this.#channel)
    } catch (error) {
      this.#session.fault(error)
      this.#channel.destroy()
    }
  }

  /** What the client sent ahead was not said under the new channel's protection, so it was not said (RFC 3207 4.2). */
  async #replace(after: Extract<AfterReply, { channel: 'replace' }>): Promise<Next> {
    const dropped = this.#channel.discardPending()
    if (dropped > 0) this.#log('session-injection', undefined, dropped)
    try {
      return { channel: await after.with(this.#channel), greet: after.greet ?? false }
    } catch (error) {
      this.#context.log.event('info', 'session-replace-failed', {
        ...this.#who(),
        why: error instanceof Error ? error.message : String(error),
      })
      this.#channel.destroy()
      return undefined
    }
  }

  async #close(answer: Reply): Promise<undefined> {
    this.#say(answer)
    return this.#linger()
  }

  /** It did not ask for this and may have sent more: that must not keep it from reading why. */
  async #linger(): Promise<undefined> {
    await this.#channel.end(Math.min(LINGER, this.#context.timeouts.command))
  }

  async #leave(): Promise<undefined> {
    // Who is told 421 did not ask for the end, whatever extension or verb decided on it.
    if (this.#said === 421) return this.#linger()
    await this.#channel.leave(Math.min(LINGER, this.#context.timeouts.command))
  }

  async #lost(error: unknown): Promise<void> {
    if (error instanceof TooSlow) return this.#close(reply(421, '4.4.2', `${error.message}; goodbye`))
    if (error instanceof TimedOut) return this.#close(reply(421, '4.4.2', 'Nothing came for too long; goodbye'))
    if (!(error instanceof Closed)) this.#session.fault(error)
    else if (this.#session.transaction) this.#log('session-lost')
    this.#channel.destroy()
  }

  #who(): { listener: string; peer: string } {
    return { listener: this.#context.listener, peer: this.#session.peer }
  }

  #log(event: string, answer?: Reply, octets?: number): void {
    this.#context.log.event('info', event, {
      ...this.#who(),
      ...(answer ? { code: answer.code, status: answer.status, text: answer.lines[0] } : {}),
      ...(TELLABLE.test(this.#line)
        ? { helo: this.#session.greeting?.name, command: shownLine(this.#line).slice(0, 512) }
        : {}),
      ...(octets === undefined ? {} : { octets }),
    })
  }
}

const MOST_UNSENT = 100
const MOST_IN_A_ROW = 50

/** Milliseconds that a client has to read the last words, while what it still sends is thrown away. */
const LINGER = 30_000

/** What a log may repeat of what was said: other lines may hold secrets, those that are no commands too. */
const TELLABLE = /^(?:MAIL FROM|RCPT TO):/i

const SHUTTING_DOWN = reply(421, '4.3.2', 'Shutting down; try again later')
