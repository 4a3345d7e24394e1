import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueBench, recipient } from '../../test/doubles/queue-bench.ts'
import { diagnosisOf } from '../../test/doubles/scripted-transport.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { reply } from '../mail/reply.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

test('mail is delivered at once, its message goes and its history stays', async () => {
  const bench = queueBench()
  await bench.queue.start()
  const id = await bench.put(['bob@far.example', 'cat@ours.example'])
  await bench.clock.advance(10)
  assert.deepEqual(bench.smtp.delivered, ['bob@far.example'])
  assert.deepEqual(bench.local.delivered, ['cat@ours.example'])
  assert.equal(await bench.spool.show(id), undefined)
  assert.deepEqual((await bench.history(id)).toSorted(), [
    'delivered to <bob@far.example> by smtp/far.example: 250 2.0.0 So it is (smtp, mx.example.net [192.0.2.1])',
    'delivered to <cat@ours.example> by local/cat: 250 2.0.0 So it is (smtp, mx.example.net [192.0.2.1])',
  ])
  assert.equal(bench.reporter.composed.length, 0)
  assert.equal(bench.queue.counters.delivered, 2)
  await bench.queue.stop()
})

test('the history tells of mail that was converted on its way', async () => {
  const bench = queueBench({ smtp: { say: (_, at) => ({ diagnosis: diagnosisOf(250, at), converted: true }) } })
  await bench.queue.start()
  const id = await bench.put(['bob@far.example'])
  await bench.clock.advance(10)
  assert.match(
    (await bench.history(id)).join(),
    /^delivered to <bob@far\.example> by smtp\/far\.example, converted: 250 /,
  )
  await bench.queue.stop()
})

test('recipients of one lane share a delivery; those without a lane get one first', async () => {
  const bench = queueBench()
  await bench.queue.start()
  await bench.put(['a@far.example', 'b@far.example', 'c@other.example'])
  await bench.put([recipient('d@far.example'), recipient('e@far.example')])
  await bench.clock.advance(10)
  const served = bench.smtp.deliveries.map((one) => one.to.join(' ')).sort()
  assert.deepEqual(served, ['a@far.example b@far.example', 'c@other.example', 'd@far.example e@far.example'])
  await bench.queue.stop()
})

test('a permanent failure is reported once, with the facts, and a mixed message gives one report', async () => {
  const bench = queueBench({ smtp: { say: ({ address }) => (address.local.startsWith('no') ? 550 : 250) } })
  await bench.queue.start()
  const id = await bench.put(['no1@far.example', 'yes@far.example', 'no2@far.example'])
  await bench.clock.advance(10)
  assert.equal(bench.reporter.composed.length, 1)
  const [report] = bench.reporter.composed
  assert.deepEqual(
    report?.recipients.map(({ address, event, last }) => [address.local, event, last.code]),
    [
      ['no1', 'failed', 550],
      ['no2', 'failed', 550],
    ],
  )
  assert.equal(await bench.spool.show(id), undefined)
  // The report is mail like any other and was delivered to the sender.
  assert.ok(bench.smtp.delivered.includes('ann@client.example'))
  await bench.queue.stop()
})

test('nobody is told of the failure of mail without sender', async () => {
  const bench = queueBench({ smtp: { say: () => 550 } })
  await bench.queue.start()
  const id = await bench.put(['no@far.example'], { sender: null })
  await bench.clock.advance(10)
  assert.equal(bench.reporter.composed.length, 0)
  assert.equal(await bench.spool.show(id), undefined)
  assert.match((await bench.history(id))[0] ?? '', /^failed for <no@far.example>: 550/)
  await bench.queue.stop()
})

