import assert from 'node:assert/strict'
import type { Promised } from './contract.ts'
import { all, claimOne, claimWith, delivered, names, octets, put, settleAll, to } from './contract-fixtures.ts'
import { type Claim, LeaseLost } from './spool.ts'

const isLost = (error: unknown): boolean => error instanceof LeaseLost

const ids = (claims: readonly Claim[]): string[] => claims.map(({ message }) => message.id)
const lanes = (claims: readonly Claim[]): unknown[] => claims.map(({ lane }) => lane)

export const claiming: Promised = {
  'priority goes first, then what was due first': async (spool, clock) => {
    const now = clock.now()
    const due = (ms: number, priority?: number) => ({
      recipients: [to('a@b', { due: now + ms })],
      schedule: priority === undefined ? {} : { priority },
    })
    const late = await put(spool, clock, due(30))
    const low = await put(spool, clock, due(10, -4))
    const early = await put(spool, clock, due(20))
    const high = await put(spool, clock, due(40, 9))
    const most = await put(spool, clock, due(50, 9))
    clock.pass(100)
    const order = [high.id, most.id, early.id, late.id, low.id]
    assert.deepEqual(ids(await claimWith(spool, clock, { most: 2 })), order.slice(0, 2))
    assert.deepEqual(ids(await claimWith(spool, clock)), order.slice(2))
  },

  'nothing is due before its time': async (spool, clock) => {
    const now = clock.now()
    await put(spool, clock, { recipients: [to('own@due', { due: now + 10 })] })
    await put(spool, clock, { recipients: [to('held@back')], schedule: { notBefore: now + 20 } })
    await put(spool, clock, { recipients: [to('both@x', { due: now + 5 })], schedule: { notBefore: now + 30 } })
    const next = async () => names((await claimWith(spool, clock)).flatMap((claim) => claim.recipients))
    const seen: unknown[] = []
    for (const ms of [0, 9, 1, 9, 1, 9, 1]) {
      clock.pass(ms)
      seen.push(await next())
    }
    assert.deepEqual(seen, [[], [], ['own@due'], [], ['held@back'], [], ['both@x']])
  },

  'a claim is the due recipients of one lane': async (spool, clock) => {
    const now = clock.now()
    const { id } = await put(spool, clock, {
      recipients: [
        to('a@x', { lane: 'smtp/x' }),
        to('b@y', { lane: 'smtp/y' }),
        to('c@x', { lane: 'smtp/x', due: now - 5 }),
        to('d@z'),
        to('e@x', { lane: 'smtp/x', due: now + 1 }),
        to('f@z'),
      ],
    })
    const claims = await claimWith(spool, clock)
    assert.deepEqual(
      new Map(claims.map(({ lane, recipients }) => [lane, names(recipients)])),
      new Map([
        ['smtp/x', ['a@x', 'c@x']],
        ['smtp/y', ['b@y']],
        [null, ['d@z', 'f@z']],
      ]),
    )
    assert.ok(claims.every(({ message }) => message.id === id))
    assert.equal(new Set(claims.map(({ token }) => token)).size, 3)
  },

  'a claim has no more recipients than asked for, and the others are in other claims': async (spool, clock) => {
    const recipients = [...Array(10).keys()].map((i) => to(`r${i}@x`, { lane: 'l' }))
    await put(spool, clock, { recipients })
    const first = await claimWith(spool, clock, { mostRecipients: 4, most: 2 })
    assert.deepEqual(
      first.map((claim) => claim.recipients.length),
      [4, 4],
    )
    const rest = await claimWith(spool, clock, { mostRecipients: 4, most: 2 })
    assert.deepEqual(
      rest.map((claim) => claim.recipients.length),
      [2],
    )
    assert.deepEqual(names([...first, ...rest].flatMap((claim) => claim.recipients)), names(recipients))
  },

  'no lane has more claims than asked for, and none is held up by a full one': async (spool, clock) => {
    for (let i = 0; i < 5; i++) await put(spool, clock, { recipients: [to('a@busy', { lane: 'smtp/busy' })] })
    for (let i = 0; i < 3; i++) await put(spool, clock, { recipients: [to('a@new')] })
    await put(spool, clock, { recipients: [to('a@calm', { lane: 'smtp/calm' })] })
    const claims = await claimWith(spool, clock, { mostPerLane: 2 })
    assert.deepEqual(lanes(claims).toSorted(), [null, null, null, 'smtp/busy', 'smtp/busy', 'smtp/calm'].toSorted())
  },

  'only these lanes, all but those': async (spool, clock) => {
    for (const lane of ['a', 'b', 'c', null]) await put(spool, clock, { recipients: [to('r@x', { lane })] })
    const claimed = async (by: { only?: (string | null)[]; except?: (string | null)[] }) => {
      const claims = await claimWith(spool, clock, by)
      for (const claim of claims) await spool.settle(claim, { now: clock.now(), changes: [] })
      return lanes(claims).map(String).toSorted()
    }
    assert.deepEqual(await claimed({ only: ['a'] }), ['a'])
    assert.deepEqual(await claimed({ only: [null, 'c', 'd'] }), ['c', 'null'])
    assert.deepEqual(await claimed({ only: [] }), [])
    assert.deepEqual(await claimed({ except: ['a', 'd'] }), ['b', 'c', 'null'])
    assert.deepEqual(await claimed({ except: [null] }), ['a', 'b', 'c'])
    assert.deepEqual(await claimed({ only: ['a', 'b'], except: ['a'] }), ['b'])
    assert.deepEqual(await claimed({ except: [] }), ['a', 'b', 'c', 'null'])
  },

  'much mail of a lane that is left alone does not stand before the rest': async (spool, clock) => {
    const many = [...Array(1200).keys()].map((i) => to(`r${i}@down`, { lane: 'smtp/down', due: clock.now() - 9 }))
    await put(spool, clock, { recipients: many })
    const later = await put(spool, clock, { recipients: [to('a@up', { lane: 'smtp/up' })] })
    const sooner = await put(spool, clock, { recipients: [to('b@up', { lane: 'smtp/up2', due: clock.now() - 5 })] })
    const urgent = await put(spool, clock, { recipients: [to('c@up', { lane: 'smtp/up' })], schedule: { priority: 1 } })
    const claims = await claimWith(spool, clock, { except: ['smtp/down'], most: 10 })
    assert.deepEqual(ids(claims), [urgent.id, sooner.id, later.id])
  },

  'what is claimed is nobody else’s until the lease ran out': async (spool, clock) => {
    await put(spool, clock)
    const claim = await claimOne(spool, clock, { leaseUntil: clock.now() + 1000 })
    assert.deepEqual(await claimWith(spool, clock, { owner: 'other' }), [])
    clock.pass(999)
    assert.deepEqual(await claimWith(spool, clock, { owner: 'other' }), [])
    clock.pass(1)
    const stolen = await claimOne(spool, clock, { owner: 'other' })
    assert.notEqual(stolen.token, claim.token)
    await assert.rejects(settleAll(spool, clock, claim), isLost)
    await assert.rejects(spool.renew(claim, clock.now() + 1000), isLost)
    const still = await spool.show(claim.message.id)
    assert.equal(still?.recipients[0]?.fate.is, 'waiting')
    assert.equal(still?.recipients[0]?.attempts, 0)
    await settleAll(spool, clock, stolen)
    assert.equal(await spool.show(claim.message.id), undefined)
  },

  'a claim that lost one recipient is lost as a whole': async (spool, clock) => {
    await put(spool, clock, { recipients: [to('a@x', { lane: 'l' }), to('b@x', { lane: 'l' })] })
    const claim = await claimOne(spool, clock)
    clock.pass(60_000)
    const [stolen] = await claimWith(spool, clock, { mostRecipients: 1, most: 1, owner: 'other' })
    assert.equal(stolen?.recipients.length, 1)
    await assert.rejects(settleAll(spool, clock, claim), isLost)
    const rest = await claimOne(spool, clock)
    assert.deepEqual(names([...(stolen?.recipients ?? []), ...rest.recipients]), ['a@x', 'b@x'])
  },

  'whoever comes late with a claim that nobody took may settle it': async (spool, clock) => {
    await put(spool, clock)
    const claim = await claimOne(spool, clock)
    clock.pass(3_600_000)
    await settleAll(spool, clock, claim)
    assert.equal((await spool.counts()).messages, 0)
  },

  'a lease is renewed': async (spool, clock) => {
    await put(spool, clock)
    const claim = await claimOne(spool, clock)
    clock.pass(50_000)
    await spool.renew(claim, clock.now() + 60_000)
    clock.pass(59_999)
    assert.deepEqual(await claimWith(spool, clock), [])
    clock.pass(1)
    await claimOne(spool, clock)
    await assert.rejects(spool.renew(claim, clock.now() + 1), isLost)
  },

  'claims made at one time share nothing': async (spool, clock) => {
    for (let i = 0; i < 40; i++) await put(spool, clock)
    const claims = await Promise.all(
      [...Array(8).keys()].map((i) => claimWith(spool, clock, { owner: `${i}`, most: 7 })),
    )
    assert.equal(new Set(ids(claims.flat())).size, 40)
    assert.equal(claims.flat().length, 40)
  },

  'a start voids the claims of an earlier life, and no others': async (spool, clock) => {
    const mine = await put(spool, clock, { recipients: [to('a@x', { lane: 'mine' })] })
    await put(spool, clock, { recipients: [to('a@x', { lane: 'other' })] })
    const claim = await claimOne(spool, clock, { owner: 'me', only: ['mine'] })
    const other = await claimOne(spool, clock, { owner: 'other', only: ['other'] })
    await spool.recover('me', clock.now())
    await assert.rejects(settleAll(spool, clock, claim), isLost)
    assert.deepEqual(ids(await claimWith(spool, clock)), [mine.id])
    await settleAll(spool, clock, other)
  },

  'mail that was accepted in the future is due now, and as long as it should have been': async (spool, clock) => {
    const ahead = clock.now() + 86_400_000
    const bySlow = await put(spool, clock)
    const byFast = await put(spool, clock, {
      accepted: ahead,
      schedule: { milestones: [{ at: ahead + 500, do: 'fail', status: '4.4.7' }] },
    })
    const kept = await put(spool, clock, { accepted: ahead, schedule: { notBefore: ahead + 1000 } })
    const asked = await put(spool, clock, { recipients: [to('a@x', { due: clock.now() + 7 })] })
    assert.deepEqual(ids(await claimWith(spool, clock, { owner: 'before' })), [bySlow.id])
    await spool.recover('me', clock.now())
    const [claim, ...others] = await claimWith(spool, clock)
    assert.equal(claim?.message.id, byFast.id)
    assert.equal(others.length, 0)
    assert.equal(claim?.message.accepted, clock.now())
    assert.deepEqual(claim?.message.schedule.milestones, [{ at: clock.now() + 500, do: 'fail', status: '4.4.7' }])
    clock.pass(7)
    assert.deepEqual(ids(await claimWith(spool, clock)), [asked.id])
    clock.pass(992)
    assert.deepEqual(await claimWith(spool, clock), [])
    clock.pass(1)
    assert.deepEqual(ids(await claimWith(spool, clock)), [kept.id])
  },

  'the next due time is that of mail which nobody claims': async (spool, clock) => {
    const now = clock.now()
    assert.equal(await spool.nextDue(), undefined)
    await put(spool, clock, { recipients: [to('a@x', { due: now + 500 })], schedule: { priority: 5 } })
    await put(spool, clock, { recipients: [to('b@x', { due: now + 300 })] })
    assert.equal(await spool.nextDue(), now + 300)
    clock.pass(300)
    const claim = await claimOne(spool, clock, { leaseUntil: now + 1000 })
    assert.equal(await spool.nextDue(), now + 500)
    await spool.operate({ do: 'hold', match: { recipient: 'a@x' }, now: clock.now() })
    assert.equal(await spool.nextDue(), undefined)
    clock.pass(700)
    const late = await spool.nextDue()
    assert.ok(late !== undefined && late <= clock.now(), 'a lease that ran out holds nothing back')
    await settleAll(spool, clock, claim)
    assert.equal(await spool.nextDue(), undefined)
  },

  'when lanes are forgotten they are found anew': async (spool, clock) => {
    const { id } = await put(spool, clock, { recipients: [to('a@x', { lane: 'old' }), to('b@y', { lane: 'older' })] })
    const claim = await claimOne(spool, clock, { only: ['old'] })
    await spool.forgetLanes()
    assert.deepEqual(
      (await spool.show(id))?.recipients.map(({ lane }) => lane),
      [null, null],
    )
    const other = await claimOne(spool, clock)
    assert.deepEqual([other.lane, names(other.recipients)], [null, ['b@y']])
    const [one] = claim.recipients
    await spool.settle(claim, { now: clock.now(), changes: one ? [{ of: one.key, lane: 'new' }] : [] })
    assert.equal((await claimOne(spool, clock)).lane, 'new')
  },

  'a claim goes on to give the content': async (spool, clock) => {
    await put(spool, clock, { prefix: new Uint8Array(0) }, Buffer.alloc(200_000, 'x'))
    const claim = await claimOne(spool, clock)
    const reading = claim.message.content()[Symbol.asyncIterator]()
    await reading.next()
    await spool.settle(claim, { now: clock.now(), changes: all(claim, delivered(clock)) })
    let more = 0
    for (let part = await reading.next(); !part.done; part = await reading.next()) more += part.value.length
    assert.ok(more < 200_000)
    assert.equal(await spool.read(claim.message.id), undefined)
    await octets(claim.message.content()).catch(() => {})
  },

  'a commit or a settlement wakes whoever waits, and so does time': async (spool, clock) => {
    let woken = 0
    const sleeper = async (ms: number) => {
      await spool.wake(ms)
      woken++
    }
    assert.deepEqual(await claimWith(spool, clock), [])
    const first = sleeper(1000)
    await put(spool, clock)
    await first
    const claim = await claimOne(spool, clock)
    const second = sleeper(1000)
    await settleAll(spool, clock, claim)
    await second
    assert.deepEqual(await claimWith(spool, clock), [])
    await put(spool, clock)
    await sleeper(1_000_000)
    assert.deepEqual(ids(await claimWith(spool, clock)).length, 1)
    const third = sleeper(1000)
    clock.pass(1000)
    await third
    assert.equal(woken, 4)
  },
}
