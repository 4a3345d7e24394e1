import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueBench, recipient } from '../../test/doubles/queue-bench.ts'
import { diagnosisOf, type Say } from '../../test/doubles/scripted-transport.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

test('a dead host costs a few attempts at first, then one at the end of each rest, and the rests grow', async () => {
  let say: Say = 'down'
  const bench = queueBench({ smtp: { say: ({ address }) => (address.domain === 'dead.example' ? say : 250) } })
  await bench.queue.start()
  const start = bench.clock.now()
  for (let n = 0; n < 200; n += 1) await bench.put([`u${n}@dead.example`])
  await bench.put(['x@alive.example'])
  await bench.clock.advance(1000)
  const tried = () => bench.smtp.deliveries.filter((one) => one.to[0]?.endsWith('@dead.example'))
  assert.ok(tried().length <= 5, `${tried().length} attempts`)
  assert.deepEqual(bench.smtp.delivered, ['x@alive.example'])
  const first = tried().length

  await bench.clock.advance(40 * MINUTE)
  const probes = tried().slice(first)
  assert.deepEqual(
    probes.map(({ at }) => Math.round((at - start) / MINUTE)),
    [1, 3, 7, 15, 31],
  )
  const rests = await bench.spool.rests.list(bench.clock.now())
  assert.equal(rests[0]?.lane, 'smtp/dead.example')
  assert.match(rests[0]?.why ?? '', /^421 4\.0\.0 Connection refused/)
  assert.equal(bench.queue.status().rests.length, 1)

  say = 250
  await bench.clock.advance(3 * HOUR)
  assert.equal(new Set(bench.smtp.delivered).size, 201)
  assert.equal(bench.smtp.delivered.length, 201)
  assert.deepEqual(await bench.spool.rests.list(bench.clock.now()), [])
  assert.equal((await bench.spool.counts()).messages, 0)
  await bench.queue.stop()
})

test('a message with more recipients than a delivery takes does not knock again at a dead host', async () => {
  const bench = queueBench({ smtp: { say: () => 'down', limits: { recipientsPerDelivery: 2 } } })
  await bench.queue.start()
  const id = await bench.put(['a@dead.example', 'b@dead.example', 'c@dead.example', 'd@dead.example', 'e@dead.example'])
  await bench.clock.advance(10)
  assert.deepEqual(
    bench.smtp.deliveries.map((one) => one.to.length),
    [2],
  )
  const last = (await bench.recipients(id)).map(({ attempts, fate }) => [attempts, 'last' in fate && fate.last?.code])
  assert.deepEqual(last, Array(5).fill([1, 421]))
  await bench.queue.stop()
})

test('recipients go in portions that the transport takes, and are settled together', async () => {
  const bench = queueBench({ smtp: { say: () => 550, limits: { recipientsPerDelivery: 2 } } })
  await bench.queue.start()
  await bench.put(['a@far.example', 'b@far.example', 'c@far.example', 'd@far.example', 'e@far.example'])
  await bench.clock.advance(10)
  const first = bench.smtp.deliveries.slice(0, 3).map((one) => one.to.length)
  assert.deepEqual(first, [2, 2, 1])
  assert.deepEqual(
    bench.reporter.composed.map((one) => one.recipients.length),
    [5],
  )
  await bench.queue.stop()
})

test('mail for a host at rest is warned about and given up in time, though it is not tried', async () => {
  const bench = queueBench({
    smtp: { say: ({ address }) => (address.domain === 'dead.example' ? 'down' : 250) },
    settings: { lifetime: 6 * HOUR, rest: { first: MINUTE, most: 24 * HOUR } },
  })
  await bench.queue.start()
  for (let n = 0; n < 30; n += 1) await bench.put([`u${n}@dead.example`])
  await bench.clock.advance(6 * HOUR + 2 * MINUTE)
  const events = bench.reporter.composed.map((one) => one.recipients.map((r) => `${r.event} ${r.last.status}`).join())
  assert.equal(events.filter((one) => one === 'delayed 4.0.0' || one === 'delayed 4.4.1').length, 30)
  assert.equal(events.filter((one) => one.startsWith('failed 4.')).length, 30)
  assert.ok(bench.smtp.deliveries.filter((one) => one.to[0]?.endsWith('@dead.example')).length < 50)
  assert.equal((await bench.spool.counts()).messages, 0)
  await bench.queue.stop()
})

test('a milestone of mail at rest is met when it comes', async () => {
  const bench = queueBench({ smtp: { say: ({ address }) => (address.domain === 'dead.example' ? 'down' : 250) } })
  await bench.queue.start()
  await bench.put(['first@dead.example'])
  await bench.clock.advance(20 * MINUTE)
  const at = bench.clock.now() + MINUTE
  await bench.put(['urgent@dead.example'], { schedule: { milestones: [{ at, do: 'fail', status: '5.4.7' }] } })
  await bench.clock.advance(MINUTE + 2000)
  assert.deepEqual(
    bench.reporter.composed.flatMap((one) => one.recipients.map((r) => `${r.address.local} ${r.last.status}`)),
    ['urgent 5.4.7'],
  )
  await bench.queue.stop()
})

test('a rest that a fast clock has written down ends in time once the clock is right', async () => {
  let say: Say = 'down'
  const bench = queueBench({ smtp: { say: () => say } })
  const right = bench.clock.now()
  bench.clock.set(right + 365 * 24 * HOUR)
  await bench.queue.start()
  await bench.put(['a@dead.example'])
  await bench.clock.advance(100)
  await bench.queue.stop()

  bench.clock.set(right)
  say = 250
  const next = bench.another({})
  await next.start()
  await bench.clock.advance(HOUR)
  assert.deepEqual(bench.smtp.delivered, ['a@dead.example'])
  await next.stop()
})

