import type { Reply } from '../mail/reply.ts'
import { type Channel, LineTooLong } from '../net/channel.ts'
import type { Clock } from '../observe/clock.ts'

/** The far end does not speak SMTP, or is out of step. Nothing it says after that can be trusted. */
export class BadReply extends Error {
  override readonly name = 'BadReply'
}

/** RFC 5321 4.5.3.1.5 has lines of 512 octets and any number of them. */
const MAX_LINE = 4096
const MAX_LINES = 512
const MAX_OCTETS = 65_536

const LINE = /^([2-5][0-9][0-9])(?:$|([ -])(.*))/
const INFORMATION = /^0[0-9][0-9](?:$|[ -])/
const STATUS = /^([245])\.([0-9]{1,3})\.([0-9]{1,3})(?:$| +)/
const BEYOND_ASCII = /[^\x00-\x7f]/
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/g

/**
 * Puts one reply together, line by line (RFC 5321 4.2). A line has a code from 200 to 599, then nothing, or a space or a
 * hyphen and text; all lines have the same code. Lines with a code below 100 are information that some servers strew in
 * (`VERB`), and are skipped. A CR or LF inside a line is refused: what one end takes for one reply the other may take
 * for two. Control characters become spaces, and text that is not UTF-8 is read as ISO 8859-1.
 */
export class ReplyLines {
  readonly #strip: boolean
  readonly #text: string[] = []
  #code = 0
  #status = ''
  #count = 0
  #octets = 0

  /** `strip`: the hop begins its texts with statuses (RFC 2034), so they are no part of them. */
  constructor(strip: boolean) {
    this.#strip = strip
  }

  /** The line has one character per octet. Undefined: the reply goes on. Throws `BadReply`. */
  add(line: string): Reply | undefined {
    this.#octets += line.length + 2
    if (++this.#count > MAX_LINES || this.#octets > MAX_OCTETS) throw new BadReply('A reply without end')
    if (line.includes('\r') || line.includes('\n')) throw new BadReply('A bare CR or LF in a reply')
    const found = LINE.exec(line)
    if (found === null) {
      if (INFORMATION.test(line)) return undefined
      throw new BadReply(`Not a reply: ${readable(line.slice(0, 100))}`)
    }
    const code = Number(found[1])
    if (this.#code !== 0 && this.#code !== code) throw new BadReply(`A reply with two codes: ${this.#code} and ${code}`)
    this.#code = code
    this.#text.push(this.#seen(readable(found[3] ?? '')))
    return found[2] === '-' ? undefined : { code, status: this.#status, lines: this.#text }
  }

  /** The first status that a line begins with is the reply's, if its class is that of the code. */
  #seen(text: string): string {
    const found = STATUS.exec(text)
    if (found === null || Number(found[1]) !== Math.floor(this.#code / 100)) return text
    const status = found[0].trimEnd()
    if (this.#status === '') this.#status = status
    return this.#strip && status === this.#status ? text.slice(found[0].length) : text
  }
}

const strict = new TextDecoder('utf-8', { fatal: true })

const readable = (octets: string): string => {
  let text = octets
  if (BEYOND_ASCII.test(octets)) {
    try {
      text = strict.decode(Buffer.from(octets, 'latin1'))
    } catch {
      // ISO 8859-1 is as good a guess as any, and loses nothing.
    }
  }
  return text.replace(CONTROLS, ' ')
}

/**
 * The next reply, all of it within `timeout` milliseconds. Throws `BadReply`, and what the channel throws. Of a line that
 * is too long the end is not waited for: the connection is of no use any more.
 */
export const readReply = async (channel: Channel, clock: Clock, timeout: number, strip: boolean): Promise<Reply> => {
  const until = clock.now() + timeout
  const reply = new ReplyLines(strip)
  try {
    for (let left = timeout; ; left = Math.max(0, until - clock.now())) {
      const done = reply.add(await channel.line(MAX_LINE, left, 0))
      if (done) return done
    }
  } catch (error) {
    throw error instanceof LineTooLong ? new BadReply('A reply line without end', { cause: error }) : error
  }
}
