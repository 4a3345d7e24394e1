import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueBench } from '../../test/doubles/queue-bench.ts'
import { queueDefaults } from './settings.ts'

test('a queue that may have no deliveries at once tries nothing, but does what it is asked to', async () => {
  const bench = queueBench({ settings: { concurrency: { ...queueDefaults.concurrency, total: 0 } } })
  await bench.put(['u@customer.example'])
  await bench.queue.start()
  bench.queue.kick()
  await bench.clock.advance(3_600_000)
  assert.equal(bench.smtp.deliveries.length, 0)
  assert.equal(await bench.queue.deliver({ lanes: ['smtp/customer.example'] }), 1)
  assert.equal(bench.smtp.delivered.length, 1)
  await bench.queue.stop()
})
