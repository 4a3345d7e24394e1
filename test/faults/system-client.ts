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
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const replies = readReplies(socket)
  const acknowledged: Acknowledged[] = []
  try {
    await replies.next()
    const say = async (...lines: readonly string[]): Promise<string> => {
      let last = ''
      let refused: string | undefined
      for (const group of pipelined ? [lines] : lines.map((line) => [line])) {
        socket.write(group.map((line) => `${line}\r\n`).join(''))
        for (const _ of group) {
          last = await replies.next()
          if (/^[45]/.test(last)) refused ??= last
        }
        if (refused) return refused
      }
      return last
    }
    await say('EHLO client.test')
    for (const { from, to, body } of mails) {
      const opened = await say(`MAIL FROM:<${from}>`, ...to.map((one) => `RCPT TO:<${one}>`), 'DATA')
      if (!opened.startsWith('354')) {
        acknowledged.push(opened)
        await say('RSET')
        continue
      }
      socket.write(stuffed(body))
      const reply = await replies.next()
      replied(reply)
      acknowledged.push(reply)
    }
    await say('QUIT')
  } catch (error) {
    if (!(error instanceof Ended)) throw error
  } finally {
    socket.destroy()
  }
  return mails.map((_, index) => acknowledged[index])
}

class Ended extends Error {}

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
