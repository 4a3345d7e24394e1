import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { SECRET_TEXT, trackedSpool } from '../../test/doubles/tracked-spool.ts'
import type { Channel } from '../net/channel.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import { silentLog } from '../observe/log.ts'
import { put, to } from '../spool/contract-fixtures.ts'
import { memorySpool } from '../spool/memory.ts'
import { type AskOptions, ask } from './client.ts'
import { trackingContext } from './context.ts'
import { follow } from './follow.ts'
import type { TrackedMessage } from './read-answer.ts'
import { certifierOf } from './secret.ts'
import { serveTracking } from './serve.ts'
import type { AskedHost } from './uri.ts'

const question = { envid: 'waits@a.test', secret: SECRET_TEXT }

/** What our client says to a server that says these lines, whatever it is asked. */
const against = async (lines: readonly string[], options: Partial<AskOptions> = {}) => {
  const clock = manualClock()
  const [client, server] = memoryChannels(clock)
  server.write(lines.map((line) => `${line}\r\n`).join(''))
  void server.end(1000)
  const asClient = async (channel: Channel) => channel
  try {
    return await ask(client, question, { names: ['mx.a.test'], asClient, ...options })
  } finally {
    server.destroy()
  }
}

const status = ['Content-Type: multipart/related; boundary=b', '', '--b', 'Content-Type: message/tracking-status', '']
const good = [
  ...[
    ...status,
    'Original-Envelope-Id: waits@a.test',
    'Reporting-MTA: dns; mx.a.test',
    '',
    'Action: delayed',
    '',
    '--b--',
    '.',
  ],
]

test('an answer, with options and without, dot-stuffed', async () => {
  for (const greeting of [['+OK/MTQP'], ['+ok+/mtqp hello', 'vnd.x', ' more', '.'], ['+OK+/MTQP', '.']]) {
    const [message] = await against([...greeting, '+OK+', '..a: field', ...good, '+OK'])
    assert.equal(message?.recipients[0]?.action, 'delayed')
  }
})

test('what a server may say instead, and what it may not', async () => {
  const kinds: Readonly<Record<string, readonly string[]>> = {
    later: ['-TEMP/MTQP/admin Down'],
    never: ['-ERR/MTQP/unavailable Down'],
    unknown: ['+OK/MTQP', '-ERR/noinfo'],
  }
  for (const [kind, lines] of Object.entries(kinds))
    await assert.rejects(against(lines), { name: 'TrackingRefused', kind })
  const wrong = [
    ['220 mx.a.test ESMTP'],
    ['+OK/MTQP', '+OK'],
    ['+OK/MTQP', '+OK+', '.'],
    ['+OK/MTQP', '+OK+', 'Content-Type: text/plain', '', 'x', '.'],
    ['+OK/MTQP', '-BAD'],
    ['+OK/MTQP', '-TEMPORARILY'],
  ]
  for (const lines of wrong) await assert.rejects(against(lines), { name: 'TrackingRefused', kind: 'never' }, lines[0])
  await assert.rejects(against(['+OK/MTQP', `+OK+ ${'x'.repeat(2000)}`]), { name: 'LineTooLong' })
  await assert.rejects(against(['+OK/MTQP', '+OK+', 'half']), { name: 'Closed' })
})

test('TLS where it is demanded, by a name that the server goes by', async () => {
  const never = { name: 'TrackingRefused', kind: 'never' }
  await assert.rejects(against(['+OK/MTQP'], { tls: 'require' }), never)
  await assert.rejects(against(['+OK+/MTQP', 'STARTTLS', '.'], { tls: 'require', names: ['192.0.2.1'] }), never)
  await assert.rejects(
    against(['+OK+/MTQP', 'STARTTLS', '.', '-BAD/bad-fqdn'], { tls: 'verify', names: ['a.test', 'b.test'] }),
    never,
  )
  // Where it may be in clear, it goes on so.
  const [one] = await against(
    ['+OK+/MTQP', 'starttls', '.', '-BAD/bad-fqdn', '-BAD/bad-fqdn', '+OK+', ...good, '+OK'],
    {
      names: ['a.test', 'b.test'],
    },
  )
  assert.equal(one?.reporter, 'mx.a.test')
})

test('our client and our server', async () => {
  const clock = manualClock()
  const spool = await trackedSpool(clock)
  const [client, server] = memoryChannels(clock)
  const about = { hostname: 'mx.a.test', listener: 't', expires: () => 0, trails: spool.trails, clock, log: silentLog }
  const served = serveTracking(server, trackingContext(about))
  const [message] = await ask(client, question, { names: ['mx.a.test'], asClient: async (channel) => channel })
  await served
  assert.deepEqual(
    message?.recipients.map(({ final, action }) => [final, action]),
    [['new@x', 'delayed']],
  )
})

