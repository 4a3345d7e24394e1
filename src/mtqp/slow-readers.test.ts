import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ManualClock, manualClock } from '../../test/doubles/manual-clock.ts'
import { SECRET_TEXT } from '../../test/doubles/tracked-spool.ts'
import type { Channel } from '../net/channel.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import { silentLog } from '../observe/log.ts'
import { put, to } from '../spool/contract-fixtures.ts'
import { memorySpool } from '../spool/memory.ts'
import { type TrackingContext, trackingContext } from './context.ts'
import { Places } from './places.ts'
import { certifierOf } from './secret.ts'
import { serveTracking } from './serve.ts'

const serverOf = async (clock: ManualClock, limits: Partial<TrackingContext['limits']>): Promise<TrackingContext> => {
  const spool = memorySpool({ clock })
  await put(spool, clock as never, {
    trail: {
      name: 'long@a.test',
      proof: certifierOf(Buffer.from(SECRET_TEXT, 'base64')),
      until: clock.now() + 86_400_000,
    },
    recipients: Array.from({ length: 5000 }, (_, at) => to(`r${at}@x`)),
  })
  const about = { hostname: 'mx.a.test', listener: 't', expires: () => 0, trails: spool.trails, log: silentLog }
  return trackingContext({ ...about, clock, limits })
}

/** A client that has asked for more than fits in what is sent ahead, and what it was answered first. */
const asking = async (clock: ManualClock, context: TrackingContext) => {
  const [client, server] = memoryChannels(clock)
  const served = serveTracking(server, context)
  const line = () => client.line(1000, 3_600_000)
  await line()
  client.write(`TRACK long@a.test ${SECRET_TEXT}\r\n`)
  await client.flush(1000)
  return { client, served, line, first: await line() }
}

const rest = async ({ client }: { client: Channel }): Promise<number> => {
  let lines = 0
  for (; (await client.line(1000, 3_600_000)) !== '.'; lines++);
  return lines
}

test('an answer is taken within two minutes in all, however regularly a little of it is', async () => {
  const clock = manualClock()
  const slow = await asking(clock, await serverOf(clock, {}))
  assert.match(slow.first, /^\+OK\+/)
  for (let minute = 0; minute < 4; minute++) {
    for (let line = 0; line < 2000; line++) await slow.line()
    await clock.advance(29_000)
  }
  await clock.advance(10_000)
  await slow.served
  await assert.rejects(rest(slow), { name: 'Closed' })
})

test('who is slow keeps others out for ten seconds at most, and who is quick has all of it', async () => {
  const clock = manualClock()
  const context = await serverOf(clock, { answers: 2 })
  const slow = [await asking(clock, context), await asking(clock, context)]
  await clock.advance(9000)
  const early = await asking(clock, context)
  assert.match(early.first, /^-TEMP\/admin /)
  await clock.advance(1000)
  const late = await asking(clock, context)
  assert.match(late.first, /^\+OK\+/)
  await slow[0]?.served
  // The other slow one still has its place, and its answer.
  assert.ok((await rest(late)) > 15_000)
  assert.ok((await rest(slow[1] ?? late)) > 15_000)
  for (const { client, served } of [early, late, ...slow]) {
    client.destroy()
    await served
  }
})

test('places are counted for each network, and a place that was given up is not given back twice', () => {
  let now = 0
  const places = new Places({ clock: { now: () => now }, most: 3, mostPerPeer: 2, own: 10 })
  const given: string[] = []
  const enter = (address: string, name = address) => places.enter(address, () => void given.push(name))
  const first = enter('2001:db8::1')
  assert.ok(first && enter('2001:db8::2'))
  assert.equal(enter('2001:db8::3'), undefined)
  assert.ok(enter(''))
  now = 9
  assert.equal(enter('192.0.2.1'), undefined)
  now = 10
  assert.ok(enter('192.0.2.1'))
  assert.deepEqual(given, ['2001:db8::1'])
  first()
  assert.ok(enter('192.0.2.2'))
  assert.deepEqual(given, ['2001:db8::1', '2001:db8::2'])
  // Those that came now have their time before them; of sockets without an address any number may be there.
  const last = enter('', 'second socket')
  assert.deepEqual([last === undefined, given.at(-1)], [false, ''])
  assert.equal(enter(''), undefined)
  last?.()
  assert.ok(enter(''))
})
