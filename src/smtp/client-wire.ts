import type { Diagnosis } from '../mail/diagnosis.ts'
import { type Reply, reply } from '../mail/reply.ts'
import { type Channel, Closed, TimedOut } from '../net/channel.ts'
import type { Clock } from '../observe/clock.ts'
import type { ClientTimeouts } from './client-timeouts.ts'
import { BadReply, readReply } from './reply-reader.ts'
import { strike } from './secrets.ts'

/** The hop's last word: 421 whatever was asked (RFC 5321 3.8), or a refusal before it went. */
export class HungUp extends Error {
  override readonly name = 'HungUp'
  readonly reply: Reply

  constructor(said: Reply) {
    super(said.lines.join(' / '))
    this.reply = said
  }
}

/** A client's end of the line: commands out, replies in, and what is to be reported when it breaks. */
export class ClientWire {
  readonly clock: Clock
  readonly timeouts: ClientTimeouts
  /** The name it was looked up by. */
  readonly name: string
  /** The hop begins its texts with statuses (RFC 2034). */
  statuses = false
  /** What the hop was told that nobody else may learn: struck from all that is kept of its words. */
  readonly secrets: Set<string> = new Set()
  /** Replies read so far. */
  heard = 0
  #channel: Channel
  #over = false
  #stopped = false
  #flushing: Promise<void> | undefined
  #broken: Error | undefined

  constructor(channel: Channel, name: string, clock: Clock, timeouts: ClientTimeouts) {
    this.#channel = channel
    this.name = name
    this.clock = clock
    this.timeouts = timeouts
    this.#watch(channel)
  }

  get channel(): Channel {
    return this.#channel
  }

  /** The connection is of no more use. */
  get over(): boolean {
    return this.#over
  }

  replace(channel: Channel): void {
    this.#channel = channel
    this.#watch(channel)
  }

  #watch(channel: Channel): void {
    channel.onClosed(() => {
      if (this.#channel === channel) this.#over = true
    })
  }

  /** Adds a command to what is to be sent. */
  say(line: string): void {
    if (/[\r\n\0]/.test(line)) throw new Error(`A command of two lines: ${JSON.stringify(line)}`)
    this.#channel.write(`${line}\r\n`)
  }

  flush(): Promise<void> {
    return this.#flushing ? this.#flushing.then(() => this.flush()) : this.#channel.flush(this.timeouts.block)
  }

  /**
   * Sends without waiting, so that replies can be read meanwhile and neither end waits for the other. What goes wrong is
   * thrown by the read after it.
   */
  push(): void {
    if (this.#flushing) return
    this.#flushing = this.#channel
      .flush(this.timeouts.block)
      .catch((error: unknown) => {
        // The hop may have said why it went before it went: let that be read.
        if (error instanceof Closed) return
        this.#broken = error instanceof Error ? error : new Error(String(error))
        this.#channel.destroy()
      })
      .finally(() => {
        this.#flushing = undefined
      })
  }

  get pushing(): boolean {
    return this.#flushing !== undefined
  }

  /** The next reply. Throws `HungUp` for a 421, `BadReply`, `Closed`, `TimedOut`. */
  async reply(timeout: number): Promise<Reply> {
    let said: Reply
    try {
      said = await readReply(this.#channel, this.clock, timeout, this.statuses)
    } catch (error) {
      throw this.#broken ?? error
    }
    this.heard += 1
    if (said.code === 421) throw new HungUp(said)
    return said
  }

  /**
   * For the moment before a command that no reply is owed before: one that is there answers nothing, and would be taken for
   * the answer to what comes next. Throws `HungUp` for a 421, else `BadReply`.
   */
  async demandSilence(): Promise<void> {
    if (!this.#channel.pending()) return
    const { code } = await this.reply(this.timeouts.rset)
    throw new BadReply(`${code} before anything was asked`)
  }

  async command(line: string, timeout: number): Promise<Reply> {
    await this.demandSilence()
    this.say(line)
    await this.flush()
    return this.reply(timeout)
  }

  /** Takes leave without waiting for it; nothing more is sent. */
  hangUp(): void {
    if (this.#over) return
    this.#over = true
    this.#channel.write('QUIT\r\n')
    void this.#channel.end(this.timeouts.quit)
  }

  /** Takes leave; resolves when the hop has too, or has taken too long. */
  async quit(): Promise<void> {
    if (this.#over) return
    this.#over = true
    try {
      await this.command('QUIT', this.timeouts.quit)
      await this.#channel.end(this.timeouts.quit)
    } catch {
      this.#channel.destroy()
    }
  }

  /** The channel belongs to someone else now. */
  release(): void {
    this.#over = true
  }

  destroy(): void {
    this.#over = true
    this.#channel.destroy()
  }

  /** Drops the connection in the middle of things because we are told to stop. */
  stop(): void {
    this.#stopped = true
    this.destroy()
  }

  /** What the hop said, as it is stored. */
  said({ code, status, lines }: Reply, phase: string): Diagnosis {
    return {
      code,
      status,
      lines: bounded(strike(this.secrets, lines)),
      by: 'smtp',
      remote: this.#remote,
      phase,
      at: this.clock.now(),
    }
  }

  /** Our own word about this hop. */
  ours({ code, status, lines }: Reply, phase: string): Diagnosis {
    return {
      code,
      status,
      lines: strike(this.secrets, lines),
      by: 'us',
      remote: this.#remote,
      phase,
      at: this.clock.now(),
    }
  }

  /** What broke the connection, in our words or the hop's; undefined for an error that has nothing to do with it. */
  trouble(error: unknown, phase: string): Diagnosis | undefined {
    if (error instanceof HungUp) return this.said(error.reply, phase)
    const about = (status: string, text: string) => this.ours(reply(451, status, `${this.name} ${text}`), phase)
    if (this.#stopped) return this.ours(reply(451, '4.3.2', `Stopped while talking to ${this.name}`), phase)
    if (error instanceof TimedOut) return about('4.4.2', `took too long (${phase})`)
    if (error instanceof Closed) return about('4.4.2', `closed the connection (${phase}): ${error.message}`)
    if (error instanceof BadReply) return about('4.5.0', `does not speak SMTP (${phase}): ${error.message}`)
    return undefined
  }

  get #remote(): { readonly name: string; readonly address: string } {
    return { name: this.name, address: this.#channel.peer.address }
  }
}

/** Of what a hop says, so much is kept with each recipient. */
const MOST_KEPT = 4096

const bounded = (lines: readonly string[]): readonly string[] => {
  let left = MOST_KEPT
  const kept: string[] = []
  for (const line of lines) {
    if (line.length > left) return [...kept, `${line.slice(0, Math.max(0, left))} [...]`]
    left -= line.length + 2
    kept.push(line)
  }
  return kept
}
