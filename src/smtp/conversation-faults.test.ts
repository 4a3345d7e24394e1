import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { outbound, told, withHop } from '../../test/doubles/outbound.ts'
import { playHop } from '../../test/doubles/scripted-hop.ts'
import type { Channel } from '../net/channel.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import { silentLog } from '../observe/log.ts'
import { openConversation } from './conversation.ts'
import type { ClientFacet, Extension, Hop } from './extension.ts'
import { createRegistry } from './registry.ts'

const toy = (keyword: string, client: ClientFacet): Extension => ({ keyword, rfc: [], client })
const batches = toy('BATCH', { offered: ({ hop }) => void (hop.mayBatch = true) })
const each = toy('EACH', { offered: ({ hop }) => void (hop.closingReplyPerRecipient = true) })
const limit = (set: (hop: Hop) => unknown): Extension => toy('LIMIT', { offered: ({ hop }) => void set(hop) })

const HELLO = 'S: 220 hop\nC: EHLO me.test\nS: 250 hop\n'
const LIMITED = 'S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250 LIMIT\n'
const MAIL = 'C: MAIL FROM:<me@here.test>\n'
const rcpt = (name: string, domain = 'there.test'): string => `C: RCPT TO:<${name}@${domain}>\n`
const OK = 'S: 250 2.0.0 fine\n'
const GO = 'S: 354 go\n'
const BODY = `C: DATA\n${GO}C: …body\n${OK}`
const two = outbound({ to: ['a@there.test', 'b@there.test'] })

describe('421, wherever it comes, is the end of the connection', () => {
  for (const [where, script, outcomes] of [
    ['MAIL', `${MAIL}S: 421 4.3.2 bye`, ['10 421 4.3.2 otherHost', '11 421 4.3.2 otherHost']],
    ['RCPT', `${MAIL}${OK}${rcpt('a')}S: 550 no\n${rcpt('b')}S: 421 bye`, ['10 550', '11 421 otherHost']],
    [
      'DATA',
      `${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${OK}C: DATA\nS: 421 bye`,
      ['10 421 otherHost', '11 421 otherHost'],
    ],
    [
      'the body',
      `${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${OK}C: DATA\n${GO}C: …body\nS: 421 bye`,
      ['10 421', '11 421'],
    ],
  ] as const) {
    test(where, async () => {
      await withHop(`${HELLO}${script}\nC: …closed`, [], async ({ send, conversation }) => {
        assert.deepEqual(await send(two), outcomes)
        assert.equal(conversation.usable, false)
      })
    })
  }
})

describe('nonsense ends the connection, and means later', () => {
  for (const [what, script, outcomes] of [
    ['garbage to MAIL', `${MAIL}S: what?\nC: …closed`, ['10 451 4.5.0 otherHost', '11 451 4.5.0 otherHost']],
    ['354 to MAIL', `${MAIL}${GO}C: …closed`, ['10 451 4.5.0 otherHost', '11 451 4.5.0 otherHost']],
    ['354 to RCPT', `${MAIL}${OK}${rcpt('a')}${GO}C: …closed`, ['10 451 4.5.0 otherHost', '11 451 4.5.0 otherHost']],
    [
      '250 to DATA',
      `${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}S: 550 no\nC: DATA\n${OK}C: …closed`,
      ['11 550', '10 451 4.5.0 otherHost'],
    ],
    [
      '354 to the body',
      `${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${OK}C: DATA\n${GO}C: …body\n${GO}C: …closed`,
      ['10 451 4.5.0', '11 451 4.5.0'],
    ],
    [
      'a line without end',
      `${MAIL}S! 250 ${'x'.repeat(5000)}\nC: …closed`,
      ['10 451 4.5.0 otherHost', '11 451 4.5.0 otherHost'],
    ],
    [
      'octets that are no text',
      `${MAIL}S! \\xff\\x00\\x80\\r\\n\nC: …closed`,
      ['10 451 4.5.0 otherHost', '11 451 4.5.0 otherHost'],
    ],
  ] as const) {
    test(what, async () => {
      await withHop(`${HELLO}${script}`, [], async ({ send }) => assert.deepEqual(await send(two), outcomes))
    })
  }
  test('a refused RSET', async () => {
    const script = `${HELLO}${MAIL}${OK}${rcpt('a')}S: 550 no\n${rcpt('b')}S: 550 no\nC: RSET\nS: 500 what\nC: …closed`
    await withHop(script, [], async ({ send }) => {
      await send(two)
      assert.deepEqual(await send(two), ['10 451 4.5.0 otherHost', '11 451 4.5.0 otherHost'])
    })
  })
})

