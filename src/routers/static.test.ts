import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableResolver } from '../../test/doubles/dns-table.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import type { Router } from './router.ts'
import type { Self } from './self.ts'
import { type StaticRow, staticRouter } from './static.ts'

const self: Self = { hostname: 'mx.ours.test', addresses: () => [{ address: '192.0.2.25', port: 25 }] }

const resolver = tableResolver({
  mx: { 'partner.test': [[1, 'mx.partner.test']], 'a.test': [[1, 'mx.a.test']] },
  addresses: { 'mx.partner.test': ['192.0.2.1'], 'relay.test': ['192.0.2.2'], 'mx.a.test': ['192.0.2.3'] },
})

const router = (...rows: StaticRow[]): Router =>
  staticRouter({ name: 'table', transport: 'smtp', rows, resolver, self })

const one = async (to: NonNullable<StaticRow['to']>, domain = 'a.test') => {
  const routing = await router({ domain: '*', to }).route({ local: 'x', domain })
  assert.ok(routing?.way.to === 'host')
  return { destination: routing.way.destination, hosts: await routing.way.hosts() }
}

test('the very domain decides, else the smallest tree, else the row for anything', async () => {
  const table = router(
    { domain: '*', to: '[192.0.2.9]' },
    { domain: '.test', to: '[192.0.2.8]' },
    { domain: '*.Sub.Test', to: '[192.0.2.7]' },
    { domain: 'Sub.test', to: '[192.0.2.6]' },
    { domain: '.bücher.example', to: '[192.0.2.5]' },
    { domain: '[IPv6:2001:DB8::1]', to: '[192.0.2.4]' },
  )
  const cases = {
    'sub.TEST': ['complete', '[192.0.2.6]'],
    'a.sub.test': [9, '[192.0.2.7]'],
    'b.a.sub.test': [9, '[192.0.2.7]'],
    'xsub.test': [5, '[192.0.2.8]'],
    test: [0, '[192.0.2.9]'],
    'example.org': [0, '[192.0.2.9]'],
    'a.Bücher.example': [22, '[192.0.2.5]'],
    'a.xn--bcher-kva.example': [22, '[192.0.2.5]'],
    '[ipv6:2001:db8:0::1]': ['complete', '[192.0.2.4]'],
    '[192.0.2.1]': [0, '[192.0.2.9]'],
  }
  for (const [domain, [matched, destination]] of Object.entries(cases)) {
    const routing = await table.route({ local: 'x', domain })
    assert.ok(routing?.way.to === 'host', domain)
    assert.deepEqual([routing.matched, routing.way.destination], [matched, destination], domain)
  }
  assert.equal(await table.route({ local: 'postmaster', domain: '' }), undefined)
  assert.equal(await router({ domain: 'a.test' }).route({ local: 'x', domain: 'b.test' }), undefined)
})

test('a host is looked up as a domain is, or not, by its brackets', async () => {
  const cases = [
    ['Partner.test', 'partner.test', 'mx.partner.test', 25, '192.0.2.1'],
    ['partner.test:2525', 'partner.test:2525', 'mx.partner.test', 2525, '192.0.2.1'],
    ['relay.test', 'relay.test', 'relay.test', 25, '192.0.2.2'],
    ['[relay.test]:587', '[relay.test]:587', 'relay.test', 587, '192.0.2.2'],
    ['192.0.2.5', '[192.0.2.5]', '192.0.2.5', 25, '192.0.2.5'],
    ['192.0.2.5:26', '[192.0.2.5]:26', '192.0.2.5', 26, '192.0.2.5'],
    ['[192.0.2.5]:26', '[192.0.2.5]:26', '192.0.2.5', 26, '192.0.2.5'],
    ['2001:DB8::5', '[2001:db8::5]', '2001:db8::5', 25, '2001:db8::5'],
    ['[2001:DB8::5]:26', '[2001:db8::5]:26', '2001:db8::5', 26, '2001:db8::5'],
    ['[IPv6:2001:db8::5]', '[2001:db8::5]', '2001:db8::5', 25, '2001:db8::5'],
  ] as const
  for (const [to, destination, name, port, address] of cases) {
    const host = { name, port, addresses: [address], ...(name.startsWith('mx.') ? { mx: 'unproved' } : {}) }
    assert.deepEqual(await one(to), { destination, hosts: [host] }, to)
    assert.equal((await one(destination)).destination, destination)
  }
})

