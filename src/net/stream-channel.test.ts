import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { type Clock, systemClock } from '../observe/clock.ts'
import { Closed, EndlessLine, LineTooLong, TimedOut, TooSlow } from './channel.ts'
import { memoryStreams } from './memory-stream.ts'
import { type StreamChannel, streamChannel } from './stream-channel.ts'

const nowhere = { address: '', port: 0 }

const overMemory = (clock: Clock = systemClock()): [StreamChannel, Duplex] => {
  const [here, there] = memoryStreams()
  return [streamChannel(here, { peer: nowhere, local: nowhere, clock }), there]
}

const sockets = async (highWater?: number): Promise<[StreamChannel, Socket, () => void]> => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  const client = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true })
  const [socket] = (await once(server, 'connection')) as [Socket]
  server.close()
  const about = { peer: nowhere, local: nowhere, clock: systemClock(), ...(highWater ? { highWater } : {}) }
  const done = () => {
    client.destroy()
    socket.destroy()
  }
  return [streamChannel(socket, about), client, done]
}

const all = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

/** Lets everything that is due happen. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

test('only CRLF ends a line, and every octet is kept', async () => {
  const [channel, peer] = overMemory()
  peer.write(Buffer.from('a\nb\rc\xff\0\r\r\n\r\n\n\r\nEHLO x\r\n', 'latin1'))
  const lines = []
  for (let i = 0; i < 4; i++) lines.push(await channel.line(100, 1000))
  assert.deepEqual(lines, ['a\nb\rc\xff\0\r', '', '\n', 'EHLO x'])
})

test('a line is whole whatever pieces it arrives in', async () => {
  const [channel, peer] = overMemory()
  const first = channel.line(100, 1000)
  for (const octet of 'NOOP\r\nQUIT\r\n') {
    peer.write(octet)
    await settled()
  }
  assert.equal(await first, 'NOOP')
  assert.equal(await channel.line(100, 1000), 'QUIT')
})

test('a line may have as many octets as the limit says, its CRLF not counted; a longer one is skipped', async () => {
  for (const pieces of [1, 2, 3, 7, 1000]) {
    const [channel, peer] = overMemory()
    const input = `${'a'.repeat(10)}\r\n${'b'.repeat(11)}\r\n${'c'.repeat(500)}\n\r\r\nnext\r\n`
    for (let i = 0; i < input.length; i += pieces) peer.write(input.slice(i, i + pieces))
    assert.equal(await channel.line(10, 1000), 'a'.repeat(10))
    await assert.rejects(channel.line(10, 1000), LineTooLong)
    await assert.rejects(channel.line(10, 1000), LineTooLong)
    assert.equal(await channel.line(10, 1000), 'next')
  }
})

test('a long line takes no memory', async () => {
  const [channel, peer] = overMemory()
  const line = channel.line(512, 1000, 2 ** 30)
  const piece = Buffer.alloc(65536, 'x')
  for (let i = 0; i < 200; i++) if (!peer.write(piece)) await once(peer, 'drain')
  await settled()
  assert.equal(channel.pending(), false)
  peer.write('\r\nok\r\n')
  await assert.rejects(line, LineTooLong)
  assert.equal(await channel.line(512, 1000), 'ok')
})

test('the end of a line that is far too long is not waited for, and its rest is no line', async () => {
  for (const [given, most] of [
    [undefined, 512 + 65_536],
    [100, 612],
    [0, 512],
  ] as const) {
    const [channel, peer] = overMemory(manualClock())
    peer.write(`${'x'.repeat(most)}\r`)
    const errors: unknown[] = []
    channel.line(512, 1000, given).catch((error: unknown) => errors.push(error))
    await settled()
    assert.equal(errors.length, 0)
    peer.write('x')
    await settled()
    assert.ok(errors[0] instanceof EndlessLine)
    peer.write('QUIT\r\nNOOP\r\n')
    await assert.rejects(channel.line(512, 1000, given), EndlessLine)
    assert.equal(await channel.line(512, 1000, given), 'NOOP')
  }
})

test('the limit of a line is for the whole line, however slowly its octets come', async () => {
  const clock = manualClock()
  const [channel, peer] = overMemory(clock)
  const late = assert.rejects(channel.line(100, 1000), TimedOut)
  for (let i = 0; i < 10; i++) {
    peer.write('x')
    await clock.advance(100)
  }
  await late
  assert.equal(clock.pending, 0)
})

test('no alarm is armed for what has already arrived', async () => {
  const clock = manualClock()
  const [channel, peer] = overMemory(clock)
  peer.write('a\r\nb\r\n')
  await settled()
  const line = channel.line(100, 1000)
  assert.equal(clock.pending, 0)
  assert.equal(await line, 'a')
  assert.equal(await channel.line(100, 1000), 'b')
})

test('each wait of a body has the limit', async () => {
  const clock = manualClock()
  const [channel, peer] = overMemory(clock)
  let octets = 0
  const late = assert.rejects(async () => {
    for await (const chunk of channel.dotted(1000)) octets += chunk.length
  }, TimedOut)
  for (let i = 0; i < 20; i++) {
    await clock.advance(900)
    peer.write('x')
  }
  await clock.advance(999)
  assert.equal(clock.pending, 1)
  await clock.advance(1)
  await late
  assert.equal(octets, 20)
})

test('a body must come at its rate, whoever sent much may pause, and the time before the next read is nobody’s', async () => {
  const clock = manualClock()
  const [channel, peer] = overMemory(clock)
  let octets = 0
  const late = assert.rejects(
    async () => {
      for await (const chunk of channel.counted(1_000_000, 10_000, 100)) octets += chunk.length
    },
    (error) => error instanceof TooSlow && error instanceof TimedOut,
  )
  // A pause that the octets behind it make good.
  for (let i = 0; i < 5; i++) {
    await clock.advance(9_999)
    peer.write(Buffer.alloc(2000))
    await clock.settle()
  }
  // 50 octets a second: 10 s of patience last for 19.
  for (let i = 0; i < 18; i++) {
    await clock.advance(1000)
    peer.write(Buffer.alloc(50))
    await clock.settle()
    assert.equal(octets, 10_000 + 50 * (i + 1))
  }
  await clock.advance(1000)
  assert.equal(clock.pending, 0)
  await late

  const [busy, sender] = overMemory(clock)
  const body = busy.counted(3, 1000, 1)[Symbol.asyncIterator]()
  for (let i = 0; i < 3; i++) {
    sender.write('x')
    await clock.advance(60_000)
    assert.equal((await body.next()).value?.length, 1)
  }
  assert.equal((await body.next()).done, true)
})

test('a body that stops is no slow one', async () => {
  const clock = manualClock()
  const [channel, peer] = overMemory(clock)
  const late = assert.rejects(
    all(channel.dotted(1000, 500)),
    (error) => error instanceof TimedOut && !(error instanceof TooSlow),
  )
  peer.write('x')
  await clock.advance(999)
  assert.equal(clock.pending, 1)
  await clock.advance(1)
  await late
})

test('a dotted body that starts with a dot alone is empty', async () => {
  const [channel, peer] = overMemory()
  peer.write('.\r\nNOOP\r\n')
  assert.equal(await all(channel.dotted(1000)), '')
  assert.equal(await channel.line(100, 1000), 'NOOP')
})

test('stuffed dots are removed, the last CRLF is kept, and what follows is left', async () => {
  const [channel, peer] = overMemory()
  peer.write('..a\r\nb.\r\n..\r\n.c\r\n.\r\r\n...\r\n.\r\nQUIT\r\n')
  assert.equal(await all(channel.dotted(1000)), '.a\r\nb.\r\n.\r\nc\r\n\r\r\n..\r\n')
  assert.equal(await channel.line(100, 1000), 'QUIT')
})

for (const false_ of [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r.\r\n',
  '\r\n.\r',
  '\n.\r',
  '\r\n.\0\r\n',
  '\r\n\0.\r\n',
]) {
  test(`${JSON.stringify(false_)} does not end a body, in any pieces`, async () => {
    const text = `a${false_}MAIL FROM:<smuggled@example.org>`
    const input = `${text}\r\n.\r\n`
    const expected = `${text}\r\n`.replaceAll('\r\n.', '\r\n')
    for (let cut = 0; cut < 8; cut++) {
      for (const size of [1, 2, 3, 1000]) {
        const [channel, peer] = overMemory()
        peer.write(input.slice(0, cut))
        for (let i = cut; i < input.length; i += size) peer.write(input.slice(i, i + size))
        assert.equal(await all(channel.dotted(1000)), expected)
        assert.equal(channel.pending(), false)
      }
    }
  })
}

test('a body without dots is passed on in the pieces it came in, not copied', async () => {
  const [channel, peer] = overMemory()
  const piece = Buffer.from(`${'x'.repeat(998)}\r\n`)
  peer.write(piece)
  peer.write('.\r\n')
  for await (const chunk of channel.dotted(1000)) assert.equal(chunk.buffer, piece.buffer)
})

test('counted takes exactly so many octets', async () => {
  const [channel, peer] = overMemory()
  peer.write('12345')
  peer.write('678\r\n.\r\nQUIT\r\n')
  assert.equal(await all(channel.counted(0, 1000)), '')
  assert.equal(await all(channel.counted(7, 1000)), '1234567')
  assert.equal(await all(channel.counted(6, 1000)), '8\r\n.\r\n')
  assert.equal(await channel.line(100, 1000), 'QUIT')
})

test('input that ends too early is told', async () => {
  for (const read of [
    (c: StreamChannel) => all(c.counted(10, 1000)),
    (c: StreamChannel) => all(c.dotted(1000)),
    (c: StreamChannel) => c.line(100, 1000),
  ]) {
    const [channel, peer] = overMemory()
    peer.end('12345\r\n.'.slice(read.length === 2 ? 0 : 2, 5))
    await assert.rejects(read(channel), Closed)
    await assert.rejects(channel.line(100, 1000), Closed)
  }
})

test('a body that is left early is read to its end first', async () => {
  const [channel, peer] = overMemory()
  peer.write('one\r\ntwo')
  const read = (async () => {
    for await (const chunk of channel.dotted(1000)) return chunk.length
    return 0
  })()
  await settled()
  peer.write('\r\nQUIT\r\n.\r\nNOOP\r\n')
  assert.equal(await read, 8)
  assert.equal(await channel.line(100, 1000), 'NOOP')
})

test('nothing is read past a body that was not read to its end', async () => {
  const [channel, peer] = overMemory()
  peer.write('MAIL FROM:<a@example.org>\r\n')
  await settled()
  await channel.dotted(1000)[Symbol.asyncIterator]().next()
  peer.write('RSET\r\n')
  await assert.rejects(channel.line(100, 1000), /not been read to its end/)
})

test('a channel that is destroyed within a body lets go of it', async () => {
  const [channel, peer] = overMemory()
  peer.write('one')
  await assert.rejects(async () => {
    for await (const _ of channel.dotted(1000)) {
      channel.destroy()
      throw new Error('mine')
    }
  }, /mine/)
  await assert.rejects(channel.line(100, 1000), Closed)
})

test('two readers at once are a mistake that is told', async () => {
  const [channel, peer] = overMemory()
  const line = channel.line(100, 1000)
  await assert.rejects(channel.line(100, 1000), /Two readers/)
  peer.write('a\r\n')
  assert.equal(await line, 'a')
})

test('discardPending throws away what was not read, and tells how much', async () => {
  const [channel, peer] = overMemory()
  peer.write('STARTTLS\r\nRSET\r\nMAIL')
  assert.equal(await channel.line(100, 1000), 'STARTTLS')
  assert.equal(channel.pending(), true)
  assert.equal(channel.discardPending(), 10)
  assert.equal(channel.pending(), false)
  peer.write('EHLO x\r\n')
  assert.equal(await channel.line(100, 1000), 'EHLO x')
})

test('what is written leaves with flush, in order, text as UTF-8', async () => {
  const [channel, peer] = overMemory()
  let got = ''
  peer.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')))
  channel.write('250-a\r\n')
  channel.write('250 ö\r\n')
  await settled()
  assert.equal(got, '')
  await channel.flush(1000)
  channel.write('x')
  channel.write(Buffer.from([255, 0]))
  channel.write('y')
  await channel.flush(1000)
  await settled()
  assert.equal(got, '250-a\r\n250 \xc3\xb6\r\nx\xff\0y')
})

test('one write per flush of replies', async () => {
  const [here, there] = memoryStreams()
  const channel = streamChannel(here, { peer: nowhere, local: nowhere, clock: systemClock() })
  const chunks: string[] = []
  there.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
  for (let i = 0; i < 10; i++) channel.write('250 ok\r\n')
  await channel.flush(1000)
  await settled()
  assert.deepEqual(chunks, ['250 ok\r\n'.repeat(10)])
})

test('flush waits for a slow peer, within its limit', async () => {
  const clock = manualClock()
  const [channel, peer] = overMemory(clock)
  peer.pause()
  channel.write(Buffer.alloc(1 << 20))
  const flushed = channel.flush(1000)
  await settled()
  peer.resume()
  await flushed
  peer.pause()
  channel.write(Buffer.alloc(1 << 20))
  const late = assert.rejects(channel.flush(1000), TimedOut)
  await clock.advance(1000)
  await late
})

test('end sends what was written and waits for the peer to close', async () => {
  const [channel, peer] = overMemory()
  let got = ''
  peer.on('data', (chunk: Buffer) => (got += chunk))
  peer.write('never read')
  channel.write('221 bye\r\n')
  const ended = channel.end(1000)
  await once(peer, 'end')
  assert.equal(got, '221 bye\r\n')
  peer.end()
  await ended
  await channel.end(1000)
})

test('end waits no longer than told', async () => {
  const clock = manualClock()
  const [channel] = overMemory(clock)
  const ended = channel.end(1000)
  await clock.advance(1000)
  await ended
  assert.equal(clock.pending, 0)
})

test('leave closes at once, after what was written, and not before a peer that has said more', async () => {
  const [channel, client, done] = await sockets()
  client.write('QUIT\r\n')
  await channel.line(100, 5000)
  channel.write('221 bye\r\n')
  // The client never ends its side.
  await channel.leave(5000)
  let got = ''
  for await (const chunk of client) got += chunk
  assert.equal(got, '221 bye\r\n')
  done()

  const [talked, talker, over] = await sockets()
  talker.write('QUIT\r\nand more')
  await talked.line(100, 5000)
  talked.write('221 bye\r\n')
  let left = false
  const leaving = talked.leave(5000).then(() => {
    left = true
  })
  got = ''
  for await (const chunk of talker) got += chunk
  assert.equal(got, '221 bye\r\n')
  assert.equal(left, false)
  talker.end()
  await leaving
  over()
})

test('whoever waits is told when the channel goes', async () => {
  const [channel] = overMemory()
  const told: number[] = []
  channel.onClosed(() => told.push(1))
  const line = assert.rejects(channel.line(100, 1000), Closed)
  channel.destroy()
  await line
  await settled()
  channel.onClosed(() => told.push(2))
  await settled()
  assert.deepEqual(told, [1, 2])
  channel.write('x')
  await assert.rejects(channel.flush(1000), Closed)
})

test('a peer that resets the connection is a Closed, never an uncaught error', async () => {
  const [channel, client, done] = await sockets()
  client.on('error', () => {})
  client.write('554 go away\r\n')
  client.resetAndDestroy()
  const closed = new Promise<void>((resolve) => channel.onClosed(resolve))
  await closed
  channel.write('x')
  await assert.rejects(channel.flush(1000), Closed)
  await assert.rejects(async () => {
    for (;;) await channel.line(100, 1000)
  }, Closed)
  done()
})

test('a peer that half-closes still gets its answer', async () => {
  const [channel, client, done] = await sockets()
  client.end('QUIT\r\n')
  assert.equal(await channel.line(100, 5000), 'QUIT')
  await assert.rejects(channel.line(100, 5000), Closed)
  channel.write('221 bye\r\n')
  await channel.end(5000)
  let got = ''
  for await (const chunk of client) got += chunk
  assert.equal(got, '221 bye\r\n')
  done()
})

test('a slow reader holds the sender back: 64 MiB pass through bounded memory', async () => {
  const [channel, client, done] = await sockets(128 * 1024)
  const piece = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(64))
  const total = 64 * 1024 * 1024
  let sent = 0
  let most = 0
  const sending = (async () => {
    while (sent < total) {
      sent += piece.length
      if (!client.write(piece)) await once(client, 'drain')
    }
    client.write('.\r\n')
  })()
  let received = 0
  for await (const chunk of channel.dotted(5000)) {
    most = Math.max(most, sent - received)
    received += chunk.length
    if (received % 31 === 0 || received < 2_000_000) await settled()
  }
  await sending
  assert.equal(received, total)
  // Our own bound, the stream's, what the sender keeps, and the kernel's two socket buffers.
  assert(most < 24 * 1024 * 1024, `${most} octets were on their way`)
  done()
})

test('a peer that sends single octets is held back before it costs much memory', async () => {
  const stream = new Duplex({ read() {} })
  const channel = streamChannel(stream, { peer: nowhere, local: nowhere, clock: systemClock() })
  for (let i = 0; i < 500; i++) stream.push('x')
  await settled()
  assert.equal(stream.isPaused(), false)
  for (let i = 0; i < 1000; i++) stream.push('x')
  await settled()
  assert.equal(stream.isPaused(), true)
  assert.equal((await all(channel.counted(1500, 1000))).length, 1500)
  assert.equal(stream.isPaused(), false)
})

test('what a peer said before it went can be read after a write to it has failed', async () => {
  const [channel, peer] = overMemory()
  peer.write('554 go away\r\n')
  await settled()
  peer.destroy()
  channel.write('x')
  await channel.flush(1000)
  await settled()
  await assert.rejects(channel.flush(1000), Closed)
  assert.equal(await channel.line(100, 1000), '554 go away')
  await assert.rejects(channel.line(100, 1000), Closed)
})

test('a stream that is given up takes its unread input along, and is then out of reach', async () => {
  const [channel, peer] = overMemory()
  peer.write('a\r\nb\r\n')
  assert.equal(await channel.line(100, 1000), 'a')
  const stream = channel.detach()
  await assert.rejects(channel.line(100, 1000), Closed)
  await assert.rejects(channel.flush(1000), Closed)
  assert.throws(() => channel.detach(), Closed)
  await channel.end(1000)
  const again = streamChannel(stream, { peer: nowhere, local: nowhere, clock: systemClock() })
  assert.equal(await again.line(100, 1000), 'b')
  const closed = new Promise<void>((resolve) => channel.onClosed(resolve))
  again.destroy()
  await closed
})