describe('a reply that nothing was asked for would be taken for the answer to what comes next', () => {
  const TWICE = 'S! 250 fine\\r\\n250 fine\\r\\n\n'
  const chunks = toy('CHUNKS', {
    offered({ hop }) {
      hop.sendBody = async (_body, wire) => {
        wire.line('BODY')
        await wire.flush()
      }
    },
  })
  const later = ['10 451 4.5.0 otherHost', '11 451 4.5.0 otherHost']
  for (const [what, script, outcomes] of [
    ['MAIL answered twice', `${MAIL}${TWICE}C: …closed`, later],
    ['RCPT answered twice', `${MAIL}${OK}${rcpt('a')}${TWICE}C: …closed`, later],
    ['the last RCPT answered twice, DATA', `${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${TWICE}C: …closed`, later],
    [
      'the body answered before it was sent',
      `${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${OK}C: DATA\nS! 354 go\\r\\n250 queued\\r\\n\nC: …closed`,
      later,
    ],
    [
      'the body refused before it was sent',
      `${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${OK}C: DATA\nS! 354 go\\r\\n552 5.3.4 no\\r\\n\nC: …body\n`,
      ['10 552 5.3.4', '11 552 5.3.4'],
    ],
    [
      'a farewell',
      `${MAIL}S! 250 fine\\r\\n421 4.3.2 bye\\r\\n\nC: …closed`,
      ['10 421 4.3.2 otherHost', '11 421 4.3.2 otherHost'],
    ],
  ] as const) {
    test(what, async () => {
      await withHop(`${HELLO}${script}`, [], async ({ send }) => assert.deepEqual(await send(two), outcomes))
    })
  }
  test('the last RCPT answered twice, a body by an extension', async () => {
    const script = `S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250 CHUNKS\n${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${TWICE}C: …closed`
    await withHop(script, [chunks], async ({ send }) => assert.deepEqual(await send(two), later))
  })
  test('in batches', async () => {
    const hello = 'S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250 BATCH\n'
    const script = `${hello}${MAIL}${rcpt('a')}${rcpt('b')}C: DATA\nS! 250 a\\r\\n250 b\\r\\n250 c\\r\\n354 go\\r\\n250 queued\\r\\n\nC: …closed`
    await withHop(script, [batches], async ({ send }) => assert.deepEqual(await send(two), later))
  })
})

test('a hop that goes while it is sent a body may have said why', async () => {
  const large = outbound({ text: `Subject: x\r\n\r\n${'0123456789\r\n'.repeat(40_000)}` })
  const script = `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n${GO}S: 552 5.3.4 too big\nX: cut`
  await withHop(script, [], async ({ send }) => assert.deepEqual(await send(large), ['10 552 5.3.4']))
  const silent = `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n${GO}X: cut`
  await withHop(silent, [], async ({ send }) => assert.deepEqual(await send(large), ['10 451 4.4.2 otherHost']))
})

