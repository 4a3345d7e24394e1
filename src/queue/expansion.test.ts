import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainReporter } from '../../test/doubles/plain-reporter.ts'
import { queueBench, recipient } from '../../test/doubles/queue-bench.ts'
import { type Address, formatAddress, readAddress } from '../mail/address.ts'
import type { ParamBag } from '../mail/envelope.ts'
import type { SpooledRecipient } from '../spool/spool.ts'
import { acceptedAs, expansion } from './expansion.ts'

const members = (count: number, of = 'far.example'): Address[] =>
  Array.from({ length: count }, (_, index) => ({ local: `m${index}`, domain: of }))

const claimed = (address: string): SpooledRecipient => ({
  ...recipient(address),
  key: 0,
  ancestors: [],
  attempts: 0,
  lane: null,
  fate: { is: 'waiting', due: 0 },
  reported: [],
})

test('an alias goes to its members, each served once, however many ways lead there', async () => {
  const bench = queueBench({
    entries: {
      'all@ours.example': ['team@ours.example', 'boss@ours.example', 'team@ours.example'],
      'team@ours.example': ['ann@ours.example', 'bob@ours.example'],
      'boss@ours.example': ['bob@ours.example', 'eve@far.example'],
    },
  })
  await bench.queue.start()
  const id = await bench.put(['all@ours.example', 'ann@OURS.example'])
  await bench.clock.advance(1000)
  assert.deepEqual(bench.local.delivered.toSorted(), ['ann@OURS.example', 'bob@ours.example'])
  assert.deepEqual(bench.smtp.delivered, ['eve@far.example'])
  assert.equal(await bench.spool.show(id), undefined)
  await bench.queue.stop()
})

test('an alias that names itself also keeps a copy', async () => {
  const bench = queueBench({ entries: { 'ann@ours.example': ['ann@ours.example', 'ann@far.example'] } })
  await bench.queue.start()
  await bench.put(['ann@ours.example', 'team@ours.example'])
  await bench.clock.advance(1000)
  assert.deepEqual(bench.local.delivered.toSorted(), ['ann@ours.example', 'team@ours.example'])
  assert.deepEqual(bench.smtp.delivered, ['ann@far.example'])
  await bench.queue.stop()
})

test('aliases that lead in a circle end in a report, not in a loop', async () => {
  const bench = queueBench({ entries: { 'a@ours.example': ['b@ours.example'], 'b@ours.example': ['a@ours.example'] } })
  await bench.queue.start()
  const id = await bench.put(['a@ours.example'])
  await bench.clock.advance(1000)
  assert.equal(await bench.spool.show(id), undefined)
  assert.equal(bench.reporter.composed.length, 1)
  assert.equal(bench.reporter.composed[0]?.recipients[0]?.last.lines[0], 'An alias that leads to itself')
  await bench.queue.stop()
})

test('an alias without members fails', async () => {
  const bench = queueBench({ entries: { 'none@ours.example': [] } })
  await bench.queue.start()
  await bench.put(['none@ours.example'])
  await bench.clock.advance(1000)
  const told = bench.reporter.composed[0]?.recipients[0]
  assert.equal(`${told?.event} ${told?.last.code} ${told?.last.status}`, 'failed 550 5.2.4')
  await bench.queue.stop()
})

test("members inherit a single alias's parameters and not those of one with many, which is reported as expanded", async () => {
  const bench = queueBench({
    entries: { 'one@ours.example': ['x@far.example'], 'two@ours.example': ['y@far.example', 'z@far.example'] },
  })
  await bench.queue.start()
  await bench.put(['one@ours.example;NOTIFY=SUCCESS', 'two@ours.example;NOTIFY=SUCCESS'])
  await bench.clock.advance(1000)
  const params = bench.smtp.deliveries
    .flatMap(({ job }) => job.recipients.map((r) => [formatAddress(r.address), r.params]))
    .filter(([address]) => address !== 'ann@client.example')
  assert.deepEqual(params, [
    ['x@far.example', { NOTIFY: 'SUCCESS' }],
    ['y@far.example', {}],
    ['z@far.example', {}],
  ])
  const told = bench.reporter.composed.flatMap((one) => one.recipients.map((r) => `${r.address.local} ${r.event}`))
  assert.deepEqual(told, ['two expanded'])
  await bench.queue.stop()
})

