import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Promised } from './contract.ts'
import { BODY, claimOne, delivered, type HandClock, octets, recordOf, settleAll } from './contract-fixtures.ts'
import { memorySpool } from './memory.ts'
import { type AboutPartial, type Found, type PartialBody, PER_OPENING } from './partials.ts'
import { LeaseLost, type Spool, SpoolError } from './spool.ts'

const HOUR = 3_600_000
const MIB = 1024 * 1024
const NAME = '192.0.2.1 client.example <aB1@client.example>'

const is =
  (kind: SpoolError['kind']) =>
  (error: unknown): boolean =>
    error instanceof SpoolError && error.kind === kind

const begin = (spool: Spool, clock: HandClock, more: Partial<AboutPartial> = {}, name = NAME): Promise<PartialBody> =>
  spool.partials.begin(name, { note: 'envelope', expires: clock.now() + HOUR, owner: 'ann', most: MIB, ...more })

const opened = (found: Found | undefined): PartialBody => {
  assert.ok(found?.is === 'partial', `found ${JSON.stringify(found)}`)
  return found.partial
}

const find = async (spool: Spool, clock: HandClock, name = NAME): Promise<PartialBody> =>
  opened(await spool.partials.find(name, clock.now()))

const isGone = async (spool: Spool, clock: HandClock, name = NAME): Promise<void> =>
  assert.equal(await spool.partials.find(name, clock.now()), undefined)

/** A partial that holds so many octets, and is closed. */
const keep = async (
  spool: Spool,
  clock: HandClock,
  size: number,
  name = NAME,
  more: Partial<AboutPartial> = {},
): Promise<void> => {
  const partial = await begin(spool, clock, more, name)
  await partial.write(Buffer.alloc(size, name))
  await partial.sync()
  await partial.close()
}