test('a rest survives a restart, and a kick ends it', async () => {
  const bench = queueBench({ smtp: { say: () => 'down' } })
  await bench.queue.start()
  await bench.put(['a@dead.example'])
  await bench.clock.advance(1000)
  await bench.queue.stop()
  const next = bench.another({ owner: 'queue' })
  await next.start()
  await bench.put(['b@dead.example'])
  await bench.clock.advance(10_000)
  assert.deepEqual(
    next.status().rests.map(({ lane }) => lane),
    ['smtp/dead.example'],
  )
  assert.equal(bench.smtp.deliveries.length, 1)

  await bench.spool.operate({ do: 'retry', match: {}, now: bench.clock.now() })
  next.kick('smtp/dead.example')
  await bench.clock.advance(1000)
  assert.equal(bench.smtp.deliveries.length, 2, 'one probe')
  assert.deepEqual(bench.smtp.delivered.length, 0)
  await next.stop()
})

for (const refusal of [1, 25]) {
  test(`a connection refused while others get through is a busy host, not a dead one (after ${refusal} ms)`, async () => {
    let connected = 0
    const bench = queueBench({
      smtp: {
        async deliver({ recipients }, _, settled) {
          const full = connected >= 2
          if (!full) connected += 1
          await new Promise<void>((resolve) => bench.clock.after(full ? refusal : 10, resolve))
          if (!full) connected -= 1
          for (const { key } of recipients) {
            const diagnosis = diagnosisOf(full ? 421 : 250, bench.clock.now())
            settled(full ? { of: key, diagnosis, destinationDown: true } : { of: key, diagnosis })
          }
        },
      },
    })
    await bench.queue.start()
    await bench.put(['warm@busy.example'])
    await bench.clock.advance(100)
    for (let n = 0; n < 50; n += 1) await bench.put([`u${n}@busy.example`])
    await bench.clock.advance(2 * HOUR)
    assert.equal(new Set(bench.smtp.delivered).size, 51)
    assert.ok(bench.log.named('deferred').length > 0)
    assert.equal(bench.log.named('resting').length, 0)
    await bench.queue.stop()
  })
}

// More than is usual too, where a transport says so.
for (const limit of [8, 30]) {
  test(`a destination's window begins small, grows with success, and the transport's limit is its top: ${limit}`, async () => {
    const bench = queueBench({
      smtp: {
        limits: { perDestination: limit },
        async deliver({ recipients }, _, settled) {
          await new Promise<void>((resolve) => bench.clock.after(10, resolve))
          for (const { key } of recipients) settled({ of: key, diagnosis: diagnosisOf(250, bench.clock.now()) })
        },
      },
    })
    for (let n = 0; n < 1000; n += 1) await bench.put([`u${n}@one.example`])
    await bench.queue.start()
    await bench.clock.advance(9)
    assert.equal(bench.smtp.peak, 5)
    await bench.clock.advance(3000)
    assert.equal(bench.smtp.peak, limit)
    assert.equal(bench.smtp.delivered.length, 1000)
    await bench.queue.stop()
  })
}

test('all lanes together have a limit, and a full lane does not hold up another', async () => {
  const bench = queueBench({
    settings: { concurrency: { total: 12, perDestination: 5, initial: 5, resolving: 5 } },
    smtp: {
      async deliver({ recipients }, _, settled) {
        const slow = recipients[0]?.address.domain === 'slow.example'
        await new Promise<void>((resolve) => bench.clock.after(slow ? HOUR : 10, resolve))
        for (const { key } of recipients) settled({ of: key, diagnosis: diagnosisOf(250, bench.clock.now()) })
      },
    },
  })
  for (let n = 0; n < 500; n += 1) await bench.put([`u${n}@slow.example`])
  for (let n = 0; n < 50; n += 1) await bench.put([`u${n}@d${n % 10}.example`])
  await bench.queue.start()
  await bench.clock.advance(MINUTE)
  assert.equal(bench.smtp.delivered.length, 50)
  assert.equal(bench.smtp.running, 5)
  assert.ok(bench.smtp.peak <= 12, `${bench.smtp.peak} at once`)
  const { lanes, delivering } = bench.queue.status()
  assert.equal(delivering, 5)
  assert.deepEqual(
    lanes.map(({ lane }) => lane),
    ['smtp/slow.example'],
  )
  const stopped = bench.queue.stop()
  await bench.clock.advance(MINUTE)
  await stopped
})

test('more lanes than can be held at once are served one after the other', async () => {
  const bench = queueBench({
    settings: {
      concurrency: { total: 3, perDestination: 2, initial: 2, resolving: 2 },
      batch: { claims: 2, recipients: 10, slice: 10 },
    },
  })
  for (let n = 0; n < 100; n += 1) await bench.put([`x@d${n}.example`, `y@d${n}.example`])
  for (let n = 0; n < 20; n += 1) await bench.put([recipient(`z@d${n}.example`)])
  await bench.queue.start()
  await bench.clock.advance(1000)
  assert.equal(bench.smtp.delivered.length, 220)
  assert.ok(bench.smtp.peak <= 3)
  await bench.queue.stop()
})

test('urgent mail goes first', async () => {
  const bench = queueBench({ settings: { concurrency: { total: 1, perDestination: 1, initial: 1, resolving: 1 } } })
  for (const [name, priority] of [
    ['low', -3],
    ['none', 0],
    ['high', 6],
  ] as const) {
    await bench.put([`${name}@far.example`], { schedule: { priority } })
  }
  await bench.queue.start()
  await bench.clock.advance(100)
  assert.deepEqual(bench.smtp.delivered, ['high@far.example', 'none@far.example', 'low@far.example'])
  await bench.queue.stop()
})
