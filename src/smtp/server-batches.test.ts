import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { recordingSink } from '../../test/doubles/recording-sink.ts'
import { chunking, expn, help, lmtp, pipelining, vrfy } from '../extensions/index.ts'
import { reply } from '../mail/reply.ts'
import { memoryStreams } from '../net/memory-stream.ts'
import { streamChannel } from '../net/stream-channel.ts'
import { silentLog } from '../observe/log.ts'
import { createRegistry } from './registry.ts'
import { serve, serverContext } from './server.ts'
import type { Sink } from './sink.ts'

const NOWHERE = { address: '', port: 0 }

const registry = createRegistry([
  pipelining(),
  chunking(),
  help(),
  expn(
    async () => [{ local: 'alice', domain: 'example.test' }],
    () => true,
  ),
  vrfy(
    async () => 'known',
    () => true,
  ),
])

/** What comes back for octets that arrive in these pieces, write by write, and the mail that was taken. */
const answers = async (pieces: readonly string[]): Promise<{ writes: string[]; mail: string[] }> => {
  const clock = manualClock()
  const [here, there] = memoryStreams()
  const sink = recordingSink()
  const served = serve(
    streamChannel(there, { peer: NOWHERE, local: NOWHERE, clock }),
    serverContext({ hostname: 'mx.example.test', listener: 'mx', registry, sink, clock, log: silentLog }),
  )
  const writes: string[] = []
  here.on('data', (chunk: Buffer) => writes.push(chunk.toString('latin1')))
  await clock.settle()
  for (const piece of pieces) {
    here.write(Buffer.from(piece, 'latin1'))
    await clock.settle()
  }
  here.end()
  await served
  return { writes, mail: sink.mail_.map(({ recipients, body }) => `${recipients.join(' ')} ${body}`) }
}

const MAIL = 'MAIL FROM:<a@example.org>\r\n'
const RCPT = 'RCPT TO:<b@example.test>\r\n'
const HELLO = ['EHLO me.test\r\n']

describe('what is answered when (RFC 2920 3.2)', () => {
  test('replies to RSET, MAIL and RCPT leave together', async () => {
    const { writes } = await answers([...HELLO, `RSET\r\n${MAIL}${RCPT}RCPT TO:<nobody@example.test>\r\n`])
    assert.equal(writes.length, 3)
    assert.match(writes[2] ?? '', /^250 .*\r\n250 .*\r\n250 .*\r\n550 .*\r\n$/)
  })

  for (const command of ['EHLO me.test', 'VRFY alice', 'EXPN list', 'HELP', 'NOOP', 'WHAT', 'DATA', 'STARTTLS']) {
    test(`the reply to ${command} waits for nothing, whatever has come behind it`, async () => {
      const { writes } = await answers([...HELLO, `${MAIL}${command}\r\nRSET\r\nNOOP\r\n`])
      const [, , first = '', ...others] = writes
      // That of MAIL goes along with it, those behind it do not.
      assert.match(first, /^250 .*Sender/)
      assert.match(first, /\r\n\d{3} [^\r]*\r\n$/)
      assert.match(others.join(''), /^250 Reset\r\n250 Ok\r\n$/)
    })
  }

  test('what was answered is sent when nothing more has come, or half a command', async () => {
    for (const more of ['', 'RC']) {
      const { writes } = await answers([...HELLO, `${MAIL}${more}`, `${RCPT.slice(more.length)}`])
      assert.deepEqual(
        writes.slice(2).map((one) => one.match(/^250 .*\r\n$/) !== null),
        [true, true],
      )
    }
  })

  test('a group that ends with QUIT is answered to its end', async () => {
    const { writes, mail } = await answers([...HELLO, `${MAIL}${RCPT}DATA\r\n`, 'x\r\n.\r\nQUIT\r\n'])
    assert.match(writes.join(''), /354 [^\r]*\r\n250 Taken\r\n221 [^\r]*\r\n$/)
    assert.deepEqual(mail, ['<b@example.test> x\r\n'])
  })
})

