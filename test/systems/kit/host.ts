import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { arrivedLetter, type Letter } from './letter.ts'
import { fits, repeated } from './pattern.ts'

/** What a host answers, by a pattern of the command: one answer after the other, the last one for ever. */
export type Answers = Readonly<Record<string, readonly string[]>>

export interface HostOptions {
  readonly name: string
  /** An address of this machine. */
  readonly address: string
  readonly port: number
  readonly offers: readonly string[]
  readonly answers: Answers
}

/**
 * A mail host somewhere else, as simple as can be. It takes everything, but for what it is told to answer: to a command
 * (`RCPT TO:<x@there.test>*`), to `connection` in place of its greeting, to `message` after the last dot. In place of a
 * reply it may `cut` the connection, `say nothing` any more, or `wait` until it is told to answer otherwise.
 */
export class Host {
  readonly #options: HostOptions
  readonly #sockets: Set<Socket> = new Set()
  #answers: readonly { readonly pattern: string; readonly answers: string[] }[] = []
  #told: PromiseWithResolvers<void> = Promise.withResolvers()
  #server: Server | undefined
  /** All commands so far, `message` and `connection` among them. */
  readonly asked: string[] = []
  #connections = 0
  #letters: Letter[] = []

  constructor(options: HostOptions) {
    this.#options = options
    this.answer(options.answers)
  }

  /** Answers from now on. */
  answer(answers: Answers): void {
    this.#answers = Object.entries(answers).map(([pattern, all]) => ({ pattern, answers: [...all] }))
    this.#told.resolve()
    this.#told = Promise.withResolvers()
  }

  /** Since it was last asked. */
  connections(): number {
    const count = this.#connections
    this.#connections = 0
    return count
  }

  /** Mail it has and was not yet asked for. */
  get letters(): readonly Letter[] {
    return this.#letters
  }

  take(): readonly Letter[] {
    return this.#letters.splice(0)
  }

  async up(): Promise<void> {
    if (this.#server) return
    const server = createServer((socket) => this.#serve(socket))
    server.listen(this.#options.port, this.#options.address)
    await once(server, 'listening')
    this.#server = server
  }

  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server) return
    for (const socket of this.#sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }

  #serve(socket: Socket): void {
    this.#connections += 1
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    void this.#talk(socket).catch(() => socket.destroy())
  }

  async #talk(socket: Socket): Promise<void> {
    const { name, offers } = this.#options
    const input = pieces(socket)
    let from = ''
    let to: string[] = []
    const say = async (command: string, usual: string): Promise<string> => {
      this.asked.push(command)
      let said = this.#answer(command) ?? usual
      while (said === 'wait') {
        await this.#told.promise
        said = this.#answer(command) ?? usual
      }
      if (said === 'cut') socket.destroy()
      else if (said === 'say nothing') await new Promise((resolve) => socket.once('close', resolve))
      else socket.write(`${repeated(said)}\r\n`, 'latin1')
      return said
    }
    await say('connection', `220 ${name} ESMTP`)
    for (;;) {
      const line = await input('\r\n')
      if (line === undefined) return
      const verb = line.slice(0, 4).toUpperCase()
      if (verb === 'EHLO')
        await say(line, [name, ...offers].map((one, at) => `250${at < offers.length ? '-' : ' '}${one}`).join('\r\n'))
      else if (verb === 'MAIL') {
        if ((await say(line, '250 2.1.0 Ok')).startsWith('2')) from = line.slice(10)
        to = []
      } else if (verb === 'RCPT') {
        if ((await say(line, '250 2.1.5 Ok')).startsWith('2')) to.push(line.slice(8))
      } else if (verb === 'DATA') {
        if (!(await say(line, to.length > 0 ? '354 Go ahead' : '554 5.5.1 Nobody to take it')).startsWith('3')) continue
        const text = await input('\r\n.\r\n')
        if (text === undefined) return
        const body = `${text}\r\n`.replace(/^\.\./gm, '.')
        if ((await say('message', '250 2.0.0 Taken')).startsWith('2')) this.#letters.push(arrivedLetter(body, from, to))
      } else if (verb === 'QUIT') {
        await say(line, '221 2.0.0 Bye')
        socket.end()
      } else await say(line, verb === 'RSET' || verb === 'HELO' ? '250 2.0.0 Ok' : '502 5.5.1 What?')
    }
  }

  #answer(command: string): string | undefined {
    const found = this.#answers.find(({ pattern }) => fits(command, pattern))
    return found && (found.answers.length > 1 ? found.answers.shift() : found.answers[0])
  }
}

/** What comes up to a mark, the mark left out; undefined at the end of the input. */
const pieces = (socket: Socket): ((mark: string) => Promise<string | undefined>) => {
  let text = ''
  let more = Promise.withResolvers<void>()
  let ended = false
  const ring = () => {
    more.resolve()
    more = Promise.withResolvers<void>()
  }
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    ring()
  })
  socket.on('close', () => {
    ended = true
    ring()
  })
  return async (mark) => {
    for (;;) {
      const end = text.indexOf(mark)
      if (end >= 0) {
        const piece = text.slice(0, end)
        text = text.slice(end + mark.length)
        return piece
      }
      if (ended) return undefined
      await more.promise
    }
  }
}