test('hosts from settings are those very hosts', async () => {
  assert.equal((await one([{ name: 'relay.test', port: 26 }])).destination, '[relay.test]:26')
  assert.equal((await one([{ name: '2001:db8::5', port: 25 }])).destination, '[2001:db8::5]')
})

test('several hosts are tried in order, and a UNIX socket is a host', async () => {
  const all = await one('[relay.test] , partner.test:26\tunix:/run/lmtp.sock')
  assert.equal(all.destination, '[relay.test],partner.test:26,unix:/run/lmtp.sock')
  assert.deepEqual(all.hosts, [
    { name: 'relay.test', port: 25, addresses: ['192.0.2.2'] },
    { name: 'mx.partner.test', port: 26, addresses: ['192.0.2.1'], mx: 'unproved' },
    { name: '/run/lmtp.sock', port: 0 },
  ])
  assert.deepEqual(await one(['[relay.test]', 'partner.test:26', 'unix:/run/lmtp.sock']), all)
})

test('mx is where the DNS says, at the port and by the transport of the row', async () => {
  const rows = [{ domain: 'a.test', to: ' mx ', transport: 'slow' }, { domain: '.test' }]
  const table = staticRouter({ name: 'table', transport: 'smtp', port: 26, rows, resolver, self })
  const first = await table.route({ local: 'x', domain: 'a.test' })
  assert.ok(first?.way.to === 'host')
  assert.deepEqual([first.way.transport, first.way.destination], ['slow', 'a.test:26'])
  assert.deepEqual(await first.way.hosts(), [{ name: 'mx.a.test', port: 26, addresses: ['192.0.2.3'], mx: 'unproved' }])
  const second = await table.route({ local: 'x', domain: 'partner.test' })
  assert.ok(second?.way.to === 'host')
  assert.deepEqual([second.way.transport, second.way.destination], ['smtp', 'partner.test:26'])
})

test('an error is nobody, with its words', async () => {
  for (const [to, code, status] of [
    ['error: 550 5.7.1 Not from here', 550, '5.7.1'],
    ['error:554 Not from here', 554, '5.0.0'],
  ] as const) {
    const routing = await router({ domain: 'a.test', to }).route({ local: 'x', domain: 'a.test' })
    assert.equal(routing?.matched, 'complete')
    assert.deepEqual(routing.way, { to: 'nobody', reply: { code, status, lines: ['Not from here'] } })
  }
})

test('every bad row is told, each with its place', () => {
  const bad: StaticRow[] = [
    { domain: 'a b', to: 'mx', at: 'smail.yaml:3:5' },
    { domain: '*x.test' },
    { domain: '..test' },
    { domain: '.[192.0.2.1]' },
    { domain: '' },
    { domain: 'h1.test', to: '' },
    { domain: 'h2.test', to: [] },
    { domain: 'h3.test', to: 'relay.test:0' },
    { domain: 'h4.test', to: 'relay.test:65536' },
    { domain: 'h5.test', to: '[relay.test' },
    { domain: 'h6.test', to: '[relay.test]x' },
    { domain: 'h7.test', to: 'unix:relative' },
    { domain: 'h8.test', to: '999.1.1.1' },
    { domain: 'e1.test', to: 'error: 450 4.7.1 later' },
    { domain: 'e2.test', to: 'error: 550 4.7.1' },
    { domain: 'e3.test', to: 'error: 550' },
    { domain: 'e4.test', to: 'error: 550 two\r\nlines' },
    { domain: 'e5.test', to: 'error: 560 what' },
  ]
  const good: StaticRow[] = [{ domain: 'twice.test' }, { domain: '.twice.test' }, { domain: 'TWICE.test' }]
  assert.throws(
    () => router(...good, ...bad),
    (error) => {
      assert.ok(error instanceof Misconfigured)
      const told = error.message.split('\n')
      assert.equal(told.length, bad.length + 1, error.message)
      assert.equal(told[0], 'table: TWICE.test: is there twice')
      assert.match(told[1] ?? '', /^smail\.yaml:3:5: a b: is no domain: expected example\.org/)
      for (const [index, row] of bad.entries())
        assert.ok(told[index + 1]?.includes(`: ${row.domain}: `), told[index + 1])
      return true
    },
  )
})