test('success is reported to those who asked, when we are the last that can', async () => {
  const bench = queueBench({
    smtp: { say: () => ({ diagnosis: diagnosisOf(250, 0), event: 'relayed' }) },
    local: { say: () => ({ diagnosis: diagnosisOf(250, 0), event: 'delivered' }) },
  })
  await bench.queue.start()
  await bench.put(['asked@far.example;NOTIFY=SUCCESS', 'silent@far.example', 'box@ours.example;NOTIFY=SUCCESS'])
  await bench.clock.advance(10)
  const told = bench.reporter.composed.flatMap((one) => one.recipients.map((r) => `${r.address.local} ${r.event}`))
  assert.deepEqual(told.toSorted(), ['asked relayed', 'box delivered'])
  await bench.queue.stop()
})

test('a deferral is tried again by backoff, and the last answer is kept meanwhile', async () => {
  const bench = queueBench({ smtp: { say: (_, attempt) => (attempt < 3 ? 451 : 250) } })
  await bench.queue.start()
  const start = bench.clock.now()
  const id = await bench.put(['grey@far.example'])
  await bench.clock.advance(1000)
  const [waiting] = await bench.recipients(id)
  assert.equal(waiting?.attempts, 1)
  assert.equal(waiting?.fate.is, 'waiting')
  assert.equal(waiting?.fate.is === 'waiting' && waiting.fate.last?.code, 451)
  await bench.clock.advance(2 * HOUR)
  assert.deepEqual(
    bench.smtp.deliveries.map(({ at }) => Math.round((at - start) / MINUTE)),
    [0, 5, 15, 35],
  )
  assert.equal(await bench.spool.show(id), undefined)
  assert.equal(bench.reporter.composed.length, 0)
  await bench.queue.stop()
})

test('mail that cannot be delivered in its lifetime is warned about once and then given up with the last answer', async () => {
  const bench = queueBench({ smtp: { say: ({ address }) => (address.domain === 'far.example' ? 452 : 250) } })
  await bench.queue.start()
  const id = await bench.put(['full@far.example'])
  await bench.clock.advance(4 * HOUR + MINUTE)
  assert.deepEqual(
    bench.reporter.composed.map((one) => one.recipients.map((r) => r.event)),
    [['delayed']],
  )
  await bench.clock.advance(5 * 24 * HOUR)
  assert.equal(await bench.spool.show(id), undefined)
  assert.equal(bench.reporter.composed.length, 2)
  const failed = bench.reporter.composed[1]?.recipients[0]
  assert.equal(failed?.event, 'failed')
  assert.equal(failed?.last.code, 452)
  assert.equal(failed?.last.status, '4.0.0')
  const last = bench.smtp.deliveries.filter((one) => one.id === id).at(-1)
  assert.equal(last?.at, 1_767_225_600_000 + 5 * 24 * HOUR, 'the last attempt is made when time is up')
  await bench.queue.stop()
})

test('no delay is reported when the warning is off, and reports have a lifetime of their own', async () => {
  const settings = { delayWarning: Number.POSITIVE_INFINITY, bounceLifetime: HOUR }
  const bench = queueBench({ smtp: { say: () => 452 }, settings })
  await bench.queue.start()
  const id = await bench.put(['full@far.example'])
  const bounce = await bench.put(['full@far.example'], { sender: null })
  await bench.clock.advance(HOUR + 1000)
  assert.equal(await bench.spool.show(bounce), undefined)
  await bench.clock.advance(24 * HOUR)
  assert.deepEqual(await bench.fates(id), ['full@far.example: waiting'])
  assert.equal(bench.reporter.composed.length, 0)
  await bench.queue.stop()
})

