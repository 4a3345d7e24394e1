import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import type { Reply } from '../mail/reply.ts'
import { Closed, TimedOut } from '../net/channel.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import { BadReply, ReplyLines, readReply } from './reply-reader.ts'

const read = (...lines: readonly string[]): Reply | undefined => {
  const reply = new ReplyLines(true)
  let done: Reply | undefined
  for (const line of lines) {
    assert.equal(done, undefined, 'a line after the last')
    done = reply.add(line)
  }
  return done
}

const GOOD: readonly (readonly [string, readonly string[], Reply])[] = [
  ['a code and text', ['250 fine'], { code: 250, status: '', lines: ['fine'] }],
  ['a bare code (RFC 5321 4.2)', ['250'], { code: 250, status: '', lines: [''] }],
  ['a code and a space', ['354 '], { code: 354, status: '', lines: [''] }],
  ['several lines', ['250-one', '250-', '250 three'], { code: 250, status: '', lines: ['one', '', 'three'] }],
  ['several lines, the last a bare code', ['250-one', '250'], { code: 250, status: '', lines: ['one', ''] }],
  ['a status', ['550 5.1.1 unknown'], { code: 550, status: '5.1.1', lines: ['unknown'] }],
  ['three digits of each part', ['550 5.123.133 no'], { code: 550, status: '5.123.133', lines: ['no'] }],
  ['a status alone', ['250 2.0.0'], { code: 250, status: '2.0.0', lines: [''] }],
  [
    'a status on each line',
    ['452-4.5.3 too', '452 4.5.3 many'],
    { code: 452, status: '4.5.3', lines: ['too', 'many'] },
  ],
  ['a status on a later line', ['550-no', '550 5.7.1 never'], { code: 550, status: '5.7.1', lines: ['no', 'never'] }],
  ['two statuses', ['550-5.7.1 a', '550 5.1.1 b'], { code: 550, status: '5.7.1', lines: ['a', '5.1.1 b'] }],
  ['a status of another class', ['550 4.1.1 what'], { code: 550, status: '', lines: ['4.1.1 what'] }],
  ['what only looks like a status', ['550 5.1.1000 x'], { code: 550, status: '', lines: ['5.1.1000 x'] }],
  ['a version number', ['250 2.0.0-rc1'], { code: 250, status: '', lines: ['2.0.0-rc1'] }],
  ['no status with 3yz', ['354 3.0.0 go'], { code: 354, status: '', lines: ['3.0.0 go'] }],
  ['information skipped', ['050 connecting', '050-more', '250 ok'], { code: 250, status: '', lines: ['ok'] }],
  ['information within', ['250-a', '050 b', '250 c'], { code: 250, status: '', lines: ['a', 'c'] }],
  ['UTF-8', ['250 gr\xc3\xbc\xc3\x9fe'], { code: 250, status: '', lines: ['grüße'] }],
  ['not UTF-8', ['250 gr\xfc\xdfe'], { code: 250, status: '', lines: ['grüße'] }],
  ['controls', ['250 a\0b\x1b[31m\x7f\tc'], { code: 250, status: '', lines: ['a b [31m  c'] }],
]

const BAD: readonly (readonly [string, readonly string[]])[] = [
  ['nothing', ['']],
  ['no code', ['hello']],
  ['two digits', ['25 ok']],
  ['four digits', ['2500 ok']],
  ['1yz', ['150 wait']],
  ['6yz', ['650 what']],
  ['another separator', ['250_ok']],
  ['a tab', ['250\tok']],
  ['a space before', [' 250 ok']],
  ['two codes', ['250-a', '550 b']],
  ['a bare LF', ['250-a\n250 b']],
  ['a bare CR', ['250 a\rb']],
  ['other digits', ['२५० ok']],
  ['lines without end', Array.from({ length: 600 }, () => '250-x')],
  ['information without end', Array.from({ length: 600 }, () => '050 x')],
  ['octets without end', Array.from({ length: 20 }, () => `250-${'x'.repeat(4000)}`)],
]

describe('a reply, line by line', () => {
  for (const [what, lines, reply] of GOOD) test(`reads ${what}`, () => assert.deepEqual(read(...lines), reply))
  for (const [what, lines] of BAD) test(`refuses ${what}`, () => assert.throws(() => read(...lines), BadReply))
  test('a status that was not promised is read, and stays in the text', () => {
    assert.deepEqual(new ReplyLines(false).add('550 5.1.1 unknown'), {
      code: 550,
      status: '5.1.1',
      lines: ['5.1.1 unknown'],
    })
  })
  test('wants more after a hyphen', () => assert.equal(read('250-a', '250-b'), undefined))
})

describe('a reply from a channel', () => {
  const open = () => {
    const clock = manualClock()
    const [here, there] = memoryChannels(clock)
    const say = (text: string) => {
      there.write(Buffer.from(text, 'latin1'))
      return there.flush(1000)
    }
    return { clock, here, there, say }
  }

  test('leaves what follows alone', async () => {
    const { clock, here, say } = open()
    await say('250-a\r\n250 b\r\n550 c\r\n')
    assert.deepEqual((await readReply(here, clock, 1000, true)).lines, ['a', 'b'])
    assert.deepEqual((await readReply(here, clock, 1000, true)).code, 550)
  })

  test('has one limit for all its lines', async () => {
    const { clock, here, say } = open()
    const reply = assert.rejects(readReply(here, clock, 1000, true), TimedOut)
    for (let line = 0; line < 4; line += 1) {
      await say('250-slowly\r\n')
      await clock.advance(300)
    }
    await reply
  })

  test('refuses a line without end, and octets that are no line', async () => {
    const { clock, here, say } = open()
    await say(`250 ${'x'.repeat(10_000)}\r\n`)
    await assert.rejects(readReply(here, clock, 1000, true), BadReply)
  })

  test('does not wait for the end of a line that is too long', async () => {
    const { clock, here, say } = open()
    const reply = assert.rejects(readReply(here, clock, 1000, true), BadReply)
    await say(`250 ${'x'.repeat(4093)}`)
    await clock.settle()
    assert.equal(clock.pending, 0)
    await reply
  })

  test('ends with the connection', async () => {
    const { clock, here, there, say } = open()
    await say('250-half')
    there.destroy()
    await assert.rejects(readReply(here, clock, 1000, true), Closed)
  })
})
