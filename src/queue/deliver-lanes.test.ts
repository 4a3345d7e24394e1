import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueBench } from '../../test/doubles/queue-bench.ts'
import { diagnosisOf, scriptedTransport } from '../../test/doubles/scripted-transport.ts'

const HOUR = 3_600_000

test('what waits for some lanes is delivered over what the caller has, and nothing else is', async () => {
  const bench = queueBench({ smtp: { say: () => 451 } })
  const carrier = scriptedTransport(bench.clock.now, {
    name: 'turned',
    say: ({ address }) => (address.local === 'no' ? 550 : 250),
  })
  for (let n = 0; n < 5; n += 1) await bench.put([`u${n}@customer.example`])
  await bench.put(['no@customer.example', 'x@elsewhere.example'])
  const tried = await bench.queue.deliver({ lanes: ['smtp/customer.example'], carrier })
  assert.equal(tried, 6)
  assert.equal(carrier.delivered.length, 5)
  assert.equal(carrier.peak, 1)
  assert.equal(bench.smtp.deliveries.length, 0)
  assert.equal(bench.reporter.composed.length, 1)
  assert.equal(bench.queue.counters.delivered, 5)
})

test('deferred mail is not tried twice in a run, and without a carrier the lane’s own transport is used', async () => {
  const bench = queueBench({ smtp: { say: () => 451 } })
  for (let n = 0; n < 3; n += 1) await bench.put([`u${n}@customer.example`])
  assert.equal(await bench.queue.deliver({ lanes: ['smtp/customer.example'] }), 3)
  assert.equal(bench.smtp.deliveries.length, 3)
})

test('a run ends when the peer is gone, and the rest stays due', async () => {
  const bench = queueBench()
  const carrier = scriptedTransport(bench.clock.now, {
    say: ({ address }) => (address.local === 'u1' ? 'down' : 250),
  })
  for (let n = 0; n < 4; n += 1) await bench.put([`u${n}@customer.example`])
  assert.equal(await bench.queue.deliver({ lanes: ['smtp/customer.example'], carrier }), 2)
  assert.equal((await bench.spool.counts()).waiting, 3)
  assert.equal(await bench.queue.deliver({ lanes: ['smtp/customer.example'] }), 2)
})

test('a signal ends a run: the delivery under way is told, what it had not settled stays due', async () => {
  const bench = queueBench()
  const stop = new AbortController()
  const carrier = scriptedTransport(bench.clock.now, {
    deliver: ({ recipients }, signal, settled) =>
      new Promise((resolve) => {
        const [first] = recipients
        if (first !== undefined) settled({ of: first.key, diagnosis: diagnosisOf(250, 0) })
        signal.addEventListener('abort', () => resolve())
        stop.abort()
      }),
  })
  const id = await bench.put(['a@customer.example', 'b@customer.example'])
  await bench.put(['c@customer.example'])
  assert.equal(await bench.queue.deliver({ lanes: ['smtp/customer.example'], carrier, signal: stop.signal }), 1)
  assert.deepEqual(await bench.fates(id), ['a@customer.example: delivered', 'b@customer.example: waiting'])
  await bench.queue.start()
  await bench.clock.advance(HOUR)
  assert.deepEqual(bench.smtp.delivered, ['b@customer.example', 'c@customer.example'])
  await bench.queue.stop()
})