test('milestones: one warns, the other forbids another attempt', async () => {
  const bench = queueBench({ smtp: { say: ({ address }) => (address.domain === 'far.example' ? 451 : 250) } })
  await bench.queue.start()
  const now = bench.clock.now()
  const id = await bench.put(['late@far.example'], {
    schedule: {
      milestones: [
        { at: now + 7 * MINUTE, do: 'warn', status: '4.4.7' },
        { at: now + 12 * MINUTE, do: 'fail', status: '5.4.7' },
      ],
    },
  })
  await bench.clock.advance(11 * MINUTE)
  assert.deepEqual(
    bench.reporter.composed.flatMap((one) => one.recipients.map((r) => `${r.event} ${r.last.status}`)),
    ['delayed 4.4.7'],
  )
  await bench.clock.advance(MINUTE + 1000)
  const tried = bench.smtp.deliveries.filter((one) => one.id === id).map(({ at }) => Math.round((at - now) / MINUTE))
  assert.deepEqual(tried, [0, 5, 7], 'not at twelve')
  const failed = bench.reporter.composed[1]?.recipients[0]
  assert.equal(`${failed?.event} ${failed?.last.status}`, 'failed 5.4.7')
  assert.match(failed?.last.lines.join(' ') ?? '', /The last answer was: 451 4\.0\.0 So it is/)
  await bench.queue.stop()
})

test('mail that was to wait waits, and its lifetime begins when it may go', async () => {
  const bench = queueBench({ smtp: { say: () => 451 }, settings: { lifetime: HOUR } })
  await bench.queue.start()
  const notBefore = bench.clock.now() + 10 * HOUR
  const id = await bench.put(['later@far.example'], { schedule: { notBefore } })
  await bench.clock.advance(9 * HOUR)
  assert.equal(bench.smtp.deliveries.length, 0)
  await bench.clock.advance(HOUR + 1000)
  assert.equal(bench.smtp.deliveries.length, 1)
  assert.deepEqual(await bench.fates(id), ['later@far.example: waiting'])
  await bench.queue.stop()
})

test('what our own configuration is to blame for is parked, and nobody is told', async () => {
  const bench = queueBench({
    entries: {
      'broken@ours.example': new Misconfigured('/etc/aliases cannot be read'),
      'strange@ours.example': { lane: 'carrier-pigeon/loft' },
    },
    smtp: {
      deliver: async () => {
        throw new Misconfigured('No certificate')
      },
    },
  })
  await bench.queue.start()
  const id = await bench.put(['broken@ours.example', 'strange@ours.example', 'x@far.example'])
  await bench.clock.advance(10)
  const why = (await bench.recipients(id)).map(({ address, fate }) => [address.local, fate.is === 'parked' && fate.why])
  assert.deepEqual(why, [
    ['broken', '/etc/aliases cannot be read'],
    ['strange', 'There is no transport named carrier-pigeon'],
    ['x', 'No certificate'],
  ])
  assert.equal(bench.reporter.composed.length, 0)
  assert.equal(bench.queue.counters.parked, 3)
  await bench.queue.stop()
})

test('an address that nobody has any more fails with that reply, and one that cannot be looked up waits', async () => {
  const bench = queueBench({
    entries: {
      'gone@ours.example': reply(550, '5.1.1', 'No such user'),
      'dns@far.example': new Error('SERVFAIL'),
      'busy@ours.example': reply(450, '4.2.1', 'Not now'),
    },
  })
  await bench.queue.start()
  const id = await bench.put(['gone@ours.example', 'dns@far.example', 'busy@ours.example'])
  await bench.clock.advance(1000)
  assert.deepEqual(await bench.fates(id), [
    'busy@ours.example: waiting',
    'dns@far.example: waiting',
    'gone@ours.example: failed',
  ])
  assert.deepEqual(bench.reporter.composed[0]?.recipients[0]?.last.lines, ['No such user'])
  bench.resolver.table.clear()
  await bench.clock.advance(10 * MINUTE)
  assert.equal(await bench.spool.show(id), undefined)
  await bench.queue.stop()
})

test('mail follows when the address goes elsewhere by now', async () => {
  const bench = queueBench()
  const id = await bench.put([recipient('moved@ours.example', { lane: 'smtp/old.example' })])
  await bench.queue.start()
  await bench.clock.advance(10)
  assert.deepEqual(bench.local.delivered, ['moved@ours.example'])
  assert.equal(bench.smtp.deliveries.length, 0)
  assert.equal(await bench.spool.show(id), undefined)
  await bench.queue.stop()
})

