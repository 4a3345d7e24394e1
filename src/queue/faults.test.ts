import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueBench } from '../../test/doubles/queue-bench.ts'
import { diagnosisOf, nameOf } from '../../test/doubles/scripted-transport.ts'
import { type Draft, LeaseLost, type Settlement, type Spool, SpoolError } from '../spool/spool.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A spool of which some methods are other than they were. Methods keep their `this`. */
const altered = (spool: Spool, other: Partial<Spool>): Spool =>
  new Proxy(spool, {
    get(target, name) {
      const value = name in other ? other[name as keyof Spool] : target[name as keyof Spool]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

test('a transport that throws is tried again, its recipients parked in the end, and other mail goes on', async () => {
  const bench = queueBench({
    smtp: {
      say({ address }) {
        if (address.local === 'poison') throw new TypeError('Cannot read properties of undefined')
        return 250
      },
    },
  })
  await bench.queue.start()
  const id = await bench.put(['good@far.example', 'poison@far.example'])
  await bench.clock.advance(10)
  assert.deepEqual(await bench.fates(id), ['good@far.example: delivered', 'poison@far.example: waiting'])
  await bench.put(['other@far.example'])
  await bench.clock.advance(2 * HOUR)
  const [, poison] = await bench.recipients(id)
  assert.equal(poison?.fate.is === 'parked' && poison.fate.why, 'Cannot read properties of undefined')
  assert.equal(bench.smtp.deliveries.filter((one) => one.id === id).length, 5)
  assert.deepEqual(bench.smtp.delivered, ['good@far.example', 'other@far.example'])
  assert.equal(bench.reporter.composed.length, 0)
  assert.match(String(bench.log.named('delivery-fault')[0]?.['error']), /TypeError: Cannot read[\s\S]* at /)
  await bench.queue.stop()
})

test('a fault is never the reason of a report, however little time is left', async () => {
  const bench = queueBench({ smtp: { say: () => undefined }, settings: { lifetime: 7 * MINUTE } })
  await bench.queue.start()
  const id = await bench.put(['x@far.example'])
  await bench.clock.advance(HOUR)
  assert.deepEqual(await bench.fates(id), ['x@far.example: parked'])
  assert.equal(bench.reporter.composed.length, 0)
  await bench.queue.stop()
})

test('first outcomes count; those repeated, late, unheard of or of no class are logged and change nothing', async () => {
  let late = (): void => {}
  const bench = queueBench({
    smtp: {
      async deliver({ recipients }, _, settled) {
        const [a, b] = recipients
        if (a === undefined || b === undefined) return
        settled({ of: a.key, diagnosis: diagnosisOf(250, 0) })
        settled({ of: a.key, diagnosis: diagnosisOf(550, 0) })
        settled({ of: 99, diagnosis: diagnosisOf(550, 0) })
        settled({ of: b.key, diagnosis: diagnosisOf(354, 0) })
        late = () => settled({ of: b.key, diagnosis: diagnosisOf(550, 0) })
      },
    },
  })
  await bench.queue.start()
  const id = await bench.put(['a@far.example', 'b@far.example'])
  await bench.clock.advance(10)
  late()
  assert.deepEqual(await bench.fates(id), ['a@far.example: delivered', 'b@far.example: waiting'])
  assert.deepEqual(
    bench.log.named('strange-outcome').map(({ key, code, late }) => [key, code, late]),
    [
      [0, 550, false],
      [99, 550, false],
      [1, 354, false],
      [1, 550, true],
    ],
  )
  await bench.queue.stop()
})

test('a transport that never answers is stopped, and no longer waited for if it does not stop', async () => {
  const bench = queueBench({
    smtp: {
      deliver: ({ recipients }, _, settled) => {
        const [first] = recipients
        if (first !== undefined) settled({ of: first.key, diagnosis: diagnosisOf(250, 0) })
        return new Promise(() => {})
      },
    },
    settings: { delivery: { limit: 10 * MINUTE, grace: 5000 } },
  })
  await bench.queue.start()
  const id = await bench.put(['a@far.example', 'b@far.example'])
  await bench.clock.advance(10 * MINUTE + 4000)
  assert.equal(bench.queue.status().delivering, 1)
  await bench.clock.advance(1100)
  assert.equal(bench.queue.status().delivering, 0)
  const fates = (await bench.recipients(id)).map(({ fate, reported }) => [fate.is, ...reported])
  assert.deepEqual(fates, [['delivered'], ['waiting', 'fault:1']])
  await bench.queue.stop()
})

test('a delivery that ends the program, and so never ends itself, is a fault each time and parked one day', async () => {
  const bench = queueBench({
    smtp: {
      deliver: ({ recipients }, signal) =>
        new Promise((resolve) => {
          if (recipients[0]?.address.local === 'poison') return
          signal.addEventListener('abort', () => resolve())
        }),
    },
    settings: { delivery: { limit: HOUR, grace: 5000 }, faults: 3 },
  })
  const poison = await bench.put(['poison@far.example'])
  const slow = await bench.put(['slow@elsewhere.example'])
  for (let life = 1; life <= 3; life++) {
    const queue = bench.another({ owner: `life ${life}` })
    await queue.start()
    await bench.clock.advance(10)
    const drained = queue.drain(1000)
    await bench.clock.advance(7000)
    await drained
    await bench.clock.advance(20 * MINUTE)
  }
  assert.deepEqual(await bench.fates(poison), ['poison@far.example: parked'])
  assert.deepEqual(await bench.fates(slow), ['slow@elsewhere.example: waiting'])
  const [one] = await bench.recipients(slow)
  assert.deepEqual(one?.reported, [])
})

test('a claim outlives its lease while a delivery runs', async () => {
  const bench = queueBench({
    smtp: {
      async deliver({ recipients }, _, settled) {
        await new Promise<void>((resolve) => bench.clock.after(HOUR, resolve))
        for (const { key } of recipients) settled({ of: key, diagnosis: diagnosisOf(250, 0) })
      },
    },
    settings: { lease: MINUTE },
  })
  const other = bench.another({ owner: 'another' })
  await bench.queue.start()
  const id = await bench.put(['slow@far.example'])
  await bench.clock.advance(1000)
  await other.start()
  await bench.clock.advance(2 * HOUR)
  assert.equal(bench.smtp.deliveries.length, 1)
  assert.equal(await bench.spool.show(id), undefined)
  await bench.queue.stop()
  await other.stop()
})

test('whoever lost a lease stops, records nothing and goes on with other mail', async () => {
  let stolen: string | undefined
  const bench = queueBench({
    around: (spool) =>
      altered(spool, {
        async renew({ token }) {
          stolen ??= token
          if (token === stolen) throw new LeaseLost('Somebody else has it')
        },
        async settle(claim, settlement) {
          if (claim.token === stolen) throw new LeaseLost('Somebody else has it')
          return spool.settle(claim, settlement)
        },
      }),
    smtp: {
      deliver: ({ recipients }, signal, settled) =>
        new Promise((resolve) => {
          if (recipients[0]?.address.local === 'quick') {
            settled({ of: recipients[0].key, diagnosis: diagnosisOf(250, 0) })
            resolve()
          }
          signal.addEventListener('abort', () => resolve())
        }),
    },
    settings: { lease: MINUTE },
  })
  await bench.queue.start()
  const id = await bench.put(['slow@far.example'])
  await bench.clock.advance(40_000)
  assert.ok(bench.log.named('lease-lost').length > 0)
  assert.equal(bench.queue.status().delivering, 0)
  await bench.put(['quick@far.example'])
  await bench.clock.advance(1000)
  assert.deepEqual(bench.smtp.delivered, ['quick@far.example'])
  assert.deepEqual(await bench.fates(id), ['slow@far.example: waiting'])
  await bench.queue.stop()
})

test('a delivery that runs on without its lease is waited for, not repeated, when its recipients come back', async () => {
  let lost: string | undefined
  const bench = queueBench({
    around: (spool) =>
      altered(spool, {
        async renew(claim, until) {
          lost ??= claim.token
          if (claim.token === lost) throw new LeaseLost('Run out')
          return spool.renew(claim, until)
        },
      }),
    smtp: {
      async deliver({ recipients }, _, settled) {
        await new Promise<void>((resolve) => bench.clock.after(90_000, resolve))
        for (const { key } of recipients) settled({ of: key, diagnosis: diagnosisOf(250, 0) })
      },
    },
    settings: { lease: MINUTE, poll: 1000, delivery: { limit: HOUR, grace: 5 * MINUTE } },
  })
  await bench.queue.start()
  const id = await bench.put(['slow@far.example'])
  await bench.clock.advance(80_000)
  assert.equal(bench.queue.status().delivering, 2, 'claimed again while the first delivery runs')
  await bench.clock.advance(20_000)
  assert.equal(bench.smtp.deliveries.length, 1)
  assert.equal(await bench.spool.show(id), undefined)
  assert.equal(bench.queue.counters.delivered, 1)
  await bench.queue.stop()
})

test('while the spool cannot be written nothing is delivered twice, and nothing is lost', async () => {
  let broken = true
  const drafts: Draft[] = []
  const aborted = new Set<string>()
  const bench = queueBench({
    around: (spool) =>
      altered(spool, {
        open() {
          const draft = spool.open()
          const abort = draft.abort.bind(draft)
          draft.abort = () => {
            aborted.add(draft.id)
            return abort()
          }
          drafts.push(draft)
          return draft
        },
        async settle(claim, settlement) {
          if (broken) throw new SpoolError('full', 'disk full')
          return spool.settle(claim, settlement)
        },
        // As with a lease that cannot be renewed either: the recipients may be claimed again.
        async renew(claim, until) {
          if (broken) throw new SpoolError('full', 'disk full')
          return spool.renew(claim, until)
        },
      }),
    smtp: { say: ({ address }) => (address.local === 'no' ? 550 : 250) },
    settings: { lease: MINUTE },
  })
  await bench.queue.start()
  const id = await bench.put(['yes@far.example', 'no@far.example'])
  for (let minute = 0; minute < 30; minute += 1) {
    bench.queue.kick()
    await bench.clock.advance(MINUTE)
  }
  broken = false
  await bench.clock.advance(MINUTE)
  assert.equal(bench.smtp.delivered.filter((one) => one === 'yes@far.example').length, 1)
  assert.equal(bench.smtp.deliveries.filter((one) => one.id === id).length, 1)
  assert.equal(await bench.spool.show(id), undefined)
  assert.equal(bench.smtp.delivered.filter((one) => one === 'ann@client.example').length, 1, 'one report')
  assert.ok(drafts.length > 10)
  assert.equal(aborted.size, drafts.length - 1, 'nothing is left of reports that were not committed')
  await bench.queue.stop()
})

test('a spool that refuses a settlement leaves the recipients parked, not lost and not served again', async () => {
  const bench = queueBench({
    entries: { 'team@ours.example': ['a@far.example', 'b@far.example'] },
    around: (spool) =>
      altered(spool, {
        async settle(claim, settlement: Settlement) {
          if (settlement.changes.some((one) => 'add' in one)) throw new SpoolError('invalid', 'No such thing')
          return spool.settle(claim, settlement)
        },
      }),
  })
  await bench.queue.start()
  const id = await bench.put(['team@ours.example'])
  await bench.clock.advance(MINUTE)
  const [team] = await bench.recipients(id)
  assert.equal(team?.fate.is === 'parked' && team.fate.why, 'The spool refused what became of it: No such thing')
  await bench.queue.stop()
})

test('a spool that cannot be read is asked again', async () => {
  let failures = 0
  const bench = queueBench({
    around: (spool) =>
      altered(spool, {
        async claim(by) {
          if (failures++ < 5) throw new SpoolError('broken', 'I/O error')
          return spool.claim(by)
        },
      }),
  })
  await bench.queue.start()
  await bench.put(['x@far.example'])
  await bench.clock.advance(MINUTE)
  assert.deepEqual(bench.smtp.delivered, ['x@far.example'])
  assert.equal(bench.log.named('claim-failed').length, 5)
  await bench.queue.stop()
})

test('a report that cannot be written is tried again, and then the failure is parked instead of forgotten', async () => {
  const drafts: Draft[] = []
  const bench = queueBench({
    smtp: { say: ({ address }) => (address.domain === 'far.example' ? 550 : 250) },
    around: (spool) =>
      altered(spool, {
        open() {
          const draft = spool.open()
          drafts.push(draft)
          return draft
        },
      }),
  })
  await bench.queue.start()
  bench.reporter.failures.push(new Error('first'), new Error('second'))
  const lucky = await bench.put(['no@far.example'])
  await bench.clock.advance(1000)
  assert.equal(await bench.spool.show(lucky), undefined)
  assert.equal(bench.reporter.composed.length, 1)

  bench.reporter.failures.push(new Error('first'), new Error('second'), new Error('third'))
  const unlucky = await bench.put(['no@far.example'])
  await bench.clock.advance(1000)
  const [parked] = await bench.recipients(unlucky)
  assert.ok(parked?.fate.is === 'parked')
  assert.match(parked.fate.why, /^The report could not be written: third; the failure: 550 5\.0\.0 So it is/)
  assert.equal((await bench.spool.counts()).messages, 1)
  assert.equal(drafts.length, 6)
  for (const draft of drafts) assert.throws(() => draft.write(new Uint8Array()), /committed|aborted/)
  await bench.queue.stop()
})

test('a report waits for room in the spool as long as it takes', async () => {
  const bench = queueBench({ smtp: { say: ({ address }) => (address.domain === 'far.example' ? 550 : 250) } })
  await bench.queue.start()
  for (let n = 0; n < 8; n += 1) bench.reporter.failures.push(new SpoolError('full', 'disk full'))
  const id = await bench.put(['no@far.example'])
  await bench.clock.advance(5 * MINUTE)
  assert.equal(bench.reporter.composed.length, 1)
  assert.equal(await bench.spool.show(id), undefined)
  await bench.queue.stop()
})

test('the failure of a message that cannot be read for its report is parked in the end', async () => {
  const bench = queueBench({ smtp: { say: () => 550 } })
  await bench.queue.start()
  for (let n = 0; n < 50; n += 1) bench.reporter.failures.push(new SpoolError('broken', 'bodies/x: I/O error'))
  const id = await bench.put(['no@far.example'])
  await bench.clock.advance(MINUTE)
  assert.deepEqual(await bench.fates(id), ['no@far.example: waiting'])
  await bench.clock.advance(5 * MINUTE)
  assert.deepEqual(await bench.fates(id), ['no@far.example: parked'])
  await bench.queue.stop()
})

test('while outcomes cannot be recorded only so many deliveries are begun', async () => {
  let broken = true
  const bench = queueBench({
    around: (spool) =>
      altered(spool, {
        async settle(claim, settlement) {
          if (broken) throw new SpoolError('broken', 'I/O error')
          return spool.settle(claim, settlement)
        },
      }),
    settings: { concurrency: { total: 10, perDestination: 5, initial: 5, resolving: 5 } },
  })
  for (let n = 0; n < 100; n += 1) await bench.put([`u@d${n}.example`])
  await bench.queue.start()
  await bench.clock.advance(HOUR)
  assert.ok(bench.smtp.deliveries.length <= 20, `${bench.smtp.deliveries.length} deliveries`)
  broken = false
  await bench.clock.advance(MINUTE)
  assert.equal(bench.smtp.delivered.length, 100)
  await bench.queue.stop()
})

test('after a crash between delivery and settlement the mail is served again, the one duplicate SMTP cannot avoid', async () => {
  let crashed = false
  const bench = queueBench({
    around: (spool) =>
      altered(spool, {
        settle: (claim, settlement) => (crashed ? new Promise(() => {}) : spool.settle(claim, settlement)),
      }),
    smtp: { say: ({ address }) => (address.local === 'no' ? 550 : 250) },
    settings: { lease: 5 * MINUTE },
  })
  crashed = true
  await bench.queue.start()
  const id = await bench.put(['x@far.example', 'no@far.example'])
  await bench.clock.advance(1000)
  assert.deepEqual(bench.smtp.delivered, ['x@far.example'])
  crashed = false

  // Under the same name the claims of the earlier life are void at once.
  const again = bench.another({ owner: 'queue' })
  await again.start()
  await bench.clock.advance(1000)
  assert.deepEqual(bench.smtp.delivered, ['x@far.example', 'x@far.example', 'ann@client.example'])
  assert.equal(await bench.spool.show(id), undefined)
  assert.equal(again.counters.reports, 1)
  await again.stop()
})

test('mail of a process that died waits for its lease, and then another process takes it', async () => {
  const bench = queueBench({ smtp: { deliver: () => new Promise(() => {}) }, settings: { lease: 5 * MINUTE } })
  const id = await bench.put(['x@far.example'])
  const [claim] = await bench.spool.claim({
    owner: 'dead',
    now: bench.clock.now(),
    leaseUntil: bench.clock.now() + 5 * MINUTE,
    most: 1,
    mostRecipients: 10,
    mostPerLane: 1,
  })
  assert.equal(claim?.message.id, id)
  const settings = { poll: 1000 }
  const other = bench.another({ owner: 'another', settings })
  await other.start()
  await bench.clock.advance(4 * MINUTE)
  assert.equal(bench.smtp.deliveries.length, 0)
  await bench.clock.advance(MINUTE + 2000)
  assert.equal(bench.smtp.deliveries.length, 1)
  const stopped = other.stop()
  await bench.clock.advance(MINUTE)
  await stopped
})

test('a drain lets running deliveries end, begins no other, and gives back what it had not begun', async () => {
  const bench = queueBench({
    smtp: {
      limits: { perDestination: 2 },
      async deliver({ recipients }, _, settled) {
        await new Promise<void>((resolve) => bench.clock.after(10_000, resolve))
        for (const { key } of recipients) settled({ of: key, diagnosis: diagnosisOf(250, 0) })
      },
    },
  })
  await bench.queue.start()
  for (let n = 0; n < 6; n += 1) await bench.put([`u${n}@far.example`])
  await bench.clock.advance(1000)
  let drained = false
  const draining = bench.queue.drain().then(() => {
    drained = true
  })
  await bench.clock.advance(8000)
  assert.equal(drained, false)
  await bench.clock.advance(1500)
  assert.equal(drained, true)
  await draining
  assert.equal(bench.smtp.deliveries.length, 2)
  assert.equal(await bench.spool.nextDue().then((due) => due !== undefined), true, 'the rest is due, not held')
  const next = bench.another({})
  await next.start()
  await bench.clock.advance(HOUR)
  assert.equal(new Set(bench.smtp.deliveries.flatMap((one) => one.to)).size, 6)
  assert.equal(bench.smtp.deliveries.length, 6)
  await next.stop()
})

test('a drain that takes too long stops deliveries; their outcomes so far are kept, the others are nobody’s fault', async () => {
  const bench = queueBench({
    smtp: {
      deliver: ({ recipients }, signal, settled) =>
        new Promise((_, reject) => {
          const first = recipients.find((one) => nameOf(one) === 'a@far.example')
          if (first !== undefined) settled({ of: first.key, diagnosis: diagnosisOf(250, 0) })
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        }),
    },
  })
  await bench.queue.start()
  const id = await bench.put(['a@far.example', 'b@far.example'])
  await bench.clock.advance(1000)
  const draining = bench.queue.drain(5000)
  await bench.clock.advance(5000)
  await draining
  const [a, b] = await bench.recipients(id)
  assert.equal(a?.fate.is, 'delivered')
  assert.deepEqual([b?.fate.is, b?.attempts, b?.reported], ['waiting', 0, []])
  assert.equal(bench.queue.status().delivering, 0)
})

test('a drain ends even if a transport does not', async () => {
  const bench = queueBench({ smtp: { deliver: () => new Promise(() => {}) } })
  await bench.queue.start()
  const id = await bench.put(['a@far.example'])
  await bench.clock.advance(1000)
  const draining = bench.queue.stop()
  await bench.clock.advance(15_000)
  await draining
  assert.deepEqual(await bench.fates(id), ['a@far.example: waiting'])
})

test('a queue that was stopped leaves no alarm behind', async () => {
  const bench = queueBench({ smtp: { say: ({ address }) => (address.local === 'down' ? 'down' : 250) } })
  await bench.queue.start()
  await bench.put(['x@far.example', 'down@dead.example'])
  await bench.clock.advance(1000)
  await bench.queue.stop()
  await bench.spool.close()
  await bench.clock.advance(10)
  assert.equal(bench.clock.pending, 0)
})

test('a clock that was wrong does not stop the queue', async () => {
  const bench = queueBench({ settings: { poll: 1000 } })
  await bench.queue.start()
  await bench.clock.advance(100)
  bench.clock.set(bench.clock.now() - 30 * 24 * HOUR)
  await bench.put(['back@far.example'])
  await bench.clock.advance(2000)
  bench.clock.set(bench.clock.now() + 60 * 24 * HOUR)
  await bench.put(['forth@far.example'])
  await bench.clock.advance(2000)
  assert.deepEqual(bench.smtp.delivered, ['back@far.example', 'forth@far.example'])
  await bench.queue.stop()
})

test('an idle queue looks once per poll and no more', async () => {
  let claims = 0
  const bench = queueBench({
    around: (spool) =>
      altered(spool, {
        async claim(by) {
          claims += 1
          return spool.claim(by)
        },
      }),
    settings: { poll: 1000 },
  })
  await bench.queue.start()
  await bench.clock.advance(100_000)
  assert.ok(claims <= 105, `${claims} claims`)
  claims = 0
  await bench.put(['x@far.example'])
  await bench.clock.advance(10)
  assert.ok(claims <= 4, `${claims} claims`)
  await bench.queue.stop()
})
