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
  settleAll,
} from './contract-fixtures.ts'

const LARGE = randomBytes(300_000)

export const forking: Promised = {
  'forks share the body until the last of them is gone': async (spool, clock) => {
    for (const body of [BODY, LARGE]) {
      const prefix = Buffer.from('Trace: 1\r\n')
      const { id } = await put(spool, clock, { prefix, bodyFrom: 5 }, body)
      const claim = await claimOne(spool, clock)
      const whole = Buffer.concat([prefix, body.subarray(5)])
      clock.pass(10)
      const forks = [forkTo('m@y', 'n@y'), forkTo('o@z')]
      const ids = await spool.settle(claim, { now: clock.now(), changes: all(claim, delivered(clock)), forks })
      assert.equal(await spool.show(id), undefined)
      const [first, second, ...others] = await claimWith(spool, clock)
      assert.ok(first && second)
      assert.deepEqual([first.message.id, second.message.id], ids)
      assert.equal(others.length, 0)
      const { sender, params, schedule, accepted, facts, origin } = first.message
      const [fork] = forks
      assert.deepEqual([sender, params, schedule], [fork?.sender, fork?.params, fork?.schedule])
      assert.deepEqual([accepted, facts, origin], [claim.message.accepted, claim.message.facts, claim.message.origin])
      assert.deepEqual(names([...first.recipients, ...second.recipients]), ['m@y', 'n@y', 'o@z'])
      assert.deepEqual(await octets(first.message.content()), whole)
      await settleAll(spool, clock, first)
      assert.equal(await spool.read(first.message.id), undefined)
      assert.deepEqual(await octets(second.message.content()), whole)
      assert.deepEqual(await octets(await spool.read(second.message.id)), whole)
      await settleAll(spool, clock, second)
      assert.equal(await spool.read(second.message.id), undefined)
    }
    assert.deepEqual(await spool.list({ most: 10 }), [])
  },

  'what a fork was expanded from goes with it, and with what it is expanded into': async (spool, clock) => {
    await put(spool, clock)
    const claim = await claimOne(spool, clock)
    const list = { local: 'list', domain: 'x' }
    const [plain] = forkTo('member@x').recipients
    assert.ok(plain)
    const forks = [{ ...forkTo('member@x'), recipients: [{ ...plain, ancestors: [list], reported: ['noted'] }] }]
    await spool.settle(claim, { now: clock.now(), changes: all(claim, delivered(clock)), forks })
    const forked = await claimOne(spool, clock)
    assert.deepEqual(forked.recipients[0]?.ancestors, [list])
    assert.deepEqual(forked.recipients[0]?.reported, ['noted'])
    const add = { address: { local: 'sub', domain: 'x' }, params: {}, reported: ['noted', 'anew'] }
    const parent = forked.recipients[0]?.key ?? -1
    await spool.settle(forked, { now: clock.now(), changes: [{ add, parent }, ...all(forked, delivered(clock))] })
    const child = await claimOne(spool, clock)
    assert.deepEqual(child.recipients[0]?.ancestors, [{ local: 'member', domain: 'x' }, list])
    assert.deepEqual(child.recipients[0]?.reported, ['noted', 'anew'])
  },

  'a fork of a fork shares it too, and may outlive both': async (spool, clock) => {
    await put(spool, clock, {}, LARGE)
    for (const name of ['one@x', 'two@x']) {
      const claim = await claimOne(spool, clock)
      const forks = [forkTo(name)]
      await spool.settle(claim, { now: clock.now(), changes: all(claim, delivered(clock)), forks })
    }
    const last = await claimOne(spool, clock)
    assert.deepEqual(names(last.recipients), ['two@x'])
    assert.equal((await octets(last.message.content())).subarray(-LARGE.length).compare(LARGE), 0)
    await settleAll(spool, clock, last)
    assert.equal((await spool.counts()).messages, 0)
  },

  'the trace of a message goes on in its forks': async (spool, clock) => {
    const { id } = await put(spool, clock, { history: ['taken'] })
    const claim = await claimOne(spool, clock)
    const settlement = { now: clock.now(), changes: all(claim, delivered(clock)), forks: [forkTo('m@y')] }
    await spool.settle(claim, { ...settlement, history: ['handed to the members'] })
    clock.pass(1000)
    const fork = await claimOne(spool, clock)
    await spool.settle(fork, { now: clock.now(), changes: all(fork, delivered(clock)), history: ['delivered'] })
    const texts = (await spool.trace(id)).map(({ text }) => text)
    assert.equal(texts[0], 'taken')
    assert.ok(texts.includes('handed to the members'))
    assert.ok(
      texts.some((text) => text.includes(fork.message.id)),
      texts.join(),
    )
    assert.match(texts.at(-1) ?? '', /delivered/)
    const own = (await spool.trace(fork.message.id)).map(({ text }) => text)
    assert.ok(
      own.some((text) => text.includes(id)),
      own.join(),
    )
    assert.equal(own.at(-1), 'delivered')
  },
}
