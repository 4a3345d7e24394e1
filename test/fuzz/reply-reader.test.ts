import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryChannels } from '../../src/net/memory-channel.ts'
import { systemClock } from '../../src/observe/clock.ts'
import { BadReply, ReplyLines, readReply } from '../../src/smtp/reply-reader.ts'
import { type Read, readSlowly } from './reference-reply.ts'
import { randomFrom, runs } from './runs.ts'

const PIECES = [
  '250',
  '250 ',
  '250-',
  '354',
  '421 ',
  '550-',
  '550 ',
  '050 ',
  '050-',
  '05',
  '150 ',
  '999 ',
  '2',
  '5.1.1',
  ' 5.1.1 ',
  '5.1.1 ',
  '2.0.0 ',
  '4.7.1234',
  '2.0.',
  '.',
  ' ',
  '\t',
  '-',
  'text',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r',
  '\n',
  '\0',
  '\x1b',
  '\x85',
  '\xc3\xa9',
  '\xc3',
  '\xff',
  '\xed\xa0\x80',
]

const generate = (random: (below: number) => number): string => {
  let text = ''
  for (let n = random(14); n >= 0; n -= 1) text += PIECES[random(PIECES.length)] ?? ''
  return `${text}\r\n`
}

/** The replies in a text that has whole lines only, by the reader under test. */
const readFast = (text: string): Read[] => {
  const found: Read[] = []
  let reply = new ReplyLines(true)
  for (const line of text.slice(0, -2).split('\r\n')) {
    try {
      const done = reply.add(line)
      if (done === undefined) continue
      found.push(done)
      reply = new ReplyLines(true)
    } catch (error) {
      if (!(error instanceof BadReply)) throw error
      found.push('bad')
      break
    }
  }
  return found
}

test('the reply reader agrees with one that reads octet by octet', () => {
  const random = randomFrom(5321)
  let replies = 0
  for (let n = runs(40_000); n > 0; n -= 1) {
    const text = generate(random)
    const found = readFast(text)
    assert.deepEqual(found, readSlowly(text), JSON.stringify(text))
    replies += found.filter((one) => one !== 'bad').length
  }
  assert.ok(replies > 0)
})

test('it does so through a channel, however the octets are cut', async () => {
  const random = randomFrom(2920)
  const clock = systemClock()
  for (let n = Math.min(runs(300), 20_000); n > 0; n -= 1) {
    const text = generate(random)
    const [here, there] = memoryChannels(clock)
    for (let at = 0; at < text.length; ) {
      const end = at + 1 + random(7)
      there.write(Buffer.from(text.slice(at, end), 'latin1'))
      await there.flush(1000)
      at = end
    }
    void there.end(1000)
    for (const wanted of readSlowly(text)) {
      const got = await readReply(here, clock, 1000, true).catch((error: unknown) => {
        assert.ok(error instanceof BadReply, String(error))
        return 'bad'
      })
      assert.deepEqual(got, wanted, JSON.stringify(text))
    }
    here.destroy()
  }
})