test('a store tells what became of each recipient as soon as it is known (RFC 2033 section 5)', async () => {
  const clock = manualClock()
  const [here, there] = memoryStreams()
  let goOn = (): void => {}
  const sink: Sink = {
    open: () => ({
      write: () => {},
      async *conclude() {
        yield { index: 0, reply: reply(250, '2.0.0', 'The first has it') }
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
        yield { index: 1, reply: reply(452, '4.2.2', 'The second is full') }
      },
      abort: async () => {},
    }),
  }
  const served = serve(
    streamChannel(there, { peer: NOWHERE, local: NOWHERE, clock }),
    serverContext({
      hostname: 'mx.example.test',
      listener: 'store',
      registry: createRegistry([lmtp()]),
      sink,
      clock,
      log: silentLog,
    }),
  )
  let said = ''
  here.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1')
  })
  here.write(`LHLO me.test\r\n${MAIL}${RCPT}${RCPT}DATA\r\nx\r\n.\r\n`)
  await clock.settle()
  assert.match(said, /\r\n250 The first has it\r\n$/)
  goOn()
  await clock.settle()
  assert.match(said, /\r\n452 The second is full\r\n$/)
  here.end()
  await served
})

test('a line may be as long as its command may be, and is refused whatever it says when it is longer', async () => {
  for (const [begin, most, code] of [
    ['MAIL FROM:<a@example.org> XUNKNOWN=', 4096, 555],
    ['RCPT TO:<b@example.test> XUNKNOWN=', 2048, 555],
    ['NOOP ', 1000, 250],
  ] as const) {
    const line = (octets: number) => `${begin.padEnd(octets - 2, 'x')}\r\n`
    const { writes } = await answers([
      ...HELLO,
      begin.startsWith('RCPT') ? MAIL : 'NOOP\r\n',
      line(most),
      line(most + 1),
    ])
    assert.match(writes[3] ?? '', new RegExp(`^${code} `), begin)
    assert.equal(writes[4], '500 Line too long\r\n', begin)
  }
})

describe('a session that arrives in two pieces, cut anywhere', () => {
  // A message by DATA; chunks that end within a line end and within a character; chunks that are refused.
  for (const [how, session, taken] of [
    [
      'DATA',
      `${HELLO}${MAIL}${RCPT}RCPT TO:<nobody@example.test>\r\n${RCPT}DATA\r\nA: b\r\n\r\n..c\r\n.\r\n${MAIL}RSET\r\nWHAT\r\nQUIT\r\n`,
      ['<b@example.test> <b@example.test> A: b\r\n\r\n.c\r\n'],
    ],
    [
      'BDAT',
      `${HELLO}${MAIL}${RCPT}BDAT 5\r\nA: b\rBDAT 7\r\n\n\r\n.\r\n\xc3BDAT 3 LAST\r\n\xa9\r\n${MAIL}QUIT\r\n`,
      ['<b@example.test> A: b\r\n\r\n.\r\n\xc3\xa9\r\n'],
    ],
    ['a refused BDAT', `${HELLO}${MAIL}BDAT 7\r\nNOOP\r\n\rBDAT 5 LAST\r\nRSET\r${MAIL}${RCPT}RSET\r\nQUIT\r\n`, []],
  ] as const) {
    test(how, async () => {
      const whole = await answers([session])
      assert.match(whole.writes.join(''), /221 [^\r]*\r\n$/)
      assert.deepEqual(whole.mail, taken)
      for (let at = 1; at < session.length; at += 1) {
        const { writes, mail } = await answers([session.slice(0, at), session.slice(at)])
        assert.equal(writes.join(''), whole.writes.join(''), `cut at ${at}`)
        assert.deepEqual(mail, whole.mail, `cut at ${at}`)
      }
    })
  }
})
