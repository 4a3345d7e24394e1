import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../observe/clock.ts'
import { Closed } from './channel.ts'
import { memoryChannels } from './memory-channel.ts'
import { memoryStreams } from './memory-stream.ts'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

test('two channels in memory are each the far end of the other', async () => {
  const [client, server] = memoryChannels(systemClock())
  server.write('220 x\r\n')
  await server.flush(1000)
  assert.equal(await client.line(100, 1000), '220 x')
  client.write('QUIT\r\n')
  await client.flush(1000)
  assert.equal(await server.line(100, 1000), 'QUIT')
  await Promise.all([server.end(1000), client.end(1000)])
  await assert.rejects(client.line(100, 1000), Closed)
})

test('one that is destroyed ends the input of the other, and its output', async () => {
  const [client, server] = memoryChannels(systemClock())
  client.write('NOOP\r\n')
  await client.flush(1000)
  await settled()
  client.destroy()
  assert.equal(await server.line(100, 1000), 'NOOP')
  await assert.rejects(server.line(100, 1000), Closed)
  server.write('250 ok\r\n')
  await server.flush(1000)
  await settled()
  await assert.rejects(server.flush(1000), Closed)
})

test('a write that waits for a reader fails when the reader goes', async () => {
  const [client, server] = memoryChannels(systemClock())
  client.write(Buffer.alloc(4 << 20))
  client.write(Buffer.alloc(4 << 20))
  const flushed = client.flush(5000)
  await settled()
  server.destroy()
  await assert.rejects(flushed, Closed)
})

test('streams in memory hold a fast writer back', async () => {
  const [here, there] = memoryStreams()
  const chunk = Buffer.alloc(65536)
  let taken = 0
  here.write(chunk, () => taken++)
  here.write(chunk, () => taken++)
  await settled()
  assert.equal(taken, 0)
  assert.equal(here.writableNeedDrain, true)
  there.resume()
  await settled()
  assert.equal(taken, 2)
  assert.equal(here.writableNeedDrain, false)
})
