import { createServer, type Server, type Socket } from 'node:net'
import type { Scene } from './scene.ts'

/** A transaction that a hop took. */
export interface Taken {
  readonly from: string
  readonly to: readonly string[]
  /** With its dots as they were before they were doubled. */
  readonly body: Buffer
}

export interface HopPlan {
  /** Absent: a greeting as it should be. */
  readonly greeting?: Answer
  /** What follows EHLO or LHLO. */
  readonly keywords?: readonly string[]
  /** A reply for each recipient at the end of the body (RFC 2033). */
  readonly lmtp?: boolean
  /**
   * What this hop says to a line of the client; undefined: what a hop says that takes everything. At the end of a body the
   * line is `.`, or `. RECIPIENT` for each with LMTP. `nth`: how often it has met this line, from 1.
   */
  readonly answer?: (line: string, nth: number) => Answer | undefined
}

/** A reply without its CRLF; `cut`: the connection is dropped; `silence`: nothing is said; `slowly`: octet by octet. */
export type Answer = string | 'cut' | 'silence' | { readonly slowly: string }

/** A hop that does as it is told. */
export interface Hop {
  readonly port: number
  /** What it has taken, in this order. */
  readonly taken: readonly Taken[]
  /** The lines of all clients. */
  readonly lines: readonly string[]
  listen(): Promise<void>
}

/** Does not listen yet. */
export const makeHop = (scene: Scene, port: number, plan: HopPlan = {}): Hop => {
  const taken: Taken[] = []
  const lines: string[] = []
  const sockets = new Set<Socket>()
  let server: Server | undefined
  scene.atEnd(async () => {
    const closing = server
    if (closing === undefined) return
    const closed = new Promise((resolve) => closing.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return {
    port,
    taken,
    lines,
    listen() {
      const opened = createServer((socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
        new Conversation(socket, plan, taken, lines).begin()
      })
      server = opened
      return new Promise((resolve, reject) => {
        opened.once('error', reject)
        opened.listen(port, '127.0.0.1', resolve)
      })
    },
  }
}

const isYes = (answer: Answer | undefined): boolean =>
  /^[23]\d\d/.test(typeof answer === 'object' ? answer.slowly : String(answer))

class Conversation {
  readonly #socket: Socket
  readonly #plan: HopPlan
  readonly #taken: Taken[]
  readonly #lines: string[]
  #input = ''
  #body: string | undefined
  #from = ''
  #to: string[] = []

  constructor(socket: Socket, plan: HopPlan, taken: Taken[], lines: string[]) {
    this.#socket = socket
    this.#plan = plan
    this.#taken = taken
    this.#lines = lines
  }

  begin(): void {
    this.#say(this.#plan.greeting ?? '220 hop.test ESMTP')
    this.#socket.on('data', (chunk) => {
      this.#input += chunk.toString('latin1')
      this.#read()
    })
  }

  #read(): void {
    for (;;) {
      if (this.#body !== undefined) {
        // As if the line before it ended there: a body may have no line.
        const end = `\r\n${this.#input}`.indexOf('\r\n.\r\n')
        if (end < 0) return
        this.#body = this.#input.slice(0, end).replace(/^\./gm, '')
        this.#input = this.#input.slice(end + 3)
        this.#end(Buffer.from(this.#body, 'latin1'))
        this.#body = undefined
        continue
      }
      const end = this.#input.indexOf('\r\n')
      if (end < 0) return
      const line = this.#input.slice(0, end)
      this.#input = this.#input.slice(end + 2)
      this.#command(line)
    }
  }

  #command(line: string): void {
    const answer = this.#ask(line) ?? this.#usual(line)
    if (isYes(answer)) this.#note(line)
    this.#say(answer)
  }

  #note(line: string): void {
    const path = /:<([^>]*)>/.exec(line)?.[1] ?? ''
    if (/^MAIL/i.test(line)) [this.#from, this.#to] = [path, []]
    if (/^RCPT/i.test(line)) this.#to.push(path)
    if (/^DATA/i.test(line)) this.#body = ''
  }

  #end(body: Buffer): void {
    const everybody = this.#to
    const named = this.#plan.lmtp ? everybody.map((to) => `. ${to}`) : ['.']
    const answers = named.map((line) => this.#ask(line) ?? '250 2.0.0 Taken')
    const to = everybody.filter((_, index) => isYes(answers[index] ?? answers[0]))
    if (to.length > 0) this.#taken.push({ from: this.#from, to, body })
    for (const answer of answers) this.#say(answer)
  }

  #ask(line: string): Answer | undefined {
    this.#lines.push(line)
    return this.#plan.answer?.(line, this.#lines.filter((one) => one === line).length)
  }

  #usual(line: string): string {
    const [, verb = ''] = /^([a-z]+)/i.exec(line) ?? []
    switch (verb.toUpperCase()) {
      case 'EHLO':
      case 'LHLO':
        return ['hop.test', ...(this.#plan.keywords ?? [])]
          .map((word, index, all) => `250${index === all.length - 1 ? ' ' : '-'}${word}`)
          .join('\r\n')
      case 'DATA':
        return '354 Go on'
      case 'QUIT':
        return '221 2.0.0 Bye'
      default:
        return '250 2.0.0 Ok'
    }
  }

  #say(answer: Answer): void {
    if (answer === 'silence') return
    if (answer === 'cut') this.#socket.destroy()
    else if (typeof answer === 'string') this.#socket.write(`${answer}\r\n`, 'latin1')
    else this.#trickle(`${answer.slowly}\r\n`)
  }

  #trickle(text: string): void {
    if (text === '' || this.#socket.destroyed) return
    this.#socket.write(text.slice(0, 1), 'latin1', () => setTimeout(() => this.#trickle(text.slice(1)), 10))
  }
}