test('a session that says nothing ends after ten minutes, and at once when we close', async () => {
  for (const close of [false, true]) {
    const clock = manualClock()
    const spool = await trackedSpool(clock)
    const [client, server] = memoryChannels(clock)
    const about = {
      hostname: 'mx.a.test',
      listener: 't',
      expires: () => 0,
      trails: spool.trails,
      clock,
      log: silentLog,
    }
    const closing = new AbortController()
    let isOver = false
    const served = serveTracking(server, trackingContext(about), closing.signal).then(() => (isOver = true))
    await client.line(1000, 10_000_000)
    await clock.advance(599_000)
    assert.equal(isOver, false)
    if (close) {
      closing.abort()
      assert.match(await client.line(1000, 10_000_000), /^-TEMP\/admin /)
      client.destroy()
    } else await clock.advance(1000)
    await served
  }
})

test('a handshake that fails ends the connection (RFC 3887 6.1)', async () => {
  const clock = manualClock()
  const spool = await trackedSpool(clock)
  const [client, server] = memoryChannels(clock)
  const tls = { asServer: async () => Promise.reject(new Error('no cipher')), isFor: () => true }
  const about = {
    hostname: 'mx.a.test',
    listener: 't',
    expires: () => 0,
    trails: spool.trails,
    clock,
    log: silentLog,
    tls,
  }
  const served = serveTracking(server, trackingContext(about))
  const line = () => client.line(1000, 10_000)
  for (const greeting of [/^\+OK\+\/MTQP /, /^STARTTLS$/, /^\.$/]) assert.match(await line(), greeting)
  client.write('STARTTLS mx.a.test\r\n')
  await client.flush(1000)
  assert.match(await line(), /^\+OK /)
  await served
  await assert.rejects(line(), { name: 'Closed' })
})

const transferred = (reporter: string, ...to: readonly string[]): TrackedMessage => ({
  envid: 'x@y',
  reporter,
  recipients: to.map((remote) => ({ original: 'a@x', final: 'a@x', action: 'transferred', status: '2.0.0', remote })),
})

/** Follows a trail among hosts that say these things; what was connected to, and what the stations were. */
const followed = async (
  answers: Readonly<Record<string, readonly TrackedMessage[]>>,
  services: Readonly<Record<string, readonly { name: string; port: number }[]>> = {},
  { from = { host: 'a.test' }, port }: { from?: AskedHost; port?: number } = {},
) => {
  const asked: string[] = []
  const [nobody] = memoryChannels(manualClock())
  const stations: string[] = []
  const options = {
    resolver: { services: async (name: string) => services[name] ?? [] },
    connect: async (host: string, port: number) => {
      asked.push(`${host}:${port}`)
      if (host === 'down.test' || port === 1) throw new Error('refused')
      return nobody
    },
    ask: async (_: Channel, __: unknown, names: readonly string[]) => answers[names[0] ?? ''] ?? [],
  }
  for await (const { host, messages, why } of follow(from, question, {
    ...options,
    ...(port === undefined ? {} : { port }),
  })) {
    stations.push(`${host} ${messages?.length ?? why}`)
  }
  return { asked, stations }
}

test('a trail is followed to its end, each host asked once, and none that was asked for us', async () => {
  const { asked, stations } = await followed({
    'a.test': [transferred('a.test', 'b.test', 'c.test'), transferred('c.test', 'd.test')],
    'b.test': [transferred('b.test', 'a.test', 'B.test', 'down.test', 'not a host')],
    'd.test': [
      {
        ...transferred('d.test'),
        recipients: [{ original: '', final: '', action: 'relayed', status: '2.1.9', remote: 'e.test' }],
      },
    ],
  })
  assert.deepEqual(asked, ['a.test:1038', 'b.test:1038', 'd.test:1038', 'down.test:1038'])
  assert.deepEqual(stations, [
    'a.test 2',
    'b.test 1',
    'd.test 1',
    'down.test refused',
    'not a host not asked, so the trail ends here: it is no name of a host',
  ])
})

