import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answers, type TableResolver, tableResolver } from '../../test/doubles/dns-table.ts'
import { Refusal } from '../mail/reply.ts'
import type { Resolver } from '../net/resolver.ts'
import { mxRouter } from './mx.ts'
import type { Host, Route } from './router.ts'
import type { Self } from './self.ts'

const self: Self = {
  hostname: 'mx.ours.test',
  names: ['mail.ours.test'],
  addresses: () => [{ address: '192.0.2.25', port: 25 }],
}

const routeTo = async (domain: string, resolver: Resolver, port = 25): Promise<Route> => {
  const routing = await mxRouter({ name: 'mx', transport: 'smtp', port, resolver, self }).route({ local: 'x', domain })
  assert.equal(routing?.matched, 0)
  assert.ok(routing.way.to === 'host')
  return routing.way
}

const hosts = async (domain: string, answers: Answers | Resolver, port = 25): Promise<readonly Host[]> => {
  const resolver = 'asked' in answers ? (answers as TableResolver) : tableResolver(answers as Answers)
  return (await routeTo(domain, resolver, port)).hosts()
}

const names = async (domain: string, answers: Answers): Promise<readonly string[]> =>
  (await hosts(domain, answers)).map(({ name }) => name)

/** The answer that its hosts are refused with, as `550 5.1.2`. */
const refusal = async (domain: string, answers: Answers): Promise<string> => {
  const error = await hosts(domain, answers).then(
    (found) => assert.fail(`hosts: ${JSON.stringify(found)}`),
    (error: unknown) => error,
  )
  if (!(error instanceof Refusal)) throw error
  const { code, status, lines } = error.reply
  assert.ok(lines.length === 1 && /^[ -~]{1,400}$/.test(lines.join()))
  return `${code} ${status}`
}

test('routing looks nothing up, takes anything, and names the lane by A-label', async () => {
  const resolver = tableResolver({})
  const way = await routeTo('BÜCHER.Example', resolver)
  assert.deepEqual([way.transport, way.destination], ['smtp', 'xn--bcher-kva.example'])
  assert.equal((await routeTo('Example.org', resolver, 2525)).destination, 'example.org:2525')
  assert.deepEqual(resolver.asked, [])
})

test('a domain that cannot exist is nobody’s; no domain is left to others', async () => {
  const router = mxRouter({ name: 'mx', transport: 'smtp', resolver: tableResolver({}), self })
  for (const domain of ['1.2.3', '１.２.３', 'ü..test', '[tag:x]', '[192.0.2.999]']) {
    const routing = await router.route({ local: 'x', domain })
    assert.ok(routing?.way.to === 'nobody', domain)
    assert.deepEqual([routing.way.reply.code, routing.way.reply.status], [550, '5.1.2'])
  }
  assert.equal(await router.route({ local: 'postmaster', domain: '' }), undefined)
})

test('exchangers come by preference, with their addresses and the port', async () => {
  const answers = {
    mx: {
      'a.test': [
        [20, 'second.test'],
        [10, 'first.test'],
      ],
    },
    addresses: { 'first.test': ['2001:db8::1', '192.0.2.1'], 'second.test': ['192.0.2.2'] },
  } as const
  assert.deepEqual(await hosts('A.test', answers, 2525), [
    { name: 'first.test', port: 2525, addresses: ['2001:db8::1', '192.0.2.1'], mx: 'unproved' },
    { name: 'second.test', port: 2525, addresses: ['192.0.2.2'], mx: 'unproved' },
  ])
})

test('a domain without MX is its own exchanger, if it has an address', async () => {
  assert.deepEqual(await hosts('a.test', { addresses: { 'a.test': ['192.0.2.1'] } }), [
    { name: 'a.test', port: 25, addresses: ['192.0.2.1'] },
  ])
  assert.equal(await refusal('a.test', { mx: { 'a.test': [] } }), '550 5.1.2')
  assert.equal(await refusal('a.test', { mx: { 'a.test': [] }, addresses: { 'a.test': 'failed' } }), '451 4.4.3')
})

