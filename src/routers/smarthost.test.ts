import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answers, tableResolver } from '../../test/doubles/dns-table.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { Refusal } from '../mail/reply.ts'
import type { Route } from './router.ts'
import type { Self } from './self.ts'
import { smarthostRouter } from './smarthost.ts'

const self: Self = { hostname: 'mx.ours.test', addresses: () => [{ address: '192.0.2.25', port: 25 }] }

const way = async (hosts: readonly string[], answers: Answers, domain = 'a.test'): Promise<Route> => {
  const router = smarthostRouter({ name: 'out', transport: 'smtp', hosts, resolver: tableResolver(answers), self })
  const routing = await router.route({ local: 'x', domain })
  assert.equal(routing?.matched, 0)
  assert.ok(routing.way.to === 'host')
  return routing.way
}

const fails = async (hosts: readonly string[], answers: Answers): Promise<string> => {
  const error = await (await way(hosts, answers)).hosts().catch((error: unknown) => error)
  if (error instanceof Refusal) return `${error.reply.code} ${error.reply.status}`
  return error instanceof Misconfigured ? 'misconfigured' : assert.fail(String(error))
}

test('all domains are one lane', async () => {
  const lanes = await Promise.all(
    ['a.test', 'B.test', 'bücher.example', '[192.0.2.1]', '1.2.3'].map((domain) =>
      way(['[relay.test]:587'], {}, domain),
    ),
  )
  assert.deepEqual(new Set(lanes.map(({ destination }) => destination)), new Set(['[relay.test]:587']))
  const router = smarthostRouter({
    name: 'out',
    transport: 'smtp',
    hosts: ['x.test'],
    resolver: tableResolver({}),
    self,
  })
  assert.equal(await router.route({ local: 'postmaster', domain: '' }), undefined)
})

test('with brackets the very host is meant, without them its exchangers', async () => {
  const answers: Answers = {
    mx: { 'isp.test': [[1, 'mx.isp.test']] },
    addresses: { 'isp.test': ['192.0.2.1'], 'mx.isp.test': ['192.0.2.2'] },
  }
  assert.deepEqual(await (await way(['[isp.test]'], answers)).hosts(), [
    { name: 'isp.test', port: 25, addresses: ['192.0.2.1'] },
  ])
  assert.deepEqual(await (await way(['isp.test'], answers)).hosts(), [
    { name: 'mx.isp.test', port: 25, addresses: ['192.0.2.2'], mx: 'unproved' },
  ])
})

test('of several hosts those that can be found are tried, in order', async () => {
  const addresses = { 'b.test': ['192.0.2.2'], 'c.test': 'failed', 'd.test': ['192.0.2.4'] } as const
  const found = await (
    await way(['[a.test]', '[b.test]', '[c.test]', '[mx.ours.test]', '[d.test]:26'], { addresses })
  ).hosts()
  assert.deepEqual(
    found.map(({ name, port }) => [name, port]),
    [
      ['b.test', 25],
      ['d.test', 26],
    ],
  )
})

test('what is wrong with a smarthost never fails mail for good', async () => {
  assert.equal(await fails(['[a.test]'], {}), '451 4.3.5')
  assert.equal(await fails(['a.test'], { mx: { 'a.test': [[0, '']] } }), '451 4.3.5')
  assert.equal(await fails(['[a.test]'], { addresses: { 'a.test': [] } }), '451 4.3.5')
  assert.equal(await fails(['[a.test]', '[b.test]'], { addresses: { 'b.test': 'failed' } }), '451 4.4.3')
})

test('a smarthost that is ourselves is a fault of the settings; our own name at another port is not', async () => {
  const addresses = { 'mx.ours.test': ['192.0.2.25'] }
  assert.equal(await fails(['[mx.ours.test]'], { addresses }), 'misconfigured')
  assert.equal(await fails(['mx.ours.test', '192.0.2.25'], { addresses }), 'misconfigured')
  assert.equal(await fails(['[mx.ours.test]', '[gone.test]'], { addresses }), '451 4.3.5')
  assert.equal((await (await way(['[mx.ours.test]:2525'], { addresses })).hosts()).length, 1)
})

test('no hosts, or bad ones, are refused at once', () => {
  for (const hosts of [[], ['a b'], ['x.test', '[y.test']]) {
    const options = { name: 'out', transport: 'smtp', hosts, resolver: tableResolver({}), self }
    assert.throws(() => smarthostRouter(options), Misconfigured)
  }
})
