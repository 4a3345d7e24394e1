import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { recordingSink } from '../../test/doubles/recording-sink.ts'
import { chunking } from '../extensions/chunking.ts'
import { refuse } from '../mail/reply.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import { silentLog } from '../observe/log.ts'
import type { Extension } from './extension.ts'
import type { ServerLimits } from './limits.ts'
import { createRegistry } from './registry.ts'
import { type ServerContext, serve, serverContext } from './server.ts'
import type { Sink } from './sink.ts'

const clock = manualClock()

const context = (limits: Partial<ServerLimits> = {}, extensions: readonly Extension[] = []): ServerContext =>
  serverContext({
    hostname: 'mx.example.test',
    listener: 'mx',
    registry: createRegistry(extensions),
    sink: recordingSink(),
    clock,
    log: silentLog,
    limits,
  })

const PATIENT = { junk: 10_000_000 }

test('a client that sends commands and reads no reply is held back, wherever its writes are cut', async () => {
  for (const [first, again] of [
    ['', 'RSET\r\n'],
    ['R', 'SET\r\nR'],
  ]) {
    const [client, server] = memoryChannels(clock)
    const served = serve(server, context(PATIENT))
    client.write(first ?? '')
    let sent = 0
    let held = false
    while (!held && sent < 200) {
      client.write((again ?? '').repeat(10_000))
      sent++
      held = await Promise.race([client.flush(3_600_000).then(() => false), clock.settle().then(() => true)])
    }
    assert.ok(sent < 200, `${sent * 60} kB went in and none came out`)
    client.destroy()
    await served
  }
})

test('a client that floods its session with commands does not keep another one from its turn', async () => {
  const [loud, loudServer] = memoryChannels(clock)
  const [quiet, quietServer] = memoryChannels(clock)
  const served = [serve(loudServer, context(PATIENT)), serve(quietServer, context(PATIENT))]
  await loud.line(100, 60_000)
  await quiet.line(100, 60_000)
  let turns = 0
  loud.write('NOOP\r\n'.repeat(20_000))
  const flooding = loud.flush(3_600_000).then(async () => {
    for (; turns < 20_000; turns++) await loud.line(100, 3_600_000)
  })
  quiet.write('NOOP\r\n')
  await quiet.flush(60_000)
  await quiet.line(100, 60_000)
  assert.ok(turns < 10_000, `the other had ${turns} replies first`)
  await flooding
  loud.destroy()
  quiet.destroy()
  await Promise.all(served)
})

test('what was answered before a chunk is told while its octets have not come, or not all of them', async () => {
  for (const begun of ['', 'Subject']) {
    const [client, server] = memoryChannels(clock)
    const served = serve(server, context({}, [chunking()]))
    const say = async (text: string) => {
      client.write(text)
      await client.flush(60_000)
    }
    await say('EHLO me.test\r\n')
    while (!(await client.line(100, 60_000)).startsWith('250 '));
    await say(`MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.test>\r\nBDAT 10 LAST\r\n${begun}`)
    assert.match(await client.line(100, 60_000), /^250 .*Sender/i)
    assert.match(await client.line(100, 60_000), /^250 .*Recipient/i)
    await say('Subject: x'.slice(begun.length))
    assert.match(await client.line(100, 60_000), /^250 /)
    client.destroy()
    await served
  }
})

test('what was refused is logged as the text it was', async () => {
  const log = keptLog()
  const [client, server] = memoryChannels(clock)
  const served = serve(server, { ...context(), log })
  await client.line(100, 60_000)
  const refused = async (command: string) => {
    client.write(Buffer.from(command, 'latin1'))
    await client.flush(60_000)
    await client.line(200, 60_000)
    return log.named('session-refused').at(-1)?.['command']
  }
  client.write('HELO me.test\r\n')
  await client.flush(60_000)
  await client.line(200, 60_000)
  assert.equal(await refused('MAIL FROM:<gr\xc3\xbcn@x.test>\r\n'), 'MAIL FROM:<grün@x.test>')
  assert.equal(await refused('MAIL FROM:<gr\xfcn@x.test>\r\n'), 'MAIL FROM:<grün@x.test>')
  client.destroy()
  await served
})

test('a greeting that is refused leaves all as it was, the transaction too (RFC 5321 4.1.4)', async () => {
  const [client, server] = memoryChannels(clock)
  const sink: Sink = {
    ...recordingSink(),
    async hello({ greeting }) {
      if (greeting?.name === 'bad.example') refuse(550, '5.7.1', 'Not you')
    },
  }
  const served = serve(server, { ...context(), sink })
  const rcpt = 'RCPT TO:<b@example.test>'
  client.write(`EHLO me.test\r\nMAIL FROM:<a@example.org>\r\nHELO bad.example\r\n${rcpt} X=1\r\n${rcpt}\r\n`)
  await client.flush(60_000)
  const codes: string[] = []
  while (codes.length < 6) codes.push((await client.line(100, 60_000)).slice(0, 3))
  assert.deepEqual(codes, ['220', '250', '250', '550', '555', '250'])
  client.destroy()
  await served
})