test("a list's mail is a message of its own from the list's owner, who hears of its failures", async () => {
  const owner = readAddress('owner@ours.example')
  const bench = queueBench({
    entries: { 'list@ours.example': { members: members(3), sender: owner } },
    smtp: { say: ({ address }) => (address.local === 'm1' ? 550 : 250) },
  })
  await bench.queue.start()
  const id = await bench.put(['list@ours.example;NOTIFY=SUCCESS', 'x@far.example'], { params: { BODY: '8BITMIME' } })
  await bench.clock.advance(1000)
  const fork = bench.smtp.deliveries.find((one) => one.to.includes('m0@far.example'))
  assert.notEqual(fork?.id, id)
  assert.deepEqual(fork?.job.message.sender, owner)
  assert.deepEqual(fork?.job.message.params, { BODY: '8BITMIME' })
  assert.deepEqual(fork?.to, ['m0@far.example', 'm1@far.example', 'm2@far.example'])
  const told = bench.reporter.composed.map((one) => [one.to?.local, ...one.recipients.map((r) => r.event)])
  assert.deepEqual(told, [
    ['ann', 'delivered'],
    ['owner', 'failed'],
  ])
  await bench.queue.stop()
})

test('a report to a list stays without sender', async () => {
  const sender = readAddress('owner@ours.example')
  const bench = queueBench({ entries: { 'list@ours.example': { members: members(2), sender } } })
  await bench.queue.start()
  await bench.put(['list@ours.example'], { sender: null })
  await bench.clock.advance(1000)
  assert.deepEqual(
    bench.smtp.deliveries.map((one) => one.job.message.sender),
    [null],
  )
  await bench.queue.stop()
})

test('a recipient was accepted as what the mail was for, be it through aliases, and the members of a list as themselves', () => {
  const message = { sender: readAddress('ann@far.example'), params: {}, schedule: {}, accepted: 0 }
  const expand = (from: SpooledRecipient, into: readonly Address[], owner?: Address, slice = 500) => {
    const made = expansion(
      message,
      [from],
      slice,
      plainReporter(() => 0),
      0,
    ).expand(from, into, owner)
    assert.ok(made?.is === 'expanded')
    const ancestors = [from.address, ...from.ancestors]
    return [...made.adds.map((add) => ({ ancestors, ...add })), ...made.forks.flatMap((one) => one.recipients)].map(
      (one): SpooledRecipient => ({ ...claimed('x@ours.example'), ancestors, reported: [], ...one }),
    )
  }
  const named = (recipient: SpooledRecipient | undefined) => {
    const accepted = recipient && acceptedAs(recipient)
    return accepted && formatAddress(accepted)
  }
  const alias = claimed('all@ours.example')
  assert.equal(named(alias), undefined)
  const [team] = expand(alias, [readAddress('team@ours.example')])
  assert.ok(team)
  assert.equal(named(team), 'all@ours.example')
  // In a message of their own, for there are too many of them.
  for (const member of expand(team, members(3), undefined, 2)) assert.equal(named(member), 'all@ours.example')
  const [listed] = expand(team, [readAddress('sub@ours.example')], readAddress('owner@ours.example'))
  assert.ok(listed)
  assert.equal(named(listed), undefined)
  const [under] = expand(listed, members(1))
  assert.ok(under)
  assert.equal(named(under), 'sub@ours.example')
  for (const member of expand(under, members(3, 'x.example'), undefined, 2))
    assert.equal(named(member), 'sub@ours.example')
})

test('a fork keeps the ancestors of its members, so that a list in itself does not go round', () => {
  const message = { sender: readAddress('ann@far.example'), params: {}, schedule: {}, accepted: 0 }
  const list = { ...claimed('list@ours.example'), ancestors: [readAddress('all@ours.example')] }
  const verdict = expansion(
    message,
    [list],
    500,
    plainReporter(() => 0),
    0,
  ).expand(list, members(2), readAddress('owner@ours.example'))
  assert.ok(verdict?.is === 'expanded')
  assert.deepEqual(
    verdict.forks.flatMap((fork) => fork.recipients.map((r) => r.ancestors?.map(formatAddress))),
    [
      ['list@ours.example', 'all@ours.example'],
      ['list@ours.example', 'all@ours.example'],
    ],
  )
})

