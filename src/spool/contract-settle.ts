import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Promised } from './contract.ts'
import {
  all,
  BODY,
  claimOne,
  claimWith,
  delivered,
  forkTo,
  names,
  octets,
  put,
  recordOf,
  said,
  settleAll,
  to,
} from './contract-fixtures.ts'
import { LeaseLost, type Settlement, type Spool, SpoolError } from './spool.ts'

const LARGE = randomBytes(300_000)

/** Everything a settlement could have left behind. */
const everything = async (spool: Spool, id: string) => ({
  counts: await spool.counts(),
  list: await spool.list({ most: 500 }),
  trace: await spool.trace(id),
})

export const settling: Promised = {
  'every fate is recorded, and what has none stays as it was': async (spool, clock) => {
    const now = clock.now()
    const recipients = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((local) => to(`${local}@x`))
    const { id } = await put(spool, clock, { recipients })
    const claim = await claimOne(spool, clock)
    const fates = [
      delivered(clock),
      { is: 'failed', last: said(550, clock) },
      { is: 'waiting', due: now + 100, last: said(450, clock) },
      { is: 'held', due: now + 50 },
      { is: 'parked', why: 'no such driver', at: now },
      { is: 'expanded', last: said(250, clock) },
    ] as const
    const changes = fates.map((fate, of) => ({ of, fate }))
    await spool.settle(claim, { now, changes, history: ['tried', 'and settled'] })
    const shown = await spool.show(id)
    assert.deepEqual(
      shown?.recipients.toSorted((a, b) => a.key - b.key).map(({ fate }) => fate),
      [...fates, { is: 'waiting', due: now }],
    )
    assert.ok(shown?.recipients.every(({ attempts, reported }) => attempts === 0 && reported.length === 0))
    assert.deepEqual(await spool.counts(), { messages: 1, waiting: 2, held: 1, parked: 1 })
    assert.deepEqual(await spool.trace(id), [
      { at: now, text: 'tried' },
      { at: now, text: 'and settled' },
    ])
    assert.deepEqual(names((await claimOne(spool, clock)).recipients), ['g@x'])
    clock.pass(100)
    const again = await claimOne(spool, clock)
    assert.deepEqual(names(again.recipients), ['c@x'])
    assert.deepEqual(again.recipients[0]?.fate, fates[2])
  },

  'attempts are counted and what was reported is not forgotten': async (spool, clock) => {
    await put(spool, clock)
    const fate = { is: 'waiting', due: clock.now() } as const
    const settle = async (more: { attempted?: true; reported?: readonly string[] }) =>
      spool.settle(await claimOne(spool, clock), { now: clock.now(), changes: [{ of: 0, fate, ...more }] })
    await settle({ attempted: true, reported: ['delayed'] })
    await settle({ reported: ['delayed', '4.4.7'] })
    await settle({ attempted: true })
    const [recipient] = (await claimOne(spool, clock)).recipients
    assert.equal(recipient?.attempts, 2)
    assert.deepEqual(recipient?.reported, ['delayed', '4.4.7'])
  },

  'a lane and a fate may change in one settlement': async (spool, clock) => {
    const { id } = await put(spool, clock)
    const claim = await claimOne(spool, clock)
    const due = clock.now() + 10
    const changes = [
      { of: 0, lane: 'smtp/here' },
      { of: 0, fate: { is: 'waiting', due } },
    ] as const
    await spool.settle(claim, { now: clock.now(), changes })
    const one = (await spool.show(id))?.recipients[0]
    assert.deepEqual([one?.lane, one?.fate], ['smtp/here', { is: 'waiting', due }])
  },

  'a message with nobody left to serve is gone, its history remains': async (spool, clock) => {
    for (const body of [BODY, LARGE]) {
      const { id } = await put(spool, clock, { recipients: [to('a@x', { lane: '1' }), to('b@x', { lane: '2' })] }, body)
      const [first, second] = await claimWith(spool, clock)
      assert.ok(first && second)
      await settleAll(spool, clock, first)
      assert.equal((await spool.show(id))?.recipients.length, 2)
      assert.equal((await octets(await spool.read(id))).length, first.message.octets)
      await spool.settle(second, { now: clock.now(), changes: all(second, delivered(clock)), history: ['all done'] })
      assert.equal(await spool.show(id), undefined)
      assert.equal(await spool.read(id), undefined)
      assert.deepEqual(await spool.list({ most: 9 }), [])
      assert.deepEqual(await spool.trace(id), [{ at: clock.now(), text: 'all done' }])
    }
    assert.deepEqual(await spool.counts(), { messages: 0, waiting: 0, held: 0, parked: 0 })
  },

  'expansion adds children that know where they came from': async (spool, clock) => {
    const now = clock.now()
    const { id } = await put(spool, clock, { recipients: [to('list@x'), to('b@x')] })
    const claim = await claimOne(spool, clock)
    const sender = { local: 'owner', domain: 'x' }
    await spool.settle(claim, {
      now,
      changes: [
        { of: 0, fate: { is: 'expanded', last: said(250, clock) } },
        { add: to('sub@x', { params: { NOTIFY: 'NEVER' }, sender, lane: 'l' }), parent: 0 },
        { add: to('later@x', { due: now + 5 }), parent: 0 },
        { of: 1, fate: { is: 'waiting', due: now + 9000 } },
      ],
    })
    const child = await claimOne(spool, clock)
    const [one] = child.recipients
    assert.ok(one)
    const expected = { address: { local: 'sub', domain: 'x' }, params: { NOTIFY: 'NEVER' }, sender, lane: 'l' }
    const { key, reported, ...rest } = one
    const list = { local: 'list', domain: 'x' }
    const fate = { is: 'waiting', due: now }
    assert.deepEqual(rest, { ...expected, attempts: 0, fate, parent: 0, ancestors: [list] })
    await spool.settle(child, {
      now,
      changes: [
        { of: key, fate: { is: 'expanded', last: said(250, clock) } },
        { add: to('subsub@x'), parent: key },
      ],
    })
    const grandchild = await claimOne(spool, clock)
    assert.deepEqual(grandchild.recipients[0]?.ancestors, [{ local: 'sub', domain: 'x' }, list])
    const keys = (await spool.show(id))?.recipients.map((recipient) => recipient.key) ?? []
    assert.deepEqual(
      keys.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4],
    )
    clock.pass(5)
    assert.deepEqual(names((await claimOne(spool, clock)).recipients), ['later@x'])
  },

  'a message whose recipients were all expanded lives until the last child is served': async (spool, clock) => {
    const { id } = await put(spool, clock, { recipients: [to('list@x')] })
    const expanded = { of: 0, fate: { is: 'expanded', last: said(250, clock) } } as const
    const add = ['a@x', 'b@x'].map((one) => ({ add: to(one), parent: 0 }))
    await spool.settle(await claimOne(spool, clock), { now: clock.now(), changes: [expanded, ...add] })
    assert.ok(await spool.show(id))
    await settleAll(spool, clock, await claimOne(spool, clock))
    assert.equal(await spool.show(id), undefined)
  },

  'reports that are owed come with the changes': async (spool, clock) => {
    for (const body of [BODY, LARGE]) {
      const { id } = await put(spool, clock)
      const claim = await claimOne(spool, clock)
      const report = spool.open()
      await report.write(body)
      const record = recordOf(clock, body.length, { sender: null, recipients: [to('ann@example.org')] })
      const changes = all(claim, { is: 'failed', last: said(550, clock) })
      await spool.settle(claim, { now: clock.now(), changes, commits: [{ draft: report, record }] })
      assert.equal(await spool.show(id), undefined)
      const next = await claimOne(spool, clock)
      assert.equal(next.message.id, report.id)
      assert.equal(next.message.sender, null)
      assert.deepEqual(await octets(next.message.content()), Buffer.concat([record.prefix, body]))
      await assert.rejects(report.commit(record), SpoolError)
      await report.abort()
      await settleAll(spool, clock, next)
    }
  },

  'a settlement that is refused changes nothing': async (spool, clock) => {
    const { id } = await put(spool, clock, { recipients: [to('a@x', { lane: '1' }), to('b@x', { lane: '2' })] })
    const [claim] = await claimWith(spool, clock)
    assert.ok(claim)
    const own = claim.recipients[0]?.key ?? -1
    const report = spool.open()
    await report.write(BODY)
    const record = recordOf(clock, BODY.length)
    const good: Settlement = {
      now: clock.now(),
      changes: [{ of: own, fate: delivered(clock) }],
      commits: [{ draft: report, record }],
      forks: [forkTo('m@y')],
      history: ['done'],
    }
    const before = await everything(spool, id)
    const bad: Settlement[] = [
      { ...good, changes: [...good.changes, { of: 1 - own, fate: delivered(clock) }] },
      { ...good, changes: [...good.changes, { of: 77, lane: 'x' }] },
      { ...good, changes: [...good.changes, { add: to('c@x'), parent: 1 - own }] },
      { ...good, forks: [forkTo('m@y'), forkTo()] },
      { ...good, commits: [{ draft: report, record: { ...record, recipients: [] } }] },
      {
        ...good,
        commits: [
          { draft: report, record },
          { draft: report, record },
        ],
      },
    ]
    for (const settlement of bad) {
      await assert.rejects(spool.settle(claim, settlement), (error) => {
        return error instanceof SpoolError && error.kind === 'invalid'
      })
      assert.deepEqual(await everything(spool, id), before)
    }
    await spool.settle(claim, good)
    assert.equal((await spool.counts()).messages, 3)
  },

  'a claim ends with its settlement': async (spool, clock) => {
    const { id } = await put(spool, clock)
    const claim = await claimOne(spool, clock)
    await spool.settle(claim, { now: clock.now(), changes: [], history: ['nothing came of it'] })
    await assert.rejects(settleAll(spool, clock, claim), LeaseLost)
    await assert.rejects(spool.renew(claim, clock.now() + 5), LeaseLost)
    assert.deepEqual((await spool.trace(id)).length, 1)
    await settleAll(spool, clock, await claimOne(spool, clock))
  },

  'when the lease is lost, drafts and forks are not kept': async (spool, clock) => {
    await put(spool, clock)
    const claim = await claimOne(spool, clock)
    clock.pass(60_000)
    const thief = await claimOne(spool, clock, { owner: 'thief' })
    const report = spool.open()
    await report.write(LARGE)
    const record = recordOf(clock, LARGE.length)
    const before = await everything(spool, claim.message.id)
    const commits = [{ draft: report, record }]
    const settlement = { now: clock.now(), changes: all(claim, delivered(clock)), commits, forks: [forkTo('a@b')] }
    await assert.rejects(spool.settle(claim, { ...settlement, history: ['x'] }), LeaseLost)
    assert.deepEqual(await everything(spool, claim.message.id), before)
    await spool.settle(thief, { now: clock.now(), changes: all(thief, delivered(clock)), commits })
    assert.equal((await spool.show(report.id))?.id, report.id)
  },

  'many settle at one time': async (spool, clock) => {
    for (let i = 0; i < 60; i++) await put(spool, clock, { recipients: [to('a@x'), to('b@x')] })
    const claims = await claimWith(spool, clock)
    assert.equal(claims.length, 60)
    const results = await Promise.allSettled(
      claims.flatMap((claim, i) => {
        const settled = settleAll(spool, clock, claim)
        return i % 3 === 0 ? [settled, settleAll(spool, clock, claim)] : [settled]
      }),
    )
    const lost = results.filter((result) => result.status === 'rejected')
    assert.equal(lost.length, 20)
    for (const { reason } of lost) assert.ok(reason instanceof LeaseLost)
    assert.equal((await spool.counts()).messages, 0)
  },
}
