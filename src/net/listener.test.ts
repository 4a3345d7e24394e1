import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { lstat, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { systemClock } from '../observe/clock.ts'
import type { Fields, Log } from '../observe/log.ts'
import { type Channel, Closed } from './channel.ts'
import { type At, type Listener, type ListenOptions, listen } from './listener.ts'
import { selfSigned } from './self-signed.ts'
import { tlsService } from './tls.ts'

const here = { host: '127.0.0.1', port: 0 }
const folder = await mkdtemp(join(tmpdir(), 'listener-'))
after(() => rm(folder, { recursive: true }))

const recording = (): Log & { readonly told: [string, Fields | undefined][] } => {
  const told: [string, Fields | undefined][] = []
  return { told, event: (_, event, fields) => void told.push([event, fields]) }
}

/** Greets, and answers each line with itself until QUIT. */
const echo = async (channel: Channel): Promise<void> => {
  channel.write('220 hello\r\n')
  for (;;) {
    await channel.flush(5000)
    const line = await channel.line(100, 5000)
    channel.write(`250 ${line}\r\n`)
    if (line === 'QUIT') return channel.end(5000)
  }
}

const open = (
  options: Partial<ListenOptions> = {},
  take: (channel: Channel) => Promise<void> = (channel) => echo(channel).catch(() => channel.destroy()),
  at: At = here,
): Promise<Listener> => listen(at, { clock: systemClock(), log: recording(), ...options }, take)

const dial = (listener: Listener): Socket => {
  const { address } = listener
  const socket = connect('path' in address ? { path: address.path } : { host: address.host, port: address.port })
  return socket.on('error', () => {})
}

const everything = async (socket: Socket): Promise<string> => {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

const first = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0])

test('each connection is given to the one who takes it, with both ends known', async () => {
  const seen: Channel[] = []
  const listener = await open({}, async (channel) => {
    seen.push(channel)
    await echo(channel)
  })
  assert('port' in listener.address && listener.address.port > 0)
  const client = dial(listener)
  client.write('NOOP\r\nQUIT\r\n')
  assert.equal(await everything(client), '220 hello\r\n250 NOOP\r\n250 QUIT\r\n')
  assert.equal(seen[0]?.peer.address, '127.0.0.1')
  assert.equal(seen[0]?.peer.port, client.localPort ?? seen[0]?.peer.port)
  assert.deepEqual(seen[0]?.local, { address: '127.0.0.1', port: listener.address.port })
  await listener.close()
  assert.equal(listener.connections, 0)
})

test('a client that has said all it had to say still gets its answers', async () => {
  const listener = await open()
  const client = dial(listener)
  client.end('NOOP\r\nQUIT\r\n')
  assert.equal(await everything(client), '220 hello\r\n250 NOOP\r\n250 QUIT\r\n')
  await listener.close()
})

test('whoever comes when it is full is told so, and there is room again when one has left', async () => {
  const listener = await open({ most: 2, refuse: '421 4.3.2 Too many connections' })
  const [one, two] = [dial(listener), dial(listener)]
  await Promise.all([first(one), first(two)])
  for (let i = 0; i < 5; i++) assert.equal(await everything(dial(listener)), '421 4.3.2 Too many connections\r\n')
  assert.equal(listener.connections, 2)
  one.end('QUIT\r\n')
  await once(one.resume(), 'close')
  while (listener.connections > 1) await new Promise((resolve) => setImmediate(resolve))
  const three = dial(listener)
  assert.equal(await first(three), '220 hello\r\n')
  three.destroy()
  two.destroy()
  await listener.close()
})

