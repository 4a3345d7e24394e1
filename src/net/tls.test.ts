import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { type Clock, systemClock } from '../observe/clock.ts'
import { type Channel, Closed } from './channel.ts'
import { memoryChannels } from './memory-channel.ts'
import { memoryStreams } from './memory-stream.ts'
import { selfSigned } from './self-signed.ts'
import { streamChannel } from './stream-channel.ts'
import { TlsFailed, type TlsService, tlsService } from './tls.ts'

const clock = systemClock()
const own = await selfSigned('mx.example.test', Date.now(), 30)
const other = await selfSigned('other.example.test', Date.now(), 30)
const nowhere = { address: '', port: 0 }

const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
await once(server, 'listening')
after(() => server.close())

const socketPair = async (): Promise<[Socket, Socket]> => {
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  const client = connectTcp(address.port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [Socket]
  return [client, accepted]
}

const channelOver = (stream: Duplex, time: Clock = clock): Channel =>
  streamChannel(stream, { peer: { address: '192.0.2.1', port: 25 }, local: nowhere, clock: time })

const service = (roots: readonly string[] = [own.certificate]): TlsService => tlsService({ clock, own, roots })

const secure = async (name: string, tls = service()): Promise<[Channel, Channel]> => {
  const [client, accepted] = (await socketPair()).map((socket) => channelOver(socket))
  assert(client && accepted)
  return Promise.all([tls.asClient(client, name), tls.asServer(accepted)])
}

for (const [where, make] of [
  ['sockets', async () => (await socketPair()).map((socket) => channelOver(socket))],
  ['memory', async () => memoryChannels(clock)],
] as const) {
  test(`a channel over ${where} goes on over TLS`, async () => {
    const [plainClient, plainServer] = await make()
    assert(plainClient && plainServer)
    plainClient.write('STARTTLS\r\n')
    await plainClient.flush(5000)
    assert.equal(await plainServer.line(100, 5000), 'STARTTLS')
    plainServer.write('220 go\r\n')
    await plainServer.flush(5000)
    assert.equal(await plainClient.line(100, 5000), '220 go')
    const tls = service()
    const secured = tls.asServer(plainServer)
    const client = await tls.asClient(plainClient, 'mx.example.test')
    const server = await secured
    client.write('EHLO x\r\n')
    await client.flush(5000)
    assert.equal(await server.line(100, 5000), 'EHLO x')
    const body = Buffer.alloc(3 << 20, 'x')
    server.write(body)
    server.write('\r\n.\r\n')
    const flushed = server.flush(5000)
    let octets = 0
    for await (const chunk of client.dotted(5000)) octets += chunk.length
    await flushed
    assert.equal(octets, body.length + 2)
    await Promise.all([server.end(5000), client.end(5000)])
    await assert.rejects(plainServer.line(100, 5000), Closed)
  })
}

test('secured says what was negotiated, and the ends of the connection stay known', async () => {
  const [client, server] = await secure('mx.example.test')
  assert.deepEqual(client.secured, { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', verified: true })
  assert.equal(server.secured?.protocol, 'TLSv1.3')
  assert.equal(server.secured?.verified, false)
  assert.match(server.secured?.why ?? '', /not asked/)
  assert.deepEqual(client.peer, { address: '192.0.2.1', port: 25 })
  client.destroy()
})

test('a certificate for another name does not fail the handshake, but is told', async () => {
  const [client] = await secure('mx.example.org')
  assert.equal(client.secured?.verified, false)
  assert.equal(client.secured?.why, 'the certificate is not for mx.example.org')
  client.destroy()
})

test('so is one that leads to no trusted root', async () => {
  const [client] = await secure('mx.example.test', service([other.certificate]))
  assert.equal(client.secured?.verified, false)
  assert.match(client.secured?.why ?? '', /^the certificate is not trusted: depth zero self signed cert/)
  client.destroy()
})

test('an address or a trailing dot is checked as it should be', async () => {
  const address = await selfSigned('192.0.2.7', Date.now(), 1)
  const tls = tlsService({ clock, own: address, roots: [address.certificate, own.certificate] })
  const [client] = await secure('[192.0.2.7]', tls)
  assert.equal(client.secured?.verified, true)
  client.destroy()
  const [wrong] = await secure('192.0.2.8', tls)
  assert.equal(wrong.secured?.why, 'the certificate is not for 192.0.2.8')
  wrong.destroy()
  const [dotted] = await secure('mx.example.test.')
  assert.equal(dotted.secured?.verified, true)
  dotted.destroy()
  const [nameless] = await secure('')
  assert.equal(nameless.secured?.verified, false)
  nameless.destroy()
})

test('where it must be verified, the connection is dropped and the error says why', async () => {
  const [client, accepted] = (await socketPair()).map((socket) => channelOver(socket))
  assert(client && accepted)
  const tls = service()
  const serverSide = assert.rejects(async () => (await tls.asServer(accepted)).line(100, 5000))
  await assert.rejects(tls.asClient(client, 'mx.example.org', { verify: true }), {
    name: 'TlsFailed',
    message: 'the certificate is not for mx.example.org',
  })
  await serverSide
})

test('text where a handshake was due fails it, and the connection is gone', async () => {
  const [client, accepted] = await socketPair()
  client.on('error', () => {})
  const channel = channelOver(accepted)
  const closed = new Promise<void>((resolve) => channel.onClosed(resolve))
  client.write('EHLO plain.example.org\r\n')
  await assert.rejects(
    service().asServer(channel),
    /^TlsFailed: TLS handshake failed: (http request|wrong version number)/,
  )
  await closed
  client.destroy()
})

test('what was pipelined behind STARTTLS is thrown away, and does not harm the handshake', async () => {
  const [client, accepted] = await socketPair()
  const channel = channelOver(accepted)
  client.write('STARTTLS\r\nRSET\r\nMAIL FROM:<injected@example.org>\r\n')
  assert.equal(await channel.line(100, 5000), 'STARTTLS')
  channel.write('220 go\r\n')
  await channel.flush(5000)
  assert.equal(channel.discardPending(), 40)
  const secured = service().asServer(channel)
  await once(client, 'data')
  const tls = connectTls({ socket: client, rejectUnauthorized: false })
  tls.write('NOOP\r\n')
  const after = await secured
  assert.equal(await after.line(100, 5000), 'NOOP')
  assert.equal(after.pending(), false)
  tls.destroy()
})

test('a handshake that has already begun when the channel is taken over is not lost', async () => {
  const [clientStream, serverStream] = await socketPair()
  const channel = channelOver(serverStream)
  const tls = connectTls({ socket: clientStream, rejectUnauthorized: false })
  while (!channel.pending()) await new Promise((resolve) => setImmediate(resolve))
  const secured = await service().asServer(channel)
  tls.write('NOOP\r\n')
  assert.equal(await secured.line(100, 5000), 'NOOP')
  tls.destroy()
})

test('a peer that goes away in the middle of a handshake is told', async () => {
  for (const say of ['', '\x16\x03\x01']) {
    const [client, accepted] = await socketPair()
    const failed = assert.rejects(service().asServer(channelOver(accepted)), TlsFailed)
    client.end(say)
    await failed
    client.destroy()
  }
  const [client, accepted] = await socketPair()
  const failed = assert.rejects(service().asClient(channelOver(client), 'mx.example.test'), TlsFailed)
  accepted.end()
  await failed
  accepted.destroy()
})

test('a handshake has a limit', async () => {
  const time = manualClock()
  const [here, there] = memoryStreams()
  there.resume()
  const tls = tlsService({ clock: time, own, timeout: 5000 })
  const late = assert.rejects(tls.asServer(channelOver(here, time)), /not finished within 5 s/)
  await time.advance(5000)
  await late
  assert.equal(here.destroyed, true)
  assert.equal(time.pending, 0)
  const [another] = memoryStreams()
  const client = assert.rejects(tls.asClient(channelOver(another, time), 'x', { timeout: 100 }), /within 0.1 s/)
  await time.advance(100)
  await client
})

test('TLS 1.1 is not spoken', async () => {
  const [client, accepted] = await socketPair()
  const refused = assert.rejects(service().asServer(channelOver(accepted)), /unsupported protocol|version/i)
  const old = connectTls({
    socket: client,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
    rejectUnauthorized: false,
  })
  old.on('error', () => {})
  await refused
  old.destroy()
})

test('TLS 1.2 is, and its cipher has its registered name', async () => {
  const [client, accepted] = await socketPair()
  const secured = service().asServer(channelOver(accepted))
  const tls = connectTls({ socket: client, maxVersion: 'TLSv1.2', rejectUnauthorized: false })
  const channel = await secured
  assert.equal(channel.secured?.protocol, 'TLSv1.2')
  assert.match(channel.secured?.cipher ?? '', /^TLS_ECDHE_ECDSA_WITH_/)
  tls.destroy()
})

test('the first octets of the peer may come together with the end of its handshake', async () => {
  const [client, accepted] = await socketPair()
  const context = createSecureContext({ cert: own.certificate, key: own.key })
  const peer = new TLSSocket(accepted, { isServer: true, secureContext: context })
  peer.write('220 early\r\n')
  const channel = await service().asClient(channelOver(client), 'mx.example.test')
  assert.equal(await channel.line(100, 5000), '220 early')
  channel.destroy()
  peer.destroy()
})

test('another certificate is taken at reload; one that is of no use is not', async () => {
  const tls = service([own.certificate, other.certificate])
  assert.throws(() => tls.reload({ certificate: other.certificate, key: own.key }), /mismatch/)
  assert.throws(() => tls.reload({ certificate: 'nonsense', key: own.key }))
  const [before] = await secure('mx.example.test', tls)
  assert.equal(before.secured?.verified, true)
  tls.reload(other)
  const [later] = await secure('other.example.test', tls)
  assert.equal(later.secured?.verified, true)
  before.destroy()
  later.destroy()
})

test('a useless pair of certificate and key is refused at once', () => {
  assert.throws(() => tlsService({ clock, own: { certificate: own.certificate, key: other.key } }), /mismatch/)
})

test('without a certificate a service is none for servers', async () => {
  const [channel] = memoryChannels(clock)
  await assert.rejects(tlsService({ clock }).asServer(channel), /no certificate/)
  channel.destroy()
})

test('a channel that is not over a stream is refused', async () => {
  const [channel] = memoryChannels(clock)
  const foreign: Channel = Object.create(channel)
  Object.setPrototypeOf(foreign, null)
  await assert.rejects(service().asServer(foreign), /needs a channel over a stream/)
  await assert.rejects(service().asClient(foreign, 'x'), /needs a channel over a stream/)
  channel.destroy()
})