test('what an operator returns is given up with his words', async () => {
  const bench = queueBench({ smtp: { say: () => 451 } })
  await bench.queue.start()
  const id = await bench.put(['x@far.example'])
  await bench.clock.advance(1000)
  await bench.spool.operate({ do: 'bounce', match: { id }, now: bench.clock.now(), why: 'Not wanted here' })
  await bench.clock.advance(1000)
  assert.equal(bench.smtp.deliveries.filter((one) => one.id === id).length, 1)
  assert.deepEqual(bench.reporter.composed[0]?.recipients[0]?.last.lines, ['Not wanted here'])
  await bench.queue.stop()
})

test('mail that its sender wished to be sent later is not sent earlier by a retry, nor by undoing what was done to it', async () => {
  const bench = queueBench()
  await bench.queue.start()
  const start = bench.clock.now()
  const id = await bench.put(['bob@far.example', 'cat@far.example'], { schedule: { notBefore: start + HOUR } })
  for (const what of ['retry', 'park', 'unpark', 'hold', 'release'] as const) {
    await bench.spool.operate({ do: what, match: { id }, now: bench.clock.now() })
    bench.queue.kick()
    await bench.clock.advance(MINUTE)
  }
  assert.equal(bench.smtp.deliveries.length, 0)
  const bounced = { do: 'bounce', match: { recipient: 'cat@far.example' }, now: bench.clock.now() } as const
  await bench.spool.operate(bounced)
  await bench.clock.advance(MINUTE)
  assert.deepEqual(
    (await bench.recipients(id)).map(({ fate }) => ('due' in fate ? fate.due - start : fate.is)),
    [HOUR, 'failed'],
  )
  await bench.clock.advance(HOUR)
  assert.deepEqual(
    bench.smtp.deliveries.filter((one) => one.id === id).map(({ at, to }) => `${to} ${at - start}`),
    [`bob@far.example ${HOUR}`],
  )
  await bench.queue.stop()
})

test('of what is claimed for a destination the most urgent goes first, in the order in which it came', async () => {
  const open = Promise.withResolvers<number>()
  const bench = queueBench({
    smtp: {
      limits: { perDestination: 2 },
      say: ({ address }) => (address.local.startsWith('at') ? open.promise : 250),
    },
  })
  await bench.queue.start()
  for (const [name, priority] of [
    ['at-once', 0],
    ['at-once-too', 0],
    ['low', -4],
    ['high', 4],
  ] as const) {
    await bench.put([`${name}@far.example`], { schedule: { priority } })
    await bench.clock.advance(10)
  }
  open.resolve(250)
  await bench.clock.advance(1000)
  assert.deepEqual(bench.smtp.delivered.slice(-2), ['high@far.example', 'low@far.example'])
  await bench.queue.stop()
})

test('mail that is to be tried more often, and not as long, is', async () => {
  const bench = queueBench({ smtp: { say: ({ address }) => (address.domain === 'far.example' ? 451 : 250) } })
  await bench.queue.start()
  const start = bench.clock.now()
  const schedule = { retry: { first: MINUTE, most: 2 * MINUTE }, lifetime: 6 * MINUTE }
  await bench.put(['busy@far.example'], { schedule })
  await bench.clock.advance(HOUR)
  const tried = bench.smtp.deliveries.filter(({ to }) => to.includes('busy@far.example'))
  assert.deepEqual(
    tried.map(({ at }) => Math.round((at - start) / MINUTE)),
    [0, 1, 3, 5, 6],
  )
  assert.deepEqual(
    bench.reporter.composed.map((one) => one.recipients.map((r) => r.event)),
    [['failed']],
  )
  await bench.queue.stop()
})