test('one peer cannot take the room of all', async () => {
  const log = recording()
  const listener = await open({ most: 10, mostPerPeer: 1, refuse: '421 no', log })
  const one = dial(listener)
  await first(one)
  assert.equal(await everything(dial(listener)), '421 no\r\n')
  assert('port' in listener.address)
  const elsewhere = connect({ port: listener.address.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  assert.equal(await first(elsewhere), '220 hello\r\n')
  assert.deepEqual(log.told[0]?.[0], 'connection-refused')
  assert.equal(log.told[0]?.[1]?.['peer'], '127.0.0.1')
  one.destroy()
  elsewhere.destroy()
  await listener.close()
})

test('one that is refused and stays is dropped after a while', async () => {
  const clock = manualClock()
  const listener = await open({ most: 0, refuse: '421 no', clock })
  assert('port' in listener.address)
  const stays = connect({ port: listener.address.port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
  assert.equal(await everything(stays), '421 no\r\n')
  let closed = false
  const closing = listener.close().then(() => {
    closed = true
  })
  await clock.advance(4999)
  assert.equal(closed, false)
  await clock.advance(1)
  await closing
  stays.destroy()
})

test('a fault of the one who takes it is logged, and ends that connection only', async () => {
  const log = recording()
  const listener = await open({ log }, async (channel) => {
    if ((await channel.line(100, 5000)) === 'BAD') throw new Error('a bug')
    await echo(channel)
  })
  const bad = dial(listener)
  bad.write('BAD\r\n')
  assert.equal(await everything(bad), '')
  const good = dial(listener)
  good.write('GOOD\r\nQUIT\r\n')
  assert.equal(await everything(good), '220 hello\r\n250 QUIT\r\n')
  assert.equal(log.told[0]?.[0], 'connection-fault')
  assert.match(String(log.told[0]?.[1]?.['why']), /a bug[\s\S]*listener\.test/)
  await listener.close()
})

test('a connection that nobody closed is closed when nobody needs it any more', async () => {
  const listener = await open({}, async (channel) => {
    channel.write('220 hello\r\n')
    await channel.flush(5000)
  })
  const client = dial(listener)
  assert.equal(await everything(client), '220 hello\r\n')
  await listener.close()
})

test('close lets those who are there finish, and nobody else in', async () => {
  const listener = await open()
  const client = dial(listener)
  await first(client)
  let closed = false
  const closing = listener.close().then(() => (closed = true))
  await assert.rejects(once(connect('port' in listener.address ? listener.address.port : 0, '127.0.0.1'), 'connect'))
  assert.equal(closed, false)
  client.write('QUIT\r\n')
  assert.equal(await everything(client), '250 QUIT\r\n')
  await closing
})

test('destroy drops everybody', async () => {
  const ends: unknown[] = []
  const listener = await open({}, (channel) => echo(channel).catch((error: unknown) => void ends.push(error)))
  const client = dial(listener)
  await first(client)
  listener.destroy()
  await once(client, 'close')
  await listener.close()
  assert(ends[0] instanceof Closed)
})

test('TLS may come first, and a connection without it does no harm', async () => {
  const own = await selfSigned('mx.example.test', Date.now(), 1)
  const log = recording()
  const implicitTls = tlsService({ clock: systemClock(), own })
  const listener = await open({ implicitTls, log, most: 1, refuse: '421 no' })
  const plain = dial(listener)
  plain.write('EHLO plain.example.org\r\n')
  await once(plain.resume(), 'close')
  while (listener.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(log.told[0]?.[0], 'connection-no-tls')
  assert('port' in listener.address)
  const { port } = listener.address
  const client = connectTls({ port, host: '127.0.0.1', ca: own.certificate, servername: 'mx.example.test' })
  assert.equal(await first(client), '220 hello\r\n')
  assert.equal(listener.connections, 1)
  // No text that is not TLS, not even to say that there is no room.
  assert.equal(await everything(dial(listener)), '')
  client.write('QUIT\r\n')
  assert.equal(await everything(client), '250 QUIT\r\n')
  await listener.close()
  assert.equal(listener.connections, 0)
})

test('a UNIX socket has the mode it was given, and goes when the listener does', async () => {
  const path = join(folder, 'lmtp.sock')
  const listener = await open({ mode: 0o666 }, undefined, { path })
  assert.deepEqual(listener.address, { path })
  assert.equal((await lstat(path)).mode & 0o777, 0o666)
  const client = dial(listener)
  client.write('QUIT\r\n')
  assert.equal(await everything(client), '220 hello\r\n250 QUIT\r\n')
  await listener.close()
  await assert.rejects(lstat(path), { code: 'ENOENT' })
  const closed = await open({}, undefined, { path })
  assert.equal((await lstat(path)).mode & 0o777, 0o600)
  await closed.close()
})

test('a socket that somebody listens on is left alone, as is what is no socket', async () => {
  const path = join(folder, 'taken.sock')
  const listener = await open({}, undefined, { path })
  await assert.rejects(open({}, undefined, { path }), { code: 'EADDRINUSE' })
  const client = dial(listener)
  assert.equal(await first(client), '220 hello\r\n')
  client.destroy()
  await listener.close()
  const file = join(folder, 'precious')
  await writeFile(file, 'x')
  await assert.rejects(open({}, undefined, { path: file }), { code: 'EADDRINUSE' })
  assert.equal((await lstat(file)).size, 1)
})

test('a socket that a killed process left behind is replaced', async () => {
  const path = join(folder, 'stale.sock')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await assert.rejects(promisify(execFile)(process.execPath, ['-e', script]), { signal: 'SIGKILL' })
  assert.equal((await lstat(path)).isSocket(), true)
  const listener = await open({}, undefined, { path })
  const client = dial(listener)
  assert.equal(await first(client), '220 hello\r\n')
  client.destroy()
  await listener.close()
})

test('a port that is taken is an error, and IPv4 and IPv6 do not stand in each other’s way', async () => {
  const listener = await open({}, undefined, { host: '0.0.0.0', port: 0 })
  assert('port' in listener.address)
  const { port } = listener.address
  await assert.rejects(open({}, undefined, { host: '0.0.0.0', port }), { code: 'EADDRINUSE' })
  const six = await open({}, undefined, { host: '::', port }).catch((error: { code: string }) => error.code)
  // A machine without IPv6 cannot tell.
  if (typeof six === 'string') assert.match(six, /EAFNOSUPPORT|EADDRNOTAVAIL/)
  else await six.close()
  await listener.close()
})

test('running out of descriptors costs connections, not the listener', async () => {
  const fixture = new URL('../../test/fixtures/few-descriptors.ts', import.meta.url).pathname
  const child = spawn('/bin/sh', ['-c', 'ulimit -n 64; exec "$0" "$1"', process.execPath, fixture], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const port = Number((await once(child.stdout, 'data'))[0])
  const clients = Array.from({ length: 150 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  const greeted = await Promise.all(
    clients.map(async (client) => {
      await Promise.race([once(client, 'data'), once(client, 'close')])
      return client.bytesRead > 0
    }),
  )
  const served = greeted.filter(Boolean).length
  assert(served > 10 && served < 64, `${served} were served`)
  for (const client of clients) client.destroy()
  // It may take a moment until it has noticed that they are gone.
  let again = ''
  while (again === '') {
    const client = connect(port, '127.0.0.1').on('error', () => {})
    client.once('data', () => client.destroy())
    client.on('data', (chunk: Buffer) => {
      again += chunk
    })
    await once(client, 'close')
  }
  assert.equal(again, '220 hello\r\n')
  child.stdin.end()
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('trouble in accepting is told once, until one is accepted again', async () => {
  const log = recording()
  let server: Server | undefined
  const notice = (message: unknown) => {
    server = (message as { server: Server }).server
  }
  subscribe('tracing:net.server.listen:asyncStart', notice)
  const listener = await open({ log })
  unsubscribe('tracing:net.server.listen:asyncStart', notice)
  const fail = () => server?.emit('error', new Error('accept EMFILE'))
  fail()
  fail()
  assert.deepEqual(
    log.told.map(([event, fields]) => [event, fields?.['why']]),
    [['connection-not-accepted', 'accept EMFILE']],
  )
  const client = dial(listener)
  assert.equal(await first(client), '220 hello\r\n')
  client.destroy()
  fail()
  assert.equal(log.told.length, 2)
  await listener.close()
})