test('a list that is its own member does not go round, and one with no other member has none', async () => {
  const sender = readAddress('owner@ours.example')
  const self = (name: string, ...others: string[]) => ({
    members: [`${name}@ours.example`, ...others].map((one) => readAddress(one)),
    sender,
  })
  const bench = queueBench({
    entries: { 'list@ours.example': self('list', 'm@far.example'), 'hollow@ours.example': self('hollow') },
  })
  await bench.queue.start()
  await bench.put(['list@ours.example', 'hollow@ours.example'])
  await bench.clock.advance(1000)
  assert.deepEqual(bench.smtp.delivered.toSorted(), ['ann@client.example', 'm@far.example'])
  const told = bench.reporter.composed.flatMap((one) =>
    one.recipients.map((r) => `${r.address.local} ${r.last.status}`),
  )
  assert.deepEqual(told, ['hollow 5.2.4'])
  await bench.queue.stop()
})

test('an alias with 100,000 members becomes messages of 500, some at a time', async () => {
  const bench = queueBench({ entries: { 'everyone@ours.example': { members: members(100_000) } } })
  let seen = 0
  let mostForks = 0
  const settle = bench.spool.settle.bind(bench.spool)
  bench.spool.settle = async (claim, settlement) => {
    mostForks = Math.max(mostForks, settlement.forks?.length ?? 0)
    return settle(claim, settlement)
  }
  const served = new Set<string>()
  bench.smtp.deliver = async ({ recipients }, _, settled) => {
    for (const { key, address } of recipients) {
      seen += 1
      served.add(address.local)
      const diagnosis = { code: 250, status: '2.0.0', lines: ['OK'], by: 'smtp' as const, at: bench.clock.now() }
      settled({ of: key, diagnosis })
    }
  }
  await bench.queue.start()
  const id = await bench.put(['everyone@ours.example'])
  for (let turn = 0; turn < 200 && served.size < 100_000; turn += 1) await bench.clock.advance(10)
  assert.equal(served.size, 100_000)
  assert.equal(seen, 100_000)
  assert.equal(mostForks, 20)
  assert.equal(await bench.spool.show(id), undefined)
  await bench.queue.stop()
})

test('what is left of a large alias is taken up where it stopped, though its members changed', () => {
  const message = { sender: readAddress('ann@far.example'), params: {}, schedule: {}, accepted: 0 }
  const alias = { ...claimed('all@ours.example'), reported: [] as string[] }
  const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((local) => ({ local: local.repeat(3), domain: 'far.example' }))
  const rounds: string[][] = []
  let list = all
  for (let round = 0; round < 10; round += 1) {
    const verdict = expansion(
      message,
      [alias],
      1,
      plainReporter(() => 0),
      0,
    ).expand(alias, list, undefined)
    assert.ok(verdict?.is === 'expanded' || verdict?.is === 'expanding')
    rounds.push(verdict.forks.flatMap((fork) => fork.recipients.map((r) => r.address.local)))
    if (verdict.is === 'expanded') break
    alias.reported.push(verdict.note)
    list = list.filter((one) => one.local !== 'aaa')
  }
  assert.deepEqual(rounds.flat(), ['aaa', 'bbb', 'ccc', 'ddd', 'eee', 'fff', 'ggg'])
})

test('members whose mail may not have what the message has are a message of their own', () => {
  const of = (count: number) => {
    const message = { sender: null, params: { ALONE: '1', KEPT: true as const }, schedule: {}, accepted: 0 }
    const alias = claimed('alias@ours.example')
    const passesOn = (params: ParamBag, what: string, to: string): ParamBag =>
      what === 'message' && to === 'many' ? { KEPT: true } : params
    const verdict = expansion(message, [alias], 500, { passesOn, schedule: () => ({}) }, 0).expand(
      alias,
      members(count),
      undefined,
    )
    assert.ok(verdict?.is === 'expanded')
    return verdict
  }
  const two = of(2)
  assert.deepEqual(two.adds, [])
  assert.deepEqual(
    two.forks.map(({ params, recipients }) => [params, recipients.map(({ address }) => formatAddress(address))]),
    [[{ KEPT: true }, ['m0@far.example', 'm1@far.example']]],
  )
  const one = of(1)
  assert.deepEqual([one.adds.length, one.forks], [1, []])
})
