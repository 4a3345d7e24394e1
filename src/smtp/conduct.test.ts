import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { recordingSink } from '../../test/doubles/recording-sink.ts'
import { toys } from '../../test/doubles/toy-extensions.ts'
import { chunking } from '../extensions/chunking.ts'
import { reply } from '../mail/reply.ts'
import { Closed } from '../net/channel.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import type { Extension } from './extension.ts'
import type { ServerLimits } from './limits.ts'
import { createRegistry } from './registry.ts'
import { serve, serverContext } from './server.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const ENVELOPE = 'EHLO me.test\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\n'
const GREETED = ['250-', '250 ']
const TAKEN = [...GREETED, '250 ', '250 ']

/** A session under way, whose client says texts and hears lines. The clock stands still but for what a test lets pass. */
const session = async (limits: Partial<ServerLimits> = {}, extensions: readonly Extension[] = [chunking()]) => {
  const clock = manualClock()
  const [client, server] = memoryChannels(clock)
  const log = keptLog()
  const options = { hostname: 'mx.example.test', listener: 'mx', sink: recordingSink(), clock, log, limits }
  const served = serve(server, serverContext({ ...options, registry: createRegistry(extensions) }))
  const say = async (text: string) => {
    client.write(text)
    await client.flush(HOUR)
  }
  const hears = async (...beginnings: readonly string[]) => {
    for (const beginning of beginnings)
      assert.equal((await client.line(1000, HOUR)).slice(0, beginning.length), beginning)
  }
  const ends = async () => {
    await assert.rejects(client.line(1000, HOUR), Closed)
    client.destroy()
    await served
    assert.deepEqual(log.named('session-fault'), [])
  }
  await hears('220 ')
  return { clock, client, say, hears, ends }
}

describe('a line whose end does not come', () => {
  const endless = (most: number) => 'x'.repeat(most + 65_536 + 1)

  test('as a command', async () => {
    const { say, hears, ends } = await session()
    await say(`${endless(4096)}`)
    await hears('500 Line too long', '421 ')
    await ends()
  })

  test('as the answer to a question', async () => {
    const { say, hears, ends } = await session({}, [toys['X-VERBS']?.() ?? assert.fail()])
    await say('EHLO me.test\r\nXASK\r\n')
    await hears(...GREETED, '334 ')
    await say(`${'x'.repeat(101)}\r\n`)
    await hears('500 Line too long')
    await say('XASK\r\n')
    await hears('334 ')
    await say(endless(100))
    await hears('500 Line too long', '421 ')
    await ends()
  })
})

describe('a body that comes too slowly', () => {
  for (const [how, begin] of [
    ['with DATA', 'DATA\r\n'],
    ['with BDAT', 'BDAT 1000000 LAST\r\n'],
  ] as const) {
    test(how, async () => {
      const { clock, say, hears, ends } = await session({ rate: 100 })
      await say(ENVELOPE)
      await hears(...TAKEN)
      await say(begin)
      if (begin.startsWith('DATA')) await hears('354 ')
      // An octet a minute: three minutes of patience, and a little more for the octets.
      for (let minute = 0; minute < 3; minute++) {
        await say('x')
        await clock.advance(60_000)
      }
      await clock.advance(1000)
      await hears('421 Fewer than 100 octets a second')
      await ends()
    })
  }
})

describe('a session that lasts too long', () => {
  test('ends between two messages', async () => {
    const { clock, client, say, hears, ends } = await session({ session: DAY })
    for (let minute = 0; minute < 24 * 60; minute += 4) {
      await say(`${minute === 0 ? ENVELOPE : ENVELOPE.replace('EHLO me.test\r\n', '')}DATA\r\n`)
      await hears(...(minute === 0 ? TAKEN : TAKEN.slice(2)), '354 ')
      await say('.\r\n')
      await hears('250 ')
      await clock.advance(240_000)
    }
    assert.equal(client.pending(), false)
    await say('NOOP\r\n')
    await hears('250 ')
    await clock.advance(1)
    await say('NOOP\r\n')
    await hears('250 ', '421 ')
    await ends()
  })

  test('has an hour more for the message that it is about, and not an hour for each', async () => {
    const { clock, say, hears, ends } = await session({ session: DAY, junk: 10_000 })
    await say('EHLO me.test\r\n')
    await hears(...GREETED)
    const pass = async (ms: number) => {
      for (let left = ms; left > 0; left -= 240_000) {
        await clock.advance(Math.min(left, 240_000))
        await say('NOOP\r\n')
        await hears('250 ')
      }
    }
    await pass(DAY)
    await say('MAIL FROM:<a@example.org>\r\n')
    await hears('250 ')
    await pass(HOUR)
    await clock.advance(1)
    await say('NOOP\r\n')
    await hears('250 ', '421 ')
    await ends()
  })

  test('and a message that ends in that hour is taken', async () => {
    const { clock, say, hears, ends } = await session({ session: 60_000 })
    await say(`${ENVELOPE}`)
    await hears(...TAKEN)
    await clock.advance(120_000)
    await say('DATA\r\n')
    await hears('354 ')
    await say('x\r\n.\r\n')
    await hears('250 ', '421 ')
    await ends()
  })
})

test('what a client has used up is not forgotten when the session begins anew', async () => {
  const { say, hears, ends } = await session({ junk: 3 }, [toys['X-VERBS']?.() ?? assert.fail()])
  await say('NOOP\r\nNOOP\r\nEHLO me.test\r\n')
  await hears('250 ', '250 ', ...GREETED)
  await say('XAGAIN\r\n')
  await hears('220 ', '220 ')
  await say('NOOP\r\n')
  await hears('250 ')
  await say('NOOP\r\n')
  await hears('250 ', '421 ')
  await ends()
})

test('whoever is told to go and goes on sending is dropped after half a minute', async () => {
  const { clock, client, say, hears } = await session({ errors: 0 })
  await say('WHAT\r\n')
  await hears('500 ', '421 ')
  for (let second = 0; second < 29; second++) {
    await say('x'.repeat(1000))
    await clock.advance(1000)
  }
  await say('still there')
  await clock.advance(1000)
  await say('gone')
  await clock.settle()
  await assert.rejects(say('indeed'), Closed)
  client.destroy()
})

test('what is wrong with octets of an earlier connection does not put this one out of step', async () => {
  const torn: Extension = {
    keyword: 'X-TORN',
    rfc: [],
    server: {
      onMail: () => ({
        reply: reply(355, '', '9 octets are here'),
        resume: {
          recipients: [{ address: { local: 'b', domain: 'example.test' }, params: {} }],
          // biome-ignore lint/correctness/useYield: it fails before it has anything to give.
          body: (async function* () {
            throw new Error('The octets are gone')
          })(),
        },
      }),
    },
  }
  const { client, say, hears } = await session({}, [chunking(), torn])
  await say('EHLO me.test\r\nMAIL FROM:<a@example.org>\r\nBDAT 6 LAST\r\nNOOP\r\nHELO again\r\n')
  await hears('250-', '250-', '250 ', '355 ', '451 ', '250 mx')
  client.destroy()
})

test('recipients put off are answered, ten times as many as there may be, and no more', async () => {
  const { say, hears, ends } = await session({ recipients: 1 })
  await say(ENVELOPE)
  await hears(...TAKEN)
  for (let i = 0; i < 1000; i++) {
    await say('RCPT TO:<b@example.test>\r\n')
    await hears('452 ')
  }
  await say('RCPT TO:<b@example.test>\r\n')
  await hears('452 ', '421 Too many commands that bring no mail')
  await ends()
})