test('with MX, the address of the domain itself is of no use', async () => {
  const answers = { mx: { 'a.test': [[1, 'gone.test']] }, addresses: { 'a.test': ['192.0.2.1'] } } as const
  assert.equal(await refusal('a.test', answers), '550 5.4.4')
})

test('a null MX takes no mail; beside others it says nothing', async () => {
  assert.equal(await refusal('a.test', { mx: { 'a.test': [[0, '']] } }), '556 5.1.10')
  const both = [
    [0, ''],
    [5, 'b.test'],
  ] as const
  assert.deepEqual(await names('a.test', { mx: { 'a.test': both }, addresses: { 'b.test': ['192.0.2.1'] } }), [
    'b.test',
  ])
})

test('a domain that does not exist is refused for good, one that cannot be looked up for now', async () => {
  assert.equal(await refusal('a.test', {}), '550 5.1.2')
  assert.equal(await refusal('a.test', { mx: { 'a.test': 'failed' } }), '451 4.4.3')
})

test('a domain that is in the hosts file alone is reached', async () => {
  const { mx } = tableResolver({})
  const { addresses } = tableResolver({ addresses: { 'printer.lan': ['192.0.2.9'] } })
  assert.deepEqual(await (await routeTo('printer.lan', { mx, addresses })).hosts(), [
    { name: 'printer.lan', port: 25, addresses: ['192.0.2.9'] },
  ])
})

test('an exchanger without addresses is skipped when there are others', async () => {
  const mx = {
    'a.test': [
      [1, 'gone.test'],
      [2, 'silent.test'],
      [3, 'bare.test'],
      [4, 'here.test'],
    ],
  } as const
  const addresses = { 'silent.test': 'failed', 'bare.test': [], 'here.test': ['192.0.2.1'] } as const
  assert.deepEqual(await names('a.test', { mx, addresses }), ['here.test'])
  assert.equal(await refusal('a.test', { mx, addresses: { ...addresses, 'here.test': [] } }), '451 4.4.3')
  assert.equal(await refusal('a.test', { mx, addresses: { 'bare.test': [] } }), '550 5.4.4')
})

test('an exchanger must be a host name: addresses and nonsense are passed over', async () => {
  const mx = {
    'a.test': [
      [1, '192.0.2.1'],
      [2, '2001:db8::1'],
      [3, 'two words.test'],
      [4, 'b.test'],
    ],
  } as const
  assert.deepEqual(await names('a.test', { mx, addresses: { 'b.test': ['192.0.2.1'] } }), ['b.test'])
  assert.equal(await refusal('a.test', { mx: { 'a.test': mx['a.test'].slice(0, 3) } }), '550 5.4.4')
})

test('an exchanger at the unspecified address is nowhere, for connecting there leads to this machine', async () => {
  const addresses = { 'b.test': ['0.0.0.0', '::', '::ffff:0.0.0.0'], 'c.test': ['0.0.0.0', '192.0.2.1'] }
  assert.equal(await refusal('a.test', { mx: { 'a.test': [[1, 'b.test']] }, addresses }), '550 5.4.4')
  assert.deepEqual((await hosts('a.test', { mx: { 'a.test': [[1, 'c.test']] }, addresses }))[0]?.addresses, [
    '192.0.2.1',
  ])
})

const addresses = {
  'best.test': ['192.0.2.1'],
  'peer.test': ['192.0.2.2'],
  'backup.test': ['192.0.2.3'],
  'mx.ours.test': ['192.0.2.25'],
  'alias.test': ['2001:db8::9', '192.0.2.25'],
}

test('hosts at our own preference and above are left out, whether we are there by name or by address', async () => {
  for (const us of ['mx.ours.test', 'MAIL.ours.test', 'alias.test']) {
    const mx = {
      'a.test': [
        [10, 'best.test'],
        [20, us],
        [20, 'peer.test'],
        [30, 'backup.test'],
      ],
    } as const
    assert.deepEqual(await names('a.test', { mx, addresses }), ['best.test'], us)
  }
})

test('of several of our preferences the best counts', async () => {
  const mx = {
    'a.test': [
      [10, 'best.test'],
      [15, 'alias.test'],
      [20, 'peer.test'],
      [30, 'mx.ours.test'],
    ],
  } as const
  assert.deepEqual(await names('a.test', { mx, addresses }), ['best.test'])
})

