import type { Reply } from '../mail/reply.ts'
import type { ClientWire } from './client-wire.ts'
import type { BodyWire, Hop } from './extension.ts'
import { BadReply } from './reply-reader.ts'

const DOT = 46
const WINDOW = 65_536

/** As much is put together before it is sent. */
const FLUSH_AT = 65_536

/** A CR or LF alone. To send it by DATA would be to let the hop decide what it means (SMTP smuggling). */
export class BareNewline extends Error {
  override readonly name = 'BareNewline'
}

/** Octets were missing or too many: what would arrive is not what was accepted. */
export class WrongSize extends Error {
  override readonly name = 'WrongSize'
}

/** Doubles the dots that begin lines (RFC 5321 4.5.2), for any chunk borders, and lets no bare CR or LF pass. */
export class DotStuffing {
  #lineStart = true
  #afterCr = false

  /** The chunk itself when nothing in it needs a dot. Throws `BareNewline`. */
  next(chunk: Uint8Array): Uint8Array {
    const octets = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    const dots: number[] = []
    // A string is searched twice as fast as a buffer, its making included, while the cache still has it.
    for (let from = 0; from < octets.length; from += WINDOW) {
      for (const dot of this.#find(octets.toString('latin1', from, from + WINDOW))) dots.push(from + dot)
    }
    return dots.length === 0 ? chunk : double(octets, dots)
  }

  /** What ends the body: a body whose last line has no CRLF is given one. Throws `BareNewline`. */
  end(): string {
    if (this.#afterCr) throw new BareNewline('The body ends with a bare CR')
    return this.#lineStart ? '.\r\n' : '\r\n.\r\n'
  }

  #find(text: string): readonly number[] {
    const dots: number[] = []
    let at = 0
    if (this.#lineStart && text[0] === '.') dots.push(0)
    if (this.#afterCr) {
      if (text[0] !== '\n') throw new BareNewline('A bare CR in the body')
      at = 1
      if (text[1] === '.') dots.push(1)
    }
    for (;;) {
      const lf = text.indexOf('\n', at)
      const cr = text.indexOf('\r', at)
      if (lf === -1 && (cr === -1 || cr === text.length - 1)) break
      if (cr === -1 || (lf !== -1 && lf < cr)) throw new BareNewline('A bare LF in the body')
      if (lf !== cr + 1) throw new BareNewline('A bare CR in the body')
      at = lf + 1
      if (text[at] === '.') dots.push(at)
    }
    this.#afterCr = text.endsWith('\r')
    this.#lineStart = text.endsWith('\n')
    return dots
  }
}

const double = (octets: Buffer, dots: readonly number[]): Uint8Array => {
  const out = Buffer.allocUnsafe(octets.length + dots.length)
  let from = 0
  let to = 0
  for (const dot of dots) {
    to += octets.copy(out, to, from, dot)
    out[to++] = DOT
    from = dot
  }
  octets.copy(out, to, from)
  return out
}

/** Sends a body as DATA does; its last dot is written and not yet sent. Throws `BareNewline` before a bad line is sent whole. */
export const sendDotted = async (body: AsyncIterable<Uint8Array>, wire: ClientWire): Promise<void> => {
  const stuffing = new DotStuffing()
  let waiting = 0
  for await (const chunk of body) {
    const stuffed = stuffing.next(chunk)
    wire.channel.write(stuffed)
    waiting += stuffed.length
    if (waiting < FLUSH_AT) continue
    await wire.flush()
    waiting = 0
  }
  wire.channel.write(stuffing.end())
}

/** The body from an octet on. Throws `WrongSize` when it does not have as many octets in all as was said. */
export async function* exactly(
  content: AsyncIterable<Uint8Array>,
  octets: number,
  from: number,
): AsyncGenerator<Uint8Array, void> {
  let seen = 0
  for await (const chunk of content) {
    const before = seen
    seen += chunk.length
    if (seen > octets) break
    if (seen > from) yield before >= from ? chunk : chunk.subarray(from - before)
  }
  if (seen !== octets) throw new WrongSize(`A body of ${octets} octets has ${seen > octets ? 'more' : `only ${seen}`}`)
}

/** Whether a line begins at this octet of a body, or the body ends there. */
export const beginsLine = async (content: AsyncIterable<Uint8Array>, at: number): Promise<boolean> => {
  let seen = 0
  let before = [13, 10]
  if (at === 0) return true
  for await (const chunk of content) {
    before = [...before, ...chunk.subarray(0, at - seen).subarray(-2)].slice(-2)
    seen += chunk.length
    if (seen > at) return before[0] === 13 && before[1] === 10
  }
  return seen === at
}

/** What a body sender is given. Replies may take as long as the last one; a 421 is thrown. */
export class SenderWire implements BodyWire {
  readonly hop: Hop
  readonly octets: number
  readonly #wire: ClientWire

  constructor(hop: Hop, octets: number, wire: ClientWire) {
    this.hop = hop
    this.octets = octets
    this.#wire = wire
  }

  command(line: string): Promise<Reply> {
    return this.#wire.command(line, this.#wire.timeouts.end)
  }

  raw(octets: Uint8Array): void {
    this.#wire.channel.write(octets)
  }

  line(text: string): void {
    // Whoever sends a body reads each answer before the next command.
    if (this.#wire.channel.pending()) throw new BadReply('A reply before anything was asked')
    this.#wire.say(text)
  }

  flush(): Promise<void> {
    return this.#wire.flush()
  }

  async reply(): Promise<Reply> {
    await this.#wire.flush()
    return this.#wire.reply(this.#wire.timeouts.end)
  }
}