export const partials: Promised = {
  'what was synced is found by its name, and goes on from there': async (spool, clock) => {
    const written: Buffer[] = []
    const note = '{"sender":"ä\u0000"}'
    let partial = await begin(spool, clock, { note })
    assert.deepEqual([partial.name, partial.note, partial.offset], [NAME, note, 0])
    for (const sizes of [[10], [0], [70_000, 1, 200_000], [], [5, 5, 65_536]]) {
      for (const size of sizes) {
        const part = randomBytes(size)
        await partial.write(part)
        written.push(part)
      }
      const body = Buffer.concat(written)
      assert.equal(await partial.sync(), body.length)
      assert.equal(partial.offset, body.length)
      assert.deepEqual(await octets(partial.body()), body)
      await partial.close()
      partial = await find(spool, clock)
      assert.deepEqual([partial.name, partial.note, partial.offset], [NAME, note, body.length])
      assert.deepEqual(await octets(partial.body()), body)
    }
    await isGone(spool, clock, NAME.toUpperCase())
    assert.deepEqual(await spool.counts(), { messages: 0, waiting: 0, held: 0, parked: 0 })
  },

  'what was not synced does not count': async (spool, clock) => {
    const first = await begin(spool, clock)
    await first.write(Buffer.from('abc'))
    assert.equal(first.offset, 0)
    assert.equal((await octets(first.body())).length, 0)
    await first.sync()
    await first.write(Buffer.alloc(100_000, 'x'))
    assert.equal(first.offset, 3)
    assert.equal((await octets(first.body())).toString(), 'abc')
    await first.close()

    const second = await find(spool, clock)
    assert.equal(second.offset, 3)
    await second.write(Buffer.from('def'))
    assert.equal(await second.sync(), 6)
    assert.equal((await octets(second.body())).toString(), 'abcdef')
  },

  'what was written stays as it was, whatever becomes of the chunk': async (spool, clock) => {
    const partial = await begin(spool, clock)
    const chunk = Buffer.alloc(30_000)
    for (let i = 0; i < 8; i++) {
      chunk.fill(i)
      await partial.write(chunk)
    }
    chunk.fill(255)
    await partial.sync()
    const body = await octets(partial.body())
    for (let i = 0; i < 8; i++) assert.ok(body.subarray(i * 30_000, (i + 1) * 30_000).every((octet) => octet === i))
  },

  'syncs and writes may be under way together': async (spool, clock) => {
    const partial = await begin(spool, clock)
    const parts = Array.from({ length: 20 }, (_, i) => Buffer.alloc(1 + i * 900, i))
    const syncs = parts.map((part) => {
      void partial.write(part)
      return partial.sync()
    })
    let sum = 0
    const offsets = await Promise.all(syncs)
    for (const [i, { length }] of parts.entries()) {
      sum += length
      assert.ok((offsets[i] ?? 0) >= sum)
    }
    assert.equal(partial.offset, sum)
    assert.deepEqual(await octets((await find(spool, clock)).body()), Buffer.concat(parts))
  },

  'whoever finds it has it, and who had it has lost it': async (spool, clock) => {
    const first = await begin(spool, clock)
    await first.write(Buffer.from('one '))
    await first.sync()
    const second = await find(spool, clock)
    const third = await find(spool, clock)
    for (const [i, lost] of [first, second].entries()) {
      await assert.rejects(async () => {
        await lost.write(Buffer.from(`lost ${i}`))
        await lost.sync()
      }, LeaseLost)
      await assert.rejects(lost.complete('M', clock.now() + HOUR), LeaseLost)
      const draft = spool.open()
      await draft.write(BODY)
      const completes = { partial: lost, until: clock.now() + HOUR }
      await assert.rejects(draft.commit(recordOf(clock, BODY.length, { completes })), LeaseLost)
      await draft.abort()
      await lost.drop()
      await lost.close()
    }
    assert.equal((await spool.counts()).messages, 0)
    await third.write(Buffer.from('three'))
    assert.equal(await third.sync(), 9)
    assert.equal((await octets((await find(spool, clock)).body())).toString(), 'one three')
  },

  'a new one takes the place of what had its name': async (spool, clock) => {
    const first = await begin(spool, clock)
    await first.write(Buffer.from('first'))
    await first.sync()
    const second = await begin(spool, clock, { note: 'second' })
    assert.equal(second.offset, 0)
    await assert.rejects(async () => {
      await first.write(Buffer.from('first'))
      await first.sync()
    }, LeaseLost)
    await first.drop()
    const found = await find(spool, clock)
    assert.deepEqual([found.note, found.offset], ['second', 0])
    await found.complete('M1', clock.now() + HOUR)
    await begin(spool, clock, { note: 'third' })
    assert.equal((await find(spool, clock)).note, 'third')
  },

  'names, and what they hold, do not mix': async (spool, clock) => {
    const names = ['a', 'A', 'a ', '', "'; --", '../../x', 'ü\u0000', 'ü']
    await Promise.all(names.map((name, i) => keep(spool, clock, i + 1, `n${name}`, { note: name })))
    for (const [i, name] of names.entries()) {
      const found = await find(spool, clock, `n${name}`)
      assert.equal(found.note, name)
      assert.deepEqual(await octets(found.body()), Buffer.alloc(i + 1, `n${name}`))
    }
  },

  'one that is dropped is gone, and one that is over takes no more': async (spool, clock) => {
    const one = await begin(spool, clock)
    await one.write(BODY)
    await one.sync()
    await one.drop()
    await isGone(spool, clock)
    const two = await begin(spool, clock)
    await two.close()
    await two.close()
    for (const over of [one, two]) {
      await assert.rejects(async () => over.write(BODY), is('invalid'))
      await assert.rejects(over.sync(), is('invalid'))
      await assert.rejects(over.complete('M', clock.now() + HOUR), is('invalid'))
      await assert.rejects(octets(over.body()), is('invalid'))
    }
    await find(spool, clock)
    await spool.partials.drop(NAME)
    await spool.partials.drop(NAME)
    await isGone(spool, clock)
  },

  'one that is complete is told with the message it became, until its time': async (spool, clock) => {
    const partial = await begin(spool, clock)
    await partial.write(BODY)
    await partial.sync()
    await partial.write(BODY)
    await partial.complete('M1', clock.now() + 2 * HOUR)
    await assert.rejects(async () => partial.write(BODY), is('invalid'))
    const told = { is: 'complete', id: 'M1', octets: 2 * BODY.length, note: '' }
    clock.pass(2 * HOUR - 1)
    await spool.sweep(clock.now())
    assert.deepEqual(await spool.partials.find(NAME, clock.now()), told)
    assert.deepEqual(await spool.partials.find(NAME, clock.now()), told)
    clock.pass(1)
    await isGone(spool, clock)

    const other = await begin(spool, clock)
    await other.complete('M2', clock.now() + HOUR, 77)
    assert.deepEqual(await spool.partials.find(NAME, clock.now()), { is: 'complete', id: 'M2', octets: 77, note: '' })
    await spool.partials.drop(NAME)
    await isGone(spool, clock)
  },

  'a message completes its partial, with the commit or not at all': async (spool, clock) => {
    const partial = await begin(spool, clock)
    await partial.write(BODY)
    const draft = spool.open()
    await draft.write(BODY)
    const completes = { partial, until: clock.now() + HOUR, note: 'what was said' }
    await assert.rejects(draft.commit(recordOf(clock, BODY.length, { completes, recipients: [] })), is('invalid'))
    assert.equal(await partial.sync(), BODY.length)
    await draft.commit(recordOf(clock, BODY.length, { completes }))
    const told = { is: 'complete', id: draft.id, octets: BODY.length, note: 'what was said' }
    assert.deepEqual(await spool.partials.find(NAME, clock.now()), told)
    await assert.rejects(partial.sync(), is('invalid'))

    await settleAll(spool, clock, await claimOne(spool, clock), delivered(clock))
    assert.equal(await spool.show(draft.id), undefined)
    assert.deepEqual(await spool.partials.find(NAME, clock.now()), told)

    const again = spool.open()
    await again.write(BODY)
    await assert.rejects(again.commit(recordOf(clock, BODY.length, { completes })), is('invalid'))
    assert.equal((await spool.counts()).messages, 0)
  },

  'what became of one is forgotten, and one that is under way is not': async (spool, clock) => {
    const partial = await begin(spool, clock)
    await spool.partials.forget(NAME)
    await partial.write(BODY)
    assert.equal(await partial.sync(), BODY.length)
    await partial.complete('M1', clock.now() + HOUR)
    assert.equal((await spool.partials.find(NAME, clock.now()))?.is, 'complete')
    await spool.partials.forget(NAME)
    await spool.partials.forget(NAME)
    await isGone(spool, clock)
  },

  'an owner has so many at most, and those that are complete are not counted': async (spool, clock) => {
    const mostPartials = 2
    await begin(spool, clock, { mostPartials }, 'one')
    const two = await begin(spool, clock, { mostPartials }, 'two')
    await assert.rejects(begin(spool, clock, { mostPartials }, 'three'), is('full'))
    await isGone(spool, clock, 'three')
    await begin(spool, clock, { mostPartials, owner: 'bob' }, 'bobs')
    await begin(spool, clock, { mostPartials }, 'one')
    await two.complete('M', clock.now() + HOUR)
    await begin(spool, clock, { mostPartials }, 'three')
    await assert.rejects(begin(spool, clock, { mostPartials }, 'two'), is('full'))
    assert.equal((await spool.partials.find('two', clock.now()))?.is, 'complete')
  },

  'all owners have so much room together': async (spool, clock) => {
    const mostOfAll = 3 * PER_OPENING
    const note = ''
    const one = await begin(spool, clock, { mostOfAll, note }, 'one')
    const two = await begin(spool, clock, { mostOfAll, note, owner: 'bob' }, 'two')
    await assert.rejects(async () => one.write(Buffer.alloc(2 * PER_OPENING + 1)), is('full'))
    await one.write(Buffer.alloc(PER_OPENING - 10))
    await one.sync()
    await two.write(Buffer.alloc(11))
    await assert.rejects(two.sync(), is('full'))
    await assert.rejects(begin(spool, clock, { mostOfAll, note, owner: 'eve' }, 'three'), is('full'))
    const found = await spool.partials.find('one', clock.now(), mostOfAll)
    assert.ok(found?.is === 'partial')
    // Its opening is paid for when it stores something.
    await found.partial.close()
    await two.drop()
    const again = opened(await spool.partials.find('one', clock.now(), 2 * PER_OPENING + 5))
    await assert.rejects(async () => again.write(Buffer.alloc(PER_OPENING)), is('full'))
    await opened(await spool.partials.find('one', clock.now())).write(Buffer.alloc(PER_OPENING))
  },

  'what has expired is not found, and is swept': async (spool, clock) => {
    await keep(spool, clock, 10, 'early')
    const open = await begin(spool, clock, {}, 'open')
    await keep(spool, clock, 10, 'late', { expires: clock.now() + HOUR + 1 })
    clock.pass(HOUR - 1)
    await spool.sweep(clock.now())
    await (await find(spool, clock, 'early')).close()
    clock.pass(1)
    await isGone(spool, clock, 'early')
    await spool.sweep(clock.now())
    await isGone(spool, clock, 'early')
    assert.equal((await octets((await find(spool, clock, 'late')).body())).length, 10)
    await assert.rejects(async () => {
      await open.write(BODY)
      await open.sync()
    }, LeaseLost)
  },

  'an owner has so much room, and another one their own': async (spool, clock) => {
    const most = 3 * PER_OPENING
    const note = 'n'.repeat(96)
    const first = await begin(spool, clock, { most, note }, 'first')
    const free = most - PER_OPENING - 96
    await assert.rejects(async () => first.write(Buffer.alloc(free + 1)), is('full'))
    await first.write(Buffer.alloc(free - 10))
    await assert.rejects(async () => first.write(Buffer.alloc(11)), is('full'))
    assert.equal(await first.sync(), free - 10, 'what fitted is kept')
    await assert.rejects(async () => first.write(Buffer.alloc(11)), is('full'))
    await first.write(Buffer.alloc(10))
    assert.equal(await first.sync(), free)

    await assert.rejects(begin(spool, clock, { most, note: '' }, 'second'), is('full'))
    await isGone(spool, clock, 'second')
    await begin(spool, clock, { most, owner: 'bob' }, 'third')
    await first.drop()
    await begin(spool, clock, { most }, 'second')
  },

  'room that others took meanwhile is missed by the sync, and found when they go': async (spool, clock) => {
    const most = 4 * PER_OPENING
    const one = await begin(spool, clock, { most, note: '' }, 'one')
    const two = await begin(spool, clock, { most, note: '' }, 'two')
    await one.write(Buffer.alloc(2 * PER_OPENING, 1))
    await two.write(Buffer.alloc(1, 2))
    await two.sync()
    await assert.rejects(one.sync(), is('full'))
    assert.equal(one.offset, 0)
    await two.complete('M', clock.now() + HOUR)
    assert.equal(await one.sync(), 2 * PER_OPENING)
    assert.deepEqual(await octets(one.body()), Buffer.alloc(2 * PER_OPENING, 1))
  },

  'a new one without room leaves the old one as it was': async (spool, clock) => {
    await keep(spool, clock, 10)
    await assert.rejects(begin(spool, clock, { most: PER_OPENING }), is('full'))
    const kept = await find(spool, clock)
    assert.deepEqual([kept.note, kept.offset], ['envelope', 10])
  },

  'its own room is free for what takes its place, and openings that store something take some': async (
    spool,
    clock,
  ) => {
    const most = 3 * PER_OPENING
    let partial = await begin(spool, clock, { most, note: '' })
    await partial.write(Buffer.alloc(2 * PER_OPENING))
    await partial.sync()
    partial = await begin(spool, clock, { most, note: '' })
    for (let i = 0; i < 5; i++) partial = await find(spool, clock)
    await partial.write(Buffer.of(1))
    await partial.sync()
    partial = await find(spool, clock)
    await partial.write(Buffer.of(2))
    await partial.sync()
    partial = await find(spool, clock)
    await assert.rejects(async () => partial.write(Buffer.of(3)), is('full'))
    assert.deepEqual(await octets(partial.body()), Buffer.of(1, 2))
  },

  'a partial of another spool is refused': async (spool, clock) => {
    await begin(spool, clock)
    const partial = await begin(memorySpool({ clock }), clock)
    const draft = spool.open()
    await draft.write(BODY)
    const completes = { partial, until: clock.now() + HOUR }
    await assert.rejects(draft.commit(recordOf(clock, BODY.length, { completes })), is('invalid'))
    assert.equal((await spool.counts()).messages, 0)
  },
}
