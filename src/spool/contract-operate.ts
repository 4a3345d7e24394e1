import assert from 'node:assert/strict'
import type { Promised } from './contract.ts'
import { claimOne, claimWith, names, octets, put, said, to } from './contract-fixtures.ts'
import type { ListMatch, Operation, Spool } from './spool.ts'

const fates = async (spool: Spool, id: string): Promise<unknown[]> =>
  ((await spool.show(id))?.recipients ?? []).map(({ address, fate }) => `${address.local} ${fate.is}`).sort()

export const operating: Promised = {
  'hold and release keep the due time': async (spool, clock) => {
    const due = clock.now() + 100
    const { id } = await put(spool, clock, { recipients: [to('a@x', { due }), to('b@y', { due })] })
    const operate = (what: Operation['do'], match: ListMatch) => spool.operate({ do: what, match, now: clock.now() })
    assert.equal(await operate('hold', { domain: 'X' }), 1)
    assert.equal(await operate('hold', { domain: 'x' }), 0)
    assert.deepEqual(await fates(spool, id), ['a held', 'b waiting'])
    assert.deepEqual(await spool.counts(), { messages: 1, waiting: 1, held: 1, parked: 0 })
    clock.pass(100)
    assert.deepEqual(names((await claimOne(spool, clock)).recipients), ['b@y'])
    assert.equal(await operate('release', { id }), 1)
    assert.deepEqual((await spool.show(id))?.recipients[0]?.fate, { is: 'waiting', due })
    assert.deepEqual(names((await claimOne(spool, clock)).recipients), ['a@x'])
  },

  'what its schedule keeps for later is held until then, or until it is released by its name': async (spool, clock) => {
    const now = clock.now()
    const schedule = { notBefore: now + 1000 }
    const { id } = await put(spool, clock, { recipients: [to('a@x'), to('b@x'), to('c@y')], schedule })
    const other = await put(spool, clock, { recipients: [to('d@x')], schedule })
    await put(spool, clock, { recipients: [to('e@x')], schedule: { notBefore: now } })
    const operate = (what: Operation['do'], match: ListMatch) => spool.operate({ do: what, match, now: clock.now() })
    const listed = async (match: ListMatch) => (await spool.list({ most: 9, match })).map((one) => one.id)
    assert.deepEqual(await spool.counts(), { messages: 3, waiting: 1, held: 4, parked: 0 })
    assert.deepEqual(await listed({ fate: 'held' }), [id, other.id])
    assert.deepEqual(await listed({ fate: 'held', domain: 'y' }), [id])
    assert.deepEqual(await listed({ fate: 'held', sender: '' }), [])
    assert.equal((await listed({ fate: 'waiting' })).length, 1)
    assert.equal(await operate('retry', { domain: 'x' }), 1)
    assert.equal(await operate('retry', { id }), 0)
    assert.equal(await operate('hold', { recipient: 'b@x' }), 1)
    assert.equal(await operate('park', { recipient: 'c@y' }), 1)
    assert.equal(await operate('release', {}), 1)
    assert.equal(await operate('release', { id, domain: 'x' }), 0)
    assert.deepEqual(names((await claimOne(spool, clock)).recipients), ['e@x'])
    assert.equal(await operate('hold', { recipient: 'b@x' }), 1)
    // Who undoes a hold does not mean more.
    assert.equal(await operate('release', { id }), 1)
    assert.deepEqual((await spool.show(id))?.schedule, schedule)
    assert.equal(await operate('release', { id }), 2)
    assert.equal(await operate('release', { id }), 0)
    assert.deepEqual((await spool.show(id))?.schedule, { notBefore: now })
    assert.deepEqual(await spool.counts(), { messages: 3, waiting: 3, held: 1, parked: 1 })
    assert.deepEqual(names((await claimOne(spool, clock)).recipients).sort(), ['a@x', 'b@x'])
    clock.pass(1000)
    assert.deepEqual(await listed({ fate: 'held' }), [])
    assert.deepEqual(await spool.counts(), { messages: 3, waiting: 4, held: 0, parked: 1 })
    assert.deepEqual(names((await claimOne(spool, clock)).recipients), ['d@x'])
  },

  'retry makes due what waits': async (spool, clock) => {
    const { id } = await put(spool, clock, { recipients: [to('a@x'), to('b@x')] })
    const last = said(450, clock)
    const due = clock.now() + 9000
    await spool.settle(await claimOne(spool, clock), {
      now: clock.now(),
      changes: [
        { of: 0, fate: { is: 'waiting', due, last } },
        { of: 1, fate: { is: 'held', due } },
      ],
    })
    assert.equal(await spool.operate({ do: 'retry', match: {}, now: clock.now() }), 1)
    const claim = await claimOne(spool, clock)
    assert.deepEqual(
      claim.recipients.map(({ fate }) => fate),
      [{ is: 'waiting', due: clock.now(), last }],
    )
    assert.equal((await spool.show(id))?.recipients.length, 2)
  },

  'what is parked stays until it is unparked': async (spool, clock) => {
    const { id } = await put(spool, clock)
    assert.equal(await spool.operate({ do: 'park', match: { id }, now: clock.now(), why: 'mending' }), 1)
    assert.equal(await spool.operate({ do: 'park', match: { id }, now: clock.now() + 5, why: 'again' }), 0)
    assert.deepEqual((await spool.show(id))?.recipients[0]?.fate, { is: 'parked', why: 'mending', at: clock.now() })
    clock.pass(1_000_000)
    assert.deepEqual(await claimWith(spool, clock), [])
    assert.equal(await spool.nextDue(), undefined)
    for (const what of ['retry', 'hold', 'release'] as const)
      assert.equal(await spool.operate({ do: what, match: {}, now: clock.now() }), 0)
    assert.equal(await spool.operate({ do: 'unpark', match: { fate: 'parked' }, now: clock.now() }), 1)
    assert.deepEqual((await claimOne(spool, clock)).recipients[0]?.fate, { is: 'waiting', due: clock.now() })
  },

  'what is bounced is due, with our last word on it': async (spool, clock) => {
    await put(spool, clock, { recipients: [to('a@x', { due: clock.now() + 500 }), to('b@x')] })
    await spool.operate({ do: 'hold', match: { recipient: 'a@x' }, now: clock.now() })
    await spool.operate({ do: 'park', match: { recipient: 'b@x' }, now: clock.now() })
    assert.equal(await spool.operate({ do: 'bounce', match: {}, now: clock.now(), why: 'Not wanted' }), 2)
    const claim = await claimOne(spool, clock)
    assert.equal(claim.recipients.length, 2)
    for (const { fate } of claim.recipients) {
      assert.ok(fate.is === 'waiting' && fate.last)
      assert.ok(fate.last.code >= 500 && fate.last.by === 'us')
      assert.deepEqual(fate.last.lines, ['Not wanted'])
    }
  },

  'what is deleted is gone, its history remains': async (spool, clock) => {
    const { id } = await put(spool, clock, { recipients: [to('a@x'), to('b@x')] }, Buffer.alloc(200_000, 1))
    assert.equal(await spool.operate({ do: 'delete', match: { recipient: 'a@x' }, now: clock.now(), why: 'spam' }), 1)
    assert.deepEqual(await fates(spool, id), ['b waiting'])
    await octets(await spool.read(id))
    assert.equal(await spool.operate({ do: 'delete', match: { recipient: 'b@x' }, now: clock.now() }), 1)
    assert.equal(await spool.show(id), undefined)
    assert.equal(await spool.read(id), undefined)
    const texts = (await spool.trace(id)).map(({ text }) => text)
    assert.deepEqual(texts, ['delete: 1 recipient (spam)', 'delete: 1 recipient'])
    assert.deepEqual(await spool.counts(), { messages: 0, waiting: 0, held: 0, parked: 0 })
  },

  'a match must fit in all it says': async (spool, clock) => {
    const put2 = async (sender: string | null, ...recipients: string[]) => {
      const [local = '', domain = ''] = sender?.split('@') ?? []
      return put(spool, clock, {
        sender: sender === null ? null : { local, domain },
        recipients: recipients.map((r) => to(r)),
      })
    }
    const one = await put2('Ann@Example.org', 'a@X.example', 'b@y.example')
    const two = await put2('ann@example.org', 'a@x.example')
    const three = await put2(null, 'A@x.example', 'c@z.example')
    await spool.operate({ do: 'park', match: { recipient: 'b@y.example' }, now: clock.now() })
    const met = async (match: ListMatch) => {
      const listed = (await spool.list({ most: 100, match })).map(({ id }) => id)
      return [one, two, three].flatMap(({ id }, i) => (listed.includes(id) ? [i + 1] : []))
    }
    assert.deepEqual(await met({}), [1, 2, 3])
    assert.deepEqual(await met({ id: two.id }), [2])
    assert.deepEqual(await met({ id: 'nothing' }), [])
    assert.deepEqual(await met({ sender: 'Ann@EXAMPLE.ORG' }), [1])
    assert.deepEqual(await met({ sender: '<ann@example.org>' }), [2])
    assert.deepEqual(await met({ sender: '' }), [3])
    assert.deepEqual(await met({ sender: '<>' }), [3])
    assert.deepEqual(await met({ recipient: 'a@x.EXAMPLE' }), [1, 2])
    assert.deepEqual(await met({ domain: 'X.example' }), [1, 2, 3])
    assert.deepEqual(await met({ domain: 'x.example', fate: 'parked' }), [])
    assert.deepEqual(await met({ fate: 'parked' }), [1])
    assert.deepEqual(await met({ fate: 'waiting', domain: 'z.example' }), [3])
    assert.deepEqual(await met({ sender: 'ann@example.org', recipient: 'A@x.example' }), [])
    assert.deepEqual(await met({ recipient: 'not an address' }), [])
    assert.equal(await spool.operate({ do: 'hold', match: { domain: 'x.example', sender: '' }, now: clock.now() }), 1)
    assert.deepEqual(await met({ fate: 'held' }), [3])
    assert.equal(await spool.operate({ do: 'delete', match: { id: one.id, fate: 'waiting' }, now: clock.now() }), 1)
    assert.deepEqual(await fates(spool, one.id), ['b parked'])
  },

  'recipients under a claim are not met while its lease runs': async (spool, clock) => {
    const { id } = await put(spool, clock, { recipients: [to('a@x', { lane: '1' }), to('b@x', { lane: '2' })] })
    const claim = await claimOne(spool, clock, { only: ['1'] })
    assert.equal(await spool.operate({ do: 'delete', match: { id }, now: clock.now() }), 1)
    assert.deepEqual(await fates(spool, id), ['a waiting'])
    clock.pass(60_000)
    assert.equal(await spool.operate({ do: 'hold', match: { id }, now: clock.now() }), 1)
    await assert.rejects(spool.settle(claim, { now: clock.now(), changes: [] }), { name: 'LeaseLost' })
    assert.deepEqual(await fates(spool, id), ['a held'])
  },

  'what was settled is not met': async (spool, clock) => {
    const { id } = await put(spool, clock, { recipients: [to('a@x'), to('b@x')] })
    const last = said(250, clock)
    await spool.settle(await claimOne(spool, clock), {
      now: clock.now(),
      changes: [
        { of: 0, fate: { is: 'delivered', last } },
        { of: 1, fate: { is: 'held', due: clock.now() } },
      ],
    })
    for (const what of ['hold', 'park', 'unpark', 'bounce', 'delete', 'retry', 'release'] as const)
      assert.equal(await spool.operate({ do: what, match: { recipient: 'a@x' }, now: clock.now() }), 0)
    assert.deepEqual(await fates(spool, id), ['a delivered', 'b held'])
  },

  'an operation wakes whoever waits': async (spool, clock) => {
    await put(spool, clock, { recipients: [to('a@x', { due: clock.now() + 1000 })] })
    assert.deepEqual(await claimWith(spool, clock), [])
    const woken = spool.wake(1_000_000)
    await spool.operate({ do: 'retry', match: {}, now: clock.now() })
    await woken
    await claimOne(spool, clock)
  },
}