/** Everything that the far end writes and reads is counted; after so many octets of either it is cut. */
const cutting = (channel: Channel, after: { written?: number; read?: number }): Channel => {
  let written = 0
  let read = 0
  return new Proxy(channel, {
    get(target, name) {
      if (name === 'write') {
        return (chunk: Uint8Array) => {
          const left = (after.written ?? Number.POSITIVE_INFINITY) - written
          written += chunk.length
          if (left > 0) target.write(chunk.subarray(0, left))
        }
      }
      if (name === 'flush') {
        return async (timeout: number) => {
          await target.flush(timeout)
          if (written < (after.written ?? Number.POSITIVE_INFINITY)) return
          await new Promise((resolve) => setImmediate(resolve))
          target.destroy()
        }
      }
      if (name === 'line') {
        return async (most: number, timeout: number) => {
          const line = await target.line(most, timeout)
          read += line.length + 2
          if (read >= (after.read ?? Number.POSITIVE_INFINITY)) target.destroy()
          return line
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describe('a connection that breaks after any octet', () => {
  const play = async (script: string, extensions: readonly Extension[], after: Parameters<typeof cutting>[1]) => {
    const clock = manualClock()
    const [here, there] = memoryChannels(clock)
    const hop = playHop(cutting(there, after), script).catch(() => undefined)
    const outcomes: string[] = []
    let opened = false
    try {
      const options = {
        registry: createRegistry(extensions),
        hostname: 'me.test',
        name: 'hop.test',
        clock,
        log: silentLog,
      }
      const conversation = await openConversation(here, options)
      opened = true
      const back = await conversation.send(two, (outcome) => outcomes.push(told(outcome)))
      assert.deepEqual(back, [])
      conversation.stop()
    } catch (error) {
      assert.ok(!opened, String(error))
    }
    here.destroy()
    await hop
    return opened ? outcomes : undefined
  }

  for (const [how, offer, extensions, closing] of [
    ['step by step', '250 hop', [], '250 ok\r\n'],
    ['in batches', '250 BATCH', [batches], '250 ok\r\n'],
    ['answered for each', '250 EACH', [each], '250 ok\r\n250 ok\r\n'],
  ] as const) {
    const inBatch = how === 'in batches'
    const commands = inBatch
      ? `${MAIL}${rcpt('a')}${rcpt('b')}C: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n`
      : `${MAIL}S: 250 ok\n${rcpt('a')}S: 250 ok\n${rcpt('b')}S: 250 ok\nC: DATA\nS: 354 go\n`
    const script = `S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: ${offer}\n${commands}C: …body\n${closing
      .split('\r\n')
      .filter((line) => line !== '')
      .map((line) => `S: ${line}\n`)
      .join('')}X: cut`
    const hello = `220 hop\r\n250-hop\r\n${offer}\r\n`
    const before = `${hello}250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n`

    test(`of its replies: ${how}`, async () => {
      for (let octets = 1; octets <= before.length + closing.length; octets += 1) {
        const outcomes = await play(script, extensions, { written: octets })
        if (octets < hello.length) {
          assert.equal(outcomes, undefined, `${octets}`)
          continue
        }
        const keys = outcomes?.map((one) => Number(one.split(' ')[0]))
        assert.deepEqual(keys, [10, 11], `${octets}: ${outcomes}`)
        const whole = Math.max(0, Math.floor((octets - before.length) / 8))
        const taken = how === 'answered for each' ? whole : whole * 2
        const wanted = [10, 11].map((key, at) => (at < taken ? `${key} 250` : `${key} 451 4.4.2`))
        assert.deepEqual(
          outcomes?.map((one) => one.replace(' otherHost', '')),
          wanted,
          `${octets}`,
        )
        const dataGone = octets >= before.length
        assert.equal(
          outcomes?.some((one) => one.endsWith('otherHost')),
          !dataGone,
          `${octets}`,
        )
      }
    })

    test(`of our commands: ${how}`, async () => {
      for (let octets = 1; octets < 130; octets += 1) {
        const outcomes = await play(script, extensions, { read: octets })
        if (outcomes === undefined) continue
        for (const one of outcomes) assert.match(one, /^1[01] 451 4.4.2|^1[01] 250/, `${octets}`)
        assert.deepEqual(
          outcomes.map((one) => Number(one.split(' ')[0])),
          [10, 11],
        )
      }
    })
  }
})

describe('time', () => {
  for (const [what, script, ms] of [
    ['MAIL: 5 minutes', MAIL, 300_000],
    ['RCPT: 5 minutes', `${MAIL}${OK}${rcpt('a')}`, 300_000],
    ['DATA: 2 minutes', `${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n`, 120_000],
    ['the body: 10 minutes', `${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n${GO}C: …body\n`, 600_000],
  ] as const) {
    test(`the reply to ${what}`, async () => {
      await withHop(`${HELLO}${script}X: stall`, [], async ({ conversation, clock }) => {
        const outcomes: string[] = []
        const sent = conversation.send(outbound(), (outcome) => outcomes.push(told(outcome)))
        await clock.advance(ms - 1)
        assert.deepEqual([...outcomes], [])
        await clock.advance(1)
        await sent
        assert.equal(outcomes[0]?.replace(' otherHost', ''), '10 451 4.4.2')
      })
    })
  }

  test('a hop that takes no more of the body: 3 minutes', async () => {
    const large = outbound({ text: `Subject: x\r\n\r\n${'0123456789\r\n'.repeat(100_000)}` })
    const clock = manualClock()
    const [here, there] = memoryChannels(clock)
    const script = `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n${GO}X: leave`
    const hop = playHop(there, script)
    const options = { registry: createRegistry([]), hostname: 'me.test', name: 'hop.test', clock, log: silentLog }
    const conversation = await openConversation(here, options)
    const outcomes: string[] = []
    let over = false
    const sent = conversation
      .send(large, (outcome) => outcomes.push(told(outcome)))
      .finally(() => {
        over = true
      })
    await clock.settle()
    await clock.advance(179_000)
    assert.equal(over, false)
    await clock.advance(1_000)
    await sent
    assert.deepEqual(outcomes, ['10 451 4.4.2 otherHost'])
    await hop
  })

  test('QUIT is not waited for longer than 5 seconds', async () => {
    const clock = manualClock()
    const [here, there] = memoryChannels(clock)
    const hop = playHop(there, `${HELLO}C: QUIT\nX: stall`)
    const options = { registry: createRegistry([]), hostname: 'me.test', name: 'hop.test', clock, log: silentLog }
    const conversation = await openConversation(here, options)
    const left = conversation.quit()
    await clock.advance(5_000)
    await left
    await hop
  })

  test('every one of them can be set', async () => {
    await withHop(
      `${HELLO}${MAIL}X: stall`,
      [],
      async ({ conversation, clock }) => {
        const outcomes: string[] = []
        const sent = conversation.send(outbound(), (outcome) => outcomes.push(told(outcome)))
        await clock.advance(7)
        await sent
        assert.deepEqual(outcomes, ['10 451 4.4.2 otherHost'])
      },
      { timeouts: { mail: 7 } },
    )
  })
})

describe('a connection that has rested', () => {
  const once = `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}${BODY}`

  test('and was closed meanwhile hands the mail back', async () => {
    await withHop(`${once}X: end`, [], async ({ send, sendSome, conversation }) => {
      await send(outbound())
      const { told: outcomes, back } = await sendSome(two)
      assert.deepEqual([outcomes, back], [[], [10, 11]])
      assert.equal(conversation.usable, false)
    })
  })

  test('and says 421 before anything hands it back too', async () => {
    await withHop(`${once}S: 421 too long idle\nX: end`, [], async ({ send, sendSome, conversation, clock }) => {
      await send(outbound())
      await clock.settle()
      assert.equal(conversation.usable, false, 'something came unasked')
      assert.deepEqual(await sendSome(two), { told: [], back: [10, 11] })
    })
  })

  test('and breaks after a reply does not', async () => {
    await withHop(`${once}${MAIL}${OK}X: cut`, [], async ({ send }) => {
      await send(outbound())
      assert.deepEqual(await send(two), ['10 451 4.4.2 otherHost', '11 451 4.4.2 otherHost'])
    })
  })

  test('a new one that breaks at once does not', async () => {
    await withHop(`${HELLO}X: cut`, [], async ({ send }) => {
      assert.deepEqual(await send(two), ['10 451 4.4.2 otherHost', '11 451 4.4.2 otherHost'])
    })
  })
})

describe('limits of a hop', () => {
  const five = outbound({ to: ['a@x.test', 'b@y.test', 'c@X.test', 'd@z.test', 'e@y.test'] })

  test('recipients: several transactions', async () => {
    const at = (...names: readonly string[]) =>
      names.map((name) => `${rcpt(...(name.split('@') as [string, string]))}${OK}`).join('')
    await withHop(
      `${LIMITED}${MAIL}${OK}${at('a@x.test', 'b@y.test')}${BODY}${MAIL}${OK}${at('c@X.test', 'd@z.test')}${BODY}${MAIL}${OK}${at('e@y.test')}${BODY}`,
      [limit(({ limits }) => limits.set('recipients', 2))],
      async ({ send }) => {
        assert.deepEqual(
          await send(five),
          [10, 11, 12, 13, 14].map((key) => `${key} 250 2.0.0`),
        )
      },
    )
  })

  test('transactions: the rest is handed back', async () => {
    await withHop(
      `${LIMITED}${MAIL}${OK}${rcpt('a', 'x.test')}${OK}${BODY}`,
      [limit(({ limits }) => limits.set('recipients', 1).set('transactions', 1))],
      async ({ sendSome, conversation }) => {
        assert.deepEqual(await sendSome(five), { told: ['10 250 2.0.0'], back: [11, 12, 13, 14] })
        assert.equal(conversation.usable, false)
        assert.equal(conversation.takes(five.recipients), false)
      },
    )
  })

  test('domains: those beyond are handed back, and later mail must keep to them', async () => {
    await withHop(
      `${LIMITED}${MAIL}${OK}${rcpt('a', 'x.test')}${OK}${rcpt('c', 'X.test')}${OK}${BODY}`,
      [limit(({ limits }) => limits.set('domains', 1))],
      async ({ sendSome, conversation }) => {
        assert.deepEqual(await sendSome(five), { told: ['10 250 2.0.0', '12 250 2.0.0'], back: [11, 13, 14] })
        assert.equal(conversation.takes(five.recipients), true)
        assert.equal(conversation.takes(five.recipients.slice(3)), false)
        assert.deepEqual((await sendSome(outbound({ to: ['q@y.test'] }))).back, [10])
      },
    )
  })

  test('octets: nothing is sent', async () => {
    await withHop(LIMITED, [limit(({ limits }) => limits.set('octets', 10))], async ({ send }) => {
      assert.deepEqual(await send(outbound()), ['10 552 5.3.4 otherHost'])
    })
  })
})

describe('a body that is not what it should be', () => {
  const started = `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n${GO}C: …closed`

  test('cannot be read: a fault of ours, and no end is sent', async () => {
    const broken = {
      ...outbound(),
      async *content() {
        yield Buffer.from('Subject: x\r\n')
        throw new RangeError('the disk')
      },
    }
    await assert.rejects(
      withHop(started, [], async ({ conversation }) => {
        await conversation.send(broken, () => assert.fail('an outcome'))
      }),
      RangeError,
    )
  })

  for (const octets of [21, 23]) {
    test(`${octets} octets were promised of 22: no end is sent`, async () => {
      const mail = outbound()
      const wrong = { ...mail, facts: { ...mail.facts, octets } }
      await assert.rejects(
        withHop(started, [], async ({ conversation }) => {
          await conversation.send(wrong, () => assert.fail('an outcome'))
        }),
        { name: 'WrongSize' },
      )
    })
  }

  test('a bare LF that nobody told of: never sent', async () => {
    const mail = outbound({ text: 'Subject: x\r\n\r\nA\n.\nB\r\n' })
    const lying = { ...mail, facts: { ...mail.facts, encoding: '7bit', bareNewline: false } } as const
    await withHop(started, [], async ({ send }) => assert.deepEqual(await send(lying), ['10 554 5.6.0']))
  })

  test('no octet at all, and none at the end of the last line', async () => {
    const { bodies } = await withHop(
      `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}${BODY}${MAIL}${OK}${rcpt('a')}${OK}${BODY}`,
      [],
      async ({ send }) => {
        assert.deepEqual(await send(outbound({ text: '' })), ['10 250 2.0.0'])
        assert.deepEqual(await send(outbound({ text: 'A: b\r\n\r\n.end' })), ['10 250 2.0.0'])
      },
    )
    assert.deepEqual(bodies, ['', 'A: b\r\n\r\n.end\r\n'])
  })

  test('25 MiB go through in constant memory', async () => {
    const clock = manualClock()
    const [here, there] = memoryChannels(clock)
    const line = Buffer.from(`.${'x'.repeat(1022)}\r\n`.repeat(64))
    const pieces = 400
    let given = 0
    let got = 0
    let most = 0
    const mail = outbound()
    const large = {
      ...mail,
      facts: { ...mail.facts, octets: line.length * pieces },
      async *content() {
        for (; given < pieces; given += 1) {
          most = Math.max(most, given * line.length - got)
          yield line
        }
      },
    }
    const serve = (async () => {
      there.write('220 hop\r\n')
      await there.flush(1000)
      for (const says of ['250 hop', '250 ok', '250 ok', '354 go']) {
        await there.line(1000, 1000)
        there.write(`${says}\r\n`)
        await there.flush(1000)
      }
      for await (const chunk of there.dotted(1000)) got += chunk.length
      there.write('250 ok\r\n')
      await there.flush(1000)
    })()
    const options = { registry: createRegistry([]), hostname: 'me.test', name: 'hop.test', clock, log: silentLog }
    const conversation = await openConversation(here, options)
    const outcomes: string[] = []
    await conversation.send(large, (outcome) => outcomes.push(told(outcome)))
    await serve
    assert.deepEqual(outcomes, ['10 250'])
    assert.equal(got, line.length * pieces)
    assert.ok(most < 2_000_000, `${most} octets were waiting`)
    here.destroy()
  })
})

test('two mails at once on one connection are a fault of ours', async () => {
  await withHop(`${HELLO}${MAIL}${OK}${rcpt('a')}${OK}${BODY}`, [], async ({ send, conversation }) => {
    const first = send(outbound())
    await assert.rejects(
      conversation.send(outbound(), () => {}),
      /Another mail/,
    )
    assert.deepEqual(await first, ['10 250 2.0.0'])
  })
})

test('stopped in the middle, it says so', async () => {
  await withHop(`${HELLO}${MAIL}X: stall`, [], async ({ conversation, clock }) => {
    const outcomes: string[] = []
    const sent = conversation.send(two, (outcome) => outcomes.push(told(outcome)))
    await clock.settle()
    conversation.stop()
    await sent
    assert.deepEqual(outcomes, ['10 451 4.3.2 otherHost', '11 451 4.3.2 otherHost'])
  })
})
