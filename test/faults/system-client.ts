import { connect } from 'node:net'

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  /** Lines with CRLF. */
  readonly body: string
}

/** The reply to the body, or undefined when the connection ended before it came. */
export type Acknowledged = string | undefined

const stuffed = (body: string): string => `${body.replaceAll(/^\./gm, '..')}.\r\n`

/** One connection, used command by command. */
export interface Dialogue {
  /** Sends a line and gives the reply to it. Throws `Ended` once the server has gone. */
  say(line: string): Promise<string>
  write(text: string): void
  reply(): Promise<string>
  close(): void
}

/** The greeting has been read. */
export const openDialogue = async (port: number): Promise<Dialogue> => {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const replies = readReplies(socket)
  const write = (text: string): void => void socket.write(text)
  try {
    await replies.next()
  } catch (error) {
    socket.destroy()
    throw error
  }
  return {
    say(line) {
      write(`${line}\r\n`)
      return replies.next()
    },
    write,
    reply: () => replies.next(),
    close: () => socket.destroy(),
  }
}

/** What opens a transaction, as one group or command by command; the first refusal, or the last reply. */
const envelope = async (session: Dialogue, lines: readonly string[], pipelined: boolean): Promise<string> => {
  if (pipelined) session.write(lines.map((line) => `${line}\r\n`).join(''))
  let refused: string | undefined
  let last = ''
  for (const line of lines) {
    last = await (pipelined ? session.reply() : session.say(line))
    if (/^[45]/.test(last)) refused ??= last
    if (refused && !pipelined) return refused
  }
  return refused ?? last
}

/**
 * One session over a real socket, one command after the other or, when `pipelined`, as groups: sends the mails and tells
 * the last reply to each, `replied` at once. A 4yz or 5yz to a command of the envelope is that mail's reply.
 */
export const sendMail = async (
  port: number,
  mails: readonly Mail[],
  pipelined = false,
  replied: (reply: string) => void = () => {},
): Promise<Acknowledged[]> => {
  const acknowledged: Acknowledged[] = []
  let session: Dialogue | undefined
  try {
    session = await openDialogue(port)
    await session.say('EHLO client.test')
    for (const { from, to, body } of mails) {
      const lines = [`MAIL FROM:<${from}>`, ...to.map((one) => `RCPT TO:<${one}>`), 'DATA']
      const opened = await envelope(session, lines, pipelined)
      if (!opened.startsWith('354')) {
        acknowledged.push(opened)
        await session.say('RSET')
        continue
      }
      session.write(stuffed(body))
      const reply = await session.reply()
      replied(reply)
      acknowledged.push(reply)
    }
    await session.say('QUIT')
  } catch (error) {
    if (!(error instanceof Ended)) throw error
  } finally {
    session?.close()
  }
  return mails.map((_, index) => acknowledged[index])
}

/** The server has gone, or refused the connection. */
export class Ended extends Error {
  override readonly name = 'Ended'
}

/** Whole replies, however many lines; throws `Ended` when no more comes. */
const readReplies = (socket: ReturnType<typeof connect>): { next(): Promise<string> } => {
  let text = ''
  let ended = false
  let arrived = Promise.withResolvers<void>()
  const tell = () => {
    arrived.resolve()
    arrived = Promise.withResolvers()
  }
  const end = () => {
    ended = true
    tell()
  }
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    text += chunk
    tell()
  })
  socket.on('error', end).on('close', end).on('end', end)
  return {
    async next() {
      for (;;) {
        const whole = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(text)?.[0]
        if (whole !== undefined) {
          text = text.slice(whole.length)
          return whole.trimEnd()
        }
        if (ended) throw new Ended()
        await arrived.promise
      }
    },
  }
}
