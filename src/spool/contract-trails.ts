import assert from 'node:assert/strict'
import type { Trail } from '../mail/trail.ts'
import type { Promised } from './contract.ts'
import {
  all,
  claimOne,
  claimWith,
  delivered,
  forkTo,
  type HandClock,
  put,
  said,
  settleAll,
  to,
} from './contract-fixtures.ts'
import type { Spool, Trailed } from './spool.ts'

const DAY = 86_400_000
const NAME = 'one@there.example'
const PROOF = 'proof'

const trailFor = (clock: HandClock, more: Partial<Trail> = {}): Trail => ({
  name: NAME,
  proof: PROOF,
  until: clock.now() + DAY,
  ...more,
})

const find = (spool: Spool, clock: HandClock, name = NAME, proof = PROOF): Promise<readonly Trailed[]> =>
  spool.trails.find(name, proof, clock.now())

/** Recipients as `local fate attempts notes`. */
const told = ({ recipients }: Trailed): string[] =>
  recipients.map(({ address, fate, attempts, reported }) =>
    [address.local, fate.is, attempts, ...reported].filter((word) => word !== '').join(' '),
  )

const only = (found: readonly Trailed[]): Trailed => {
  assert.equal(found.length, 1)
  return found[0] as Trailed
}

/** What becomes of mail whose sender may ask. */
export const trails: Promised = {
  'mail is found by its name and proof alone, while it waits and after it is gone': async (spool, clock) => {
    const { id } = await put(spool, clock, {
      trail: trailFor(clock),
      recipients: [to('bob@x', { params: { ORCPT: 'rfc822;b' } })],
    })
    await put(spool, clock, { trail: trailFor(clock, { name: 'two@there.example' }), recipients: [to('carol@x')] })
    await put(spool, clock, { recipients: [to('dave@x')] })
    const waiting = only(await find(spool, clock))
    assert.deepEqual([waiting.id, waiting.proof, waiting.accepted, waiting.schedule], [id, PROOF, clock.now(), {}])
    assert.deepEqual(told(waiting), ['bob waiting 0'])
    assert.deepEqual(waiting.recipients[0]?.params, { ORCPT: 'rfc822;b' })
    for (const claim of await claimWith(spool, clock)) {
      const changes = claim.recipients.map(({ key }) => ({
        of: key,
        fate: delivered(clock),
        attempted: true as const,
        reported: ['a-note'],
      }))
      await spool.settle(claim, { now: clock.now(), changes })
    }
    assert.equal((await spool.counts()).messages, 0)
    const gone = only(await find(spool, clock))
    assert.equal(gone.schedule, undefined)
    assert.deepEqual(told(gone), ['bob delivered 1 a-note'])
    assert.deepEqual(gone.recipients[0]?.fate, delivered(clock))
    assert.deepEqual(await find(spool, clock, NAME, 'another'), [])
    assert.deepEqual(await find(spool, clock, 'ONE@there.example'), [])
  },

  'several messages may have one name': async (spool, clock) => {
    const first = await put(spool, clock, { trail: trailFor(clock), recipients: [to('a@x')] })
    clock.pass(1000)
    const second = await put(spool, clock, { trail: trailFor(clock), recipients: [to('b@x')] })
    await put(spool, clock, { trail: trailFor(clock, { proof: 'forged' }), recipients: [to('c@x')] })
    assert.deepEqual(
      (await find(spool, clock)).map(({ id }) => id),
      [first.id, second.id],
    )
  },

  'recipients with different fates are all told of': async (spool, clock) => {
    await put(spool, clock, {
      trail: trailFor(clock),
      recipients: [to('a@x', { lane: '1' }), to('b@x', { lane: '2' }), to('c@x', { lane: '3' })],
    })
    for (const claim of await claimWith(spool, clock)) {
      const [one] = claim.recipients
      assert.ok(one)
      if (one.address.local === 'a') await settleAll(spool, clock, claim)
      if (one.address.local === 'b') await settleAll(spool, clock, claim, { is: 'failed', last: said(550, clock) })
      if (one.address.local === 'c')
        await settleAll(spool, clock, claim, { is: 'waiting', due: clock.now() + 1000, last: said(451, clock) })
    }
    assert.deepEqual(told(only(await find(spool, clock))), ['a delivered 1', 'b failed 1', 'c waiting 1'])
    clock.pass(1000)
    await settleAll(spool, clock, await claimOne(spool, clock))
    assert.deepEqual(told(only(await find(spool, clock))), ['a delivered 1', 'b failed 1', 'c delivered 2'])
  },

  'members of an alias go with it, forks do not': async (spool, clock) => {
    await put(spool, clock, { trail: trailFor(clock), recipients: [to('alias@x'), to('list@x')] })
    const claim = await claimOne(spool, clock)
    const [alias, list] = claim.recipients
    assert.ok(alias && list)
    const expanded = { is: 'expanded' as const, last: said(250, clock) }
    await spool.settle(claim, {
      now: clock.now(),
      changes: [
        { of: alias.key, fate: expanded },
        { add: to('one@y'), parent: alias.key },
        { of: list.key, fate: expanded },
      ],
      forks: [forkTo('m@y')],
    })
    const found = only(await find(spool, clock))
    assert.deepEqual(told(found), ['alias expanded 0', 'list expanded 0', 'one waiting 0'])
    assert.equal(found.recipients[2]?.parent, alias.key)
    for (const one of await claimWith(spool, clock))
      await spool.settle(one, { now: clock.now(), changes: all(one, delivered(clock)) })
    assert.deepEqual(told(only(await find(spool, clock))), ['alias expanded 0', 'list expanded 0', 'one delivered 1'])
  },

  'mail that waits is never forgotten, mail that is gone when its time is over': async (spool, clock) => {
    await put(spool, clock, { trail: trailFor(clock), recipients: [to('a@x'), to('b@x')] })
    clock.pass(2 * DAY)
    await spool.sweep(clock.now())
    assert.deepEqual(told(only(await find(spool, clock))), ['a waiting 0', 'b waiting 0'])
    await settleAll(spool, clock, await claimOne(spool, clock))
    assert.deepEqual(await find(spool, clock), [])
    await spool.sweep(clock.now())

    await put(spool, clock, { trail: trailFor(clock), recipients: [to('a@x')] })
    await settleAll(spool, clock, await claimOne(spool, clock))
    clock.pass(DAY - 1)
    await spool.sweep(clock.now())
    assert.equal((await find(spool, clock)).length, 1)
    clock.pass(1)
    assert.deepEqual(await find(spool, clock), [])
    await spool.sweep(clock.now())
    // Swept, not just hidden: a clock that went back would show it.
    assert.deepEqual(await spool.trails.find(NAME, PROOF, clock.now() - DAY), [])
  },

  'what an operator deletes has failed for who asks': async (spool, clock) => {
    const { id } = await put(spool, clock, { trail: trailFor(clock), recipients: [to('a@x'), to('b@y')] })
    const before = await put(spool, clock, { recipients: [to('a@x')] })
    await spool.operate({ do: 'delete', match: { domain: 'x' }, now: clock.now(), why: 'spam' })
    assert.equal(await spool.show(before.id), undefined)
    const found = only(await find(spool, clock))
    assert.deepEqual(told(found), ['a failed 0', 'b waiting 0'])
    assert.ok(found.schedule)
    const fate = found.recipients[0]?.fate
    assert.deepEqual(fate?.is === 'failed' && [fate.last.code, fate.last.lines], [554, ['spam']])
    await spool.operate({ do: 'delete', match: { id }, now: clock.now() })
    assert.deepEqual(told(only(await find(spool, clock))), ['a failed 0', 'b failed 0'])
    assert.equal((await spool.counts()).messages, 0)
  },

  'mail of a clock that went back is told of with the time that is right': async (spool, clock) => {
    await put(spool, clock, { trail: trailFor(clock, { until: clock.now() + 10 * DAY }), recipients: [to('a@x')] })
    clock.pass(-3 * DAY)
    await spool.recover('queue', clock.now())
    assert.equal(only(await find(spool, clock)).accepted, clock.now())
    await settleAll(spool, clock, await claimOne(spool, clock))
    clock.pass(10 * DAY)
    assert.deepEqual(await find(spool, clock), [])
  },

  'a message of very many recipients is told of in part': async (spool, clock) => {
    const recipients = Array.from({ length: 5010 }, (_, i) => to(`r${i}@x`))
    await put(spool, clock, { trail: trailFor(clock), recipients })
    assert.equal(only(await find(spool, clock)).recipients.length, 5000)
  },

  'of several messages with very many recipients, no more is told than of one': async (spool, clock) => {
    for (let i = 0; i < 3; i++) {
      const recipients = Array.from({ length: 2600 }, (_, n) => to(`r${n}@x`))
      await put(spool, clock, { trail: trailFor(clock), recipients })
    }
    const found = await find(spool, clock)
    assert.deepEqual(
      found.map((one) => one.recipients.length),
      [2600, 2400],
    )
  },
}
