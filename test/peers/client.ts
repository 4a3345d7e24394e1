import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Mail handed to a server octet by octet, so that a test knows what arrived there. */
export interface Handed {
  readonly from?: string
  /** Parameters of MAIL, with their space in front. */
  readonly mail?: string
  /** Addresses, or addresses in angle brackets with parameters behind. */
  readonly to: readonly string[]
  /** Lines end with CRLF. */
  readonly body: Buffer
  /** In chunks of so many octets by BDAT, not by DATA. */
  readonly chunks?: number
}

/**
 * Hands mail to a server on this port, one command at a time, and nothing else: as plain a client as can be. Resolves to
 * the last reply. Rejects when anything is refused.
 */
export const handTo = async (port: number, mail: Handed): Promise<string> => {
  const { from = 'sender@origin.test', to, body, chunks } = mail
  const socket = connect(port, '127.0.0.1')
  const replies = repliesOf(socket)
  const say = async (line: string | Buffer, wanted: number): Promise<string> => {
    if (line.length > 0 && !socket.write(line)) await once(socket, 'drain')
    const { value: reply = '' } = await replies.next()
    if (!reply.startsWith(String(wanted))) throw new Error(`'${head(line)}' was answered with '${reply}'`)
    return reply
  }
  try {
    await say('', 2)
    await say('EHLO client.origin.test\r\n', 2)
    await say(`MAIL FROM:<${from}>${mail.mail ?? ''}\r\n`, 2)
    for (const one of to) await say(`RCPT TO:${one.startsWith('<') ? one : `<${one}>`}\r\n`, 2)
    let last = ''
    if (chunks === undefined) {
      await say('DATA\r\n', 3)
      last = await say(dotted(body), 2)
    } else {
      for (let at = 0; at < body.length; at += chunks) {
        const chunk = body.subarray(at, at + chunks)
        await say(Buffer.concat([Buffer.from(`BDAT ${chunk.length}\r\n`), chunk]), 2)
      }
      last = await say('BDAT 0 LAST\r\n', 2)
    }
    await say('QUIT\r\n', 2)
    return last
  } finally {
    socket.destroy()
  }
}

const head = (line: string | Buffer): string => Buffer.from(line).toString('latin1', 0, 80).trim()

/** RFC 5321 4.5.2. A body without its last CRLF gets one: DATA can send no other. */
const dotted = (body: Buffer): Buffer => {
  const text = body.toString('latin1').replace(/^\./gm, '..')
  return Buffer.from(`${text}${text === '' || text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1')
}

async function* repliesOf(socket: Socket): AsyncGenerator<string, string> {
  let text = ''
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString('latin1')
    for (let end = /^\d{3}(?: .*)?\r\n/m.exec(text); end; end = /^\d{3}(?: .*)?\r\n/m.exec(text)) {
      const length = end.index + end[0].length
      yield text.slice(0, length).trimEnd()
      text = text.slice(length)
    }
  }
  return '(closed)'
}
