import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auth } from '../../src/extensions/index.ts'
import { Closed } from '../../src/net/channel.ts'
import { memoryChannels } from '../../src/net/memory-channel.ts'
import { silentLog } from '../../src/observe/log.ts'
import { createRegistry } from '../../src/smtp/registry.ts'
import { serve, serverContext } from '../../src/smtp/server.ts'
import { authServer } from '../doubles/auth-sides.ts'
import { manualClock } from '../doubles/manual-clock.ts'
import { recordingSink } from '../doubles/recording-sink.ts'
import { randomFrom, runs } from './runs.ts'

const b64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')

/** None of them, in whatever order, proves anybody: the password is in none, and its proofs are for another exchange. */
const PIECES = [
  'AUTH PLAIN',
  'AUTH PLAIN ',
  'AUTH LOGIN',
  'AUTH LOGIN ',
  'AUTH SCRAM-SHA-256',
  'AUTH SCRAM-SHA-256 ',
  '=',
  '*',
  '==',
  'AAAA',
  b64('\0user\0'),
  b64('user'),
  b64('\0user\0pen'),
  b64('user\0user\0\0'),
  b64('n,,n=user,r=x'),
  b64('n,a=user,n=user,r=x,m=y'),
  b64('y,,n==2Cuser,r=x'),
  b64('c=biws,r=x%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAAA'),
  b64(`c=biws,r=x%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=${'A'.repeat(43)}=`),
  b64('\xff\xfe\0'),
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\0',
  ' ',
  'MAIL FROM:<a@example.org> AUTH=user@example.test\r\n',
  'RSET\r\n',
]

test('whatever is said in place of an exchange, the session goes on or ends, and nobody is proved', async () => {
  const random = randomFrom(4954)
  for (let n = runs(300); n > 0; n--) {
    const clock = manualClock()
    const known = authServer({ inClear: () => true, failures: 100 })
    const proved: unknown[] = []
    const server = auth({
      ...known,
      mechanisms: known.mechanisms.filter(({ name }) => name !== 'X-TOY'),
      ended: ({ identity }) => void (identity === undefined || proved.push(identity)),
    })
    const context = serverContext({
      hostname: 'mx.example.test',
      listener: 'mx',
      registry: createRegistry([server]),
      sink: recordingSink(),
      clock,
      log: silentLog,
    })
    const [client, ours] = memoryChannels(clock)
    const served = serve(ours, context)
    const said = Array.from({ length: random(40) }, () => PIECES[random(PIECES.length)] ?? '')
    const lines = ['EHLO client.example', ...said.join('').split('\r\n'), '*', 'QUIT']
    const replies = [await client.line(1000, 1000)]
    try {
      for (const line of lines) {
        client.write(Buffer.from(`${line}\r\n`, 'latin1'))
        await client.flush(1000)
        do replies.push(await client.line(100_000, 1000))
        while (replies.at(-1)?.[3] === '-')
      }
    } catch (error) {
      if (!(error instanceof Closed)) throw error
    }
    client.destroy()
    await served
    assert.deepEqual(proved, [])
    for (const line of replies) assert.match(line, /^(220|250|221|334|421|4\d\d|5\d\d)[ -]/)
    assert.ok(!replies.some((line) => line.startsWith('451')), replies.join('\n'))
  }
})
