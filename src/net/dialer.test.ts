import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { DialError, dial } from './dialer.ts'

const OK = '220 here\r\n'

/** A server that greets, on `where`; closed when `run` is done. */
const greeting = async (
  where: ListenOptions,
  run: (port: number, connections: readonly Socket[]) => Promise<void>,
): Promise<void> => {
  const connections: Socket[] = []
  const server: Server = createServer((socket) => {
    connections.push(socket)
    socket.on('error', () => {}).end(OK)
  })
  server.listen(where)
  await once(server, 'listening')
  try {
    const address = server.address()
    await run(address !== null && typeof address === 'object' ? address.port : 0, connections)
  } finally {
    for (const socket of connections) socket.destroy()
    server.close()
    await once(server, 'close')
  }
}

/** A port at which nobody listens but at 127.0.0.2. */
const deaf = async (run: (port: number) => Promise<void>): Promise<void> => {
  const server = createServer().listen(0, '127.0.0.2')
  await once(server, 'listening')
  try {
    await run((server.address() as AddressInfo).port)
  } finally {
    server.close()
    await once(server, 'close')
  }
}

test('the first address that answers is taken, and what it says is not lost', async () => {
  await greeting({ host: '127.0.0.1', port: 0 }, async (port, connections) => {
    const clock = manualClock()
    // 127.0.0.3 refuses: the server listens on 127.0.0.1 alone.
    const channel = await dial({ addresses: ['127.0.0.3', '127.0.0.1', '127.0.0.4'], port }, { clock, timeout: 1000 })
    assert.deepEqual(channel.peer, { address: '127.0.0.1', port })
    assert.equal(channel.local.port, connections[0]?.remotePort)
    assert.equal(await channel.line(100, 1000), '220 here')
    assert.equal(connections.length, 1)
    channel.destroy()
  })
})

test('our own address is the one that is set for the family', async () => {
  await greeting({ host: '127.0.0.1', port: 0 }, async (port, connections) => {
    const localAddress = { ipv4: '127.0.0.9', ipv6: '::1' }
    const channel = await dial(
      { addresses: ['127.0.0.1'], port },
      { clock: manualClock(), timeout: 1000, localAddress },
    )
    assert.equal(channel.local.address, '127.0.0.9')
    assert.equal(connections[0]?.remoteAddress, '127.0.0.9')
    channel.destroy()
  })
})

test('a UNIX socket has no addresses', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dial-'))
  try {
    const path = join(folder, 'lmtp.sock')
    await greeting({ path }, async () => {
      const channel = await dial({ path }, { clock: manualClock(), timeout: 1000 })
      assert.deepEqual(
        [channel.peer, channel.local],
        [
          { address: '', port: 0 },
          { address: '', port: 0 },
        ],
      )
      assert.equal(await channel.line(100, 1000), '220 here')
      channel.destroy()
    })
    await assert.rejects(dial({ path }, { clock: manualClock(), timeout: 1000 }), (error) => {
      assert.ok(error instanceof DialError)
      assert.deepEqual(error.tried, [{ at: path, why: 'ENOENT' }])
      return true
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('when nobody answers, the error tells who was tried and why it failed', async () => {
  await deaf(async (port) => {
    const clock = manualClock()
    await assert.rejects(
      dial({ addresses: ['127.0.0.1', 'mx.test', '::1'], port }, { clock, timeout: 1000 }),
      (error) => {
        assert.ok(error instanceof DialError)
        const [one, two, three] = error.tried
        assert.deepEqual(one, { at: `127.0.0.1:${port}`, why: 'ECONNREFUSED' })
        assert.deepEqual(two, { at: `mx.test:${port}`, why: 'not an address' })
        assert.equal(three?.at, `[::1]:${port}`)
        assert.match(error.message, /ECONNREFUSED; mx\.test/)
        return true
      },
    )
    assert.equal(clock.pending, 0)
  })
  await assert.rejects(dial({ addresses: [], port: 25 }, { clock: manualClock(), timeout: 1000 }), DialError)
})

test('an address has its time, and then the next one is tried', async () => {
  await greeting({ host: '127.0.0.1', port: 0 }, async (port) => {
    const clock = manualClock()
    // The alarm runs before the connection can be there, for nothing of it happens within this turn.
    const dialing = dial({ addresses: ['127.0.0.1', '127.0.0.1'], port }, { ...expiring(clock, 1), timeout: 1000 })
    const channel = await dialing
    assert.equal(await channel.line(100, 1000), '220 here')
    channel.destroy()
    const failing = dial({ addresses: ['127.0.0.1'], port }, { ...expiring(clock, 1), timeout: 1000 })
    await assert.rejects(failing, (error) => {
      assert.ok(error instanceof DialError)
      assert.equal(error.tried[0]?.why, 'no answer in time')
      return true
    })
  })
})

test('an abort ends it with its reason, before, between and during attempts', async () => {
  const reason = new Error('enough')
  await greeting({ host: '127.0.0.1', port: 0 }, async (port, connections) => {
    const clock = manualClock()
    const before = { clock, timeout: 1000, signal: AbortSignal.abort(reason) }
    await assert.rejects(dial({ addresses: ['127.0.0.1'], port }, before), reason)
    assert.equal(connections.length, 0)
    const controller = new AbortController()
    const during = dial({ addresses: ['127.0.0.1', '127.0.0.1'], port }, { ...before, signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(during, reason)
    assert.equal(clock.pending, 0)
  })
})

/** A clock whose first alarms go off at once. */
const expiring = (clock: ReturnType<typeof manualClock>, alarms: number) => ({
  clock: {
    now: clock.now,
    after(ms: number, run: () => void) {
      if (alarms === 0) return clock.after(ms, run)
      alarms -= 1
      queueMicrotask(run)
      return { cancel: () => {} }
    },
  },
})