test('when only we are left, mail would loop', async () => {
  for (const us of ['mx.ours.test', 'alias.test']) {
    const mx = {
      'a.test': [
        [10, us],
        [10, 'peer.test'],
        [20, 'backup.test'],
      ],
    } as const
    assert.equal(await refusal('a.test', { mx, addresses }), '554 5.4.6', us)
  }
  assert.equal(await refusal('alias.test', { addresses }), '554 5.4.6')
  assert.equal(await refusal('mx.ours.test', { addresses }), '554 5.4.6')
})

test('when better hosts than we cannot be looked up now, it is not a loop yet; when they are gone, it is', async () => {
  const mx = {
    'a.test': [
      [10, 'silent.test'],
      [20, 'mx.ours.test'],
    ],
  } as const
  assert.equal(await refusal('a.test', { mx, addresses: { ...addresses, 'silent.test': 'failed' } }), '451 4.4.3')
  assert.equal(await refusal('a.test', { mx, addresses }), '554 5.4.6')
})

test('hosts behind us are of no interest, even when they cannot be looked up now', async () => {
  const mx = {
    'a.test': [
      [10, 'alias.test'],
      [20, 'silent.test'],
    ],
  } as const
  assert.equal(await refusal('a.test', { mx, addresses: { ...addresses, 'silent.test': 'failed' } }), '554 5.4.6')
})

test('at another port our address is somebody else', async () => {
  const answers = { mx: { 'a.test': [[1, 'alias.test']] }, addresses } as const
  assert.equal((await hosts('a.test', answers, 2525)).length, 1)
})

test('an address literal is its own host, if it is not we', async () => {
  assert.equal((await routeTo('[IPv6:2001:DB8::1]', tableResolver({}))).destination, '[IPv6:2001:db8::1]')
  assert.deepEqual(await hosts('[192.0.2.7]', {}), [{ name: '192.0.2.7', port: 25, addresses: ['192.0.2.7'] }])
  assert.deepEqual(await hosts('[IPv6:2001:DB8::1]', {}), [
    { name: '2001:db8::1', port: 25, addresses: ['2001:db8::1'] },
  ])
  assert.equal(await refusal('[192.0.2.25]', {}), '554 5.4.6')
  assert.equal(await refusal('[IPv6:::ffff:192.0.2.25]', {}), '554 5.4.6')
})

test('of very many hosts and addresses only some are tried, both families among them', async () => {
  const exchangers = Array.from({ length: 50 }, (_, i) => [i, `h${i}.test`] as const)
  const many = [
    ...Array.from({ length: 20 }, (_, i) => `2001:db8::${i + 1}`),
    ...Array.from({ length: 20 }, (_, i) => `192.0.2.${i + 101}`),
  ]
  const resolver = tableResolver({
    mx: { 'a.test': exchangers },
    addresses: Object.fromEntries(exchangers.map(([, name]) => [name, many])),
  })
  const found = await hosts('a.test', resolver)
  assert.deepEqual(
    found.map(({ name }) => name),
    exchangers.slice(0, 12).map(([, name]) => name),
  )
  assert.equal(resolver.asked.length, 13)
  const three = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '192.0.2.101', '192.0.2.102', '192.0.2.103']
  for (const { addresses } of found) assert.deepEqual(addresses, three)
  const [one] = await hosts('b.test', { addresses: { 'b.test': [...many.slice(0, 10), '192.0.2.1'] } })
  assert.deepEqual(one?.addresses, [...many.slice(0, 5), '192.0.2.1'])
})

test('what is no DnsError is a fault, and is not taken for an answer', async () => {
  const broken: Resolver = { mx: () => Promise.reject(new TypeError('bug')), addresses: async () => [] }
  await assert.rejects((await routeTo('a.test', broken)).hosts(), TypeError)
  const half: Resolver = { mx: async () => [], addresses: () => Promise.reject(new TypeError('bug')) }
  await assert.rejects((await routeTo('a.test', half)).hosts(), TypeError)
})
