import assert from 'node:assert/strict'
import { type Channel, Closed } from '../../src/net/channel.ts'

/** What a client did with a scripted hop. */
export interface Played {
  /** Each body, one character per octet. */
  readonly bodies: readonly string[]
}

interface Play {
  readonly channel: Channel
  readonly bodies: string[]
}

const HOUR = 3_600_000

/**
 * Plays a hop's part of a dialogue, and fails when the client leaves the script. A line of it is one of
 *
 * - `S: text`  the hop says this;
 * - `S! text`  the same without a CRLF, and with `\r`, `\n`, `\xNN` read as in JavaScript;
 * - `C: text`  the client must say this; `C: /pattern/` something like it;
 * - `C: …body` the client sends a body that ends with a dot, which is kept;
 * - `C: …octets N` the client sends so many octets, which are kept;
 * - `C: …closed` the client closes the connection;
 * - `X: batch` more of the client's input must be there already; `X: alone` it must not;
 * - `X: cut`   the hop drops the connection; `X: end` it closes it in good order;
 * - `X: stall` the hop says nothing more until the client has gone; `X: leave` it does not even read.
 *
 * Empty lines, and those that begin with `#`, mean nothing. A QUIT after the end is answered; anything else is not allowed.
 */
export const playHop = async (channel: Channel, script: string): Promise<Played> => {
  const play: Play = { channel, bodies: [] }
  try {
    for (const [index, line] of script.split('\n').entries()) {
      const text = line.trim()
      if (text === 'X: leave') return play
      if (text !== '' && !text.startsWith('#')) await step(play, text, `line ${index + 1} of the script (${text})`)
    }
    await farewell(channel)
  } catch (error) {
    channel.destroy()
    throw error
  }
  return play
}

const step = async (play: Play, text: string, where: string): Promise<void> => {
  const { channel } = play
  const what = text.slice(0, 2)
  const rest = text.slice(3)
  if (what === 'S:') await say(channel, `${rest}\r\n`)
  else if (what === 'S!') await say(channel, octetsOf(rest))
  else if (what === 'C:' && rest.startsWith('…')) await take(play, rest.slice(1), where)
  else if (what === 'C:') expect(await channel.line(100_000, HOUR), rest, where)
  else if (what === 'X:') await fault(channel, rest, where)
  else throw new Error(`Not a line of a script: ${text}`)
}

const say = async (channel: Channel, text: string): Promise<void> => {
  channel.write(Buffer.from(text, 'latin1'))
  await channel.flush(HOUR)
}

const ESCAPE = /\\(?:r|n|x([0-9a-f]{2}))/g

const octetsOf = (text: string): string =>
  text.replace(ESCAPE, (what, hex?: string) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : what === '\\r' ? '\r' : '\n',
  )

const expect = (said: string, wanted: string, where: string): void => {
  const pattern = /^\/(.*)\/$/.exec(wanted)?.[1]
  const text = Buffer.from(said, 'latin1').toString()
  if (pattern === undefined) assert.equal(text, wanted, where)
  else assert.match(text, new RegExp(pattern), where)
}

const take = async ({ channel, bodies }: Play, what: string, where: string): Promise<void> => {
  if (what === 'closed') {
    await assert.rejects(channel.line(1000, HOUR), Closed, where)
    return
  }
  const octets = /^octets (\d+)$/.exec(what)?.[1]
  const source = octets === undefined ? channel.dotted(HOUR) : channel.counted(Number(octets), HOUR)
  let body = ''
  for await (const chunk of source) body += Buffer.from(chunk).toString('latin1')
  bodies.push(body)
}

const fault = async (channel: Channel, what: string, where: string): Promise<void> => {
  if (what === 'cut') {
    // What was said last is on its way when the line is cut.
    await new Promise((resolve) => setImmediate(resolve))
    channel.destroy()
  } else if (what === 'end') void channel.end(HOUR)
  else if (what === 'stall') await stall(channel)
  else if (what === 'batch') assert.ok(channel.pending(), where)
  else if (what === 'alone') {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(!channel.pending(), where)
  } else throw new Error(`Not a fault: ${what}`)
}

const stall = async (channel: Channel): Promise<void> => {
  try {
    for (;;) await channel.line(1_000_000, HOUR)
  } catch (error) {
    if (!(error instanceof Closed)) throw error
  }
}

const farewell = async (channel: Channel): Promise<void> => {
  try {
    const line = await channel.line(1000, HOUR)
    assert.equal(line, 'QUIT', 'after the end of the script')
    channel.write('221 2.0.0 Bye\r\n')
    await channel.end(HOUR)
  } catch (error) {
    if (!(error instanceof Closed)) throw error
  }
}