test('where a trail ends at a host that cannot be asked, it is said once, with the reason', async () => {
  const silent = { ...transferred('a.test'), recipients: transferred('a.test', '', '').recipients }
  assert.deepEqual((await followed({ 'a.test': [silent, silent] })).stations, [
    'a.test 2',
    'a.test it does not tell to which host it passed mail on; the trail ends here',
  ])
  // Two servers at one address: the other port is asked where it is told, and else it is said that nobody told it.
  const both = [transferred('a.test', '127.0.0.1', '[127.0.0.1]')]
  const answers = { '127.0.0.1': both }
  const from = { host: '127.0.0.1', port: 9 }
  const known = 'it is known by its address only, so no SRV record tells its port'
  assert.deepEqual(await followed(answers, {}, { from, port: 1 }), {
    asked: ['127.0.0.1:9', '127.0.0.1:1'],
    stations: ['127.0.0.1 1', `127.0.0.1 refused; ${known}`],
  })
  assert.deepEqual(await followed(answers, {}, { from, port: 9 }), {
    asked: ['127.0.0.1:9'],
    stations: ['127.0.0.1 1', `127.0.0.1 not asked, so the trail ends here: ${known}, and port 9 was asked before`],
  })
  const again = await followed(answers, {}, { from })
  assert.deepEqual(again.asked, ['127.0.0.1:9', '127.0.0.1:1038'])
  assert.match(again.stations.join('\n'), /1\n127\.0\.0\.1 1\n127\.0\.0\.1 not asked, .* port 1038 was asked before$/)
})

test('SRV records say where, in their order; a service that is not there is not asked', async () => {
  const services = {
    '_mtqp._tcp.a.test': [
      { name: 'down.test', port: 1 },
      { name: 't.test', port: 2 },
    ],
    '_mtqp._tcp.b.test': [{ name: '', port: 0 }],
  }
  const { asked, stations } = await followed({ 'a.test': [transferred('a.test', 'b.test')] }, services)
  assert.deepEqual(asked, ['down.test:1', 't.test:2'])
  assert.deepEqual(stations, ['a.test 1', 'b.test b.test has no service for tracking'])
})

test('a trail without end is given up', async () => {
  const answers = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [
      i === 0 ? 'a.test' : `h${i}.test`,
      [transferred(`h${i}.test`, `h${i + 1}.test`)],
    ]),
  )
  const { asked, stations } = await followed(answers)
  assert.equal(asked.length, 50)
  assert.equal(stations.at(-1), 'h50.test not asked, so the trail ends here: 50 hosts were asked for this message')
})

test('a long answer is made as it is taken, and few are under way at once', async () => {
  const clock = manualClock()
  const spool = memorySpool({ clock })
  const secret = Buffer.from(SECRET_TEXT, 'base64')
  await put(spool, clock as never, {
    trail: { name: 'long@a.test', proof: certifierOf(secret), until: clock.now() + 86_400_000 },
    recipients: Array.from({ length: 5000 }, (_, at) => to(`r${at}@x`)),
  })
  const context = trackingContext({
    hostname: 'mx.a.test',
    listener: 't',
    expires: () => 0,
    trails: spool.trails,
    clock,
    log: silentLog,
    limits: { answers: 1 },
  })
  let [written, most, all] = [0, 0, 0]
  const counted = (channel: Channel) =>
    new Proxy(channel, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (name === 'write')
          return (chunk: string) => {
            written += chunk.length
            all += chunk.length
            most = Math.max(most, written)
            target.write(chunk)
          }
        if (name === 'flush') return (patience: number) => target.flush(patience).then(() => (written = 0))
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  const begin = async () => {
    const [client, server] = memoryChannels(clock)
    const served = serveTracking(counted(server), context)
    assert.match(await client.line(1000, 1000), /^\+OK/)
    client.write(`TRACK long@a.test ${SECRET_TEXT}\r\n`)
    await client.flush(1000)
    return { client, served }
  }
  const first = await begin()
  assert.match(await first.client.line(1000, 1000), /^\+OK\+/)
  await clock.settle()
  assert.ok(all < 500_000, `made ahead: ${all}`)
  const second = await begin()
  assert.match(await second.client.line(1000, 1000), /^-TEMP\/admin /)
  let recipients = 0
  for (let line = ''; line !== '.'; line = await first.client.line(1000, 1000)) {
    if (line.startsWith('Final-Recipient:')) recipients++
  }
  assert.equal(recipients, 5000)
  assert.ok(all > 600_000, `in all: ${all}`)
  assert.ok(most < 70_000, `between two waits: ${most}`)
  await clock.settle()
  const third = await begin()
  assert.match(await third.client.line(1000, 1000), /^\+OK\+/)
  // Whoever leaves in the middle makes room as well.
  third.client.destroy()
  await third.served
  const fourth = await begin()
  assert.match(await fourth.client.line(1000, 1000), /^\+OK\+/)
  for (const { client } of [first, second, fourth]) client.destroy()
  await Promise.all([first, second, fourth].map(({ served }) => served))
})
