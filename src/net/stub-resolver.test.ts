import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from 'dns-packet'
import fc from 'fast-check'
import {
  type DnsServer,
  dnsServer,
  packetOf,
  type Query,
  type Script,
  soa,
  zone,
} from '../../test/doubles/dns-server.ts'
import { type ManualClock, manualClock } from '../../test/doubles/manual-clock.ts'
import { DnsError, type RecordResolver, type Resolver } from './resolver.ts'
import { type StubOptions, stubResolver } from './stub-resolver.ts'

const a = (name: string, data: string, ttl = 300): Answer => ({ type: 'A', name, ttl, data })
const aaaa = (name: string, data: string, ttl = 300): Answer => ({ type: 'AAAA', name, ttl, data })
const cname = (name: string, data: string, ttl = 300): Answer => ({ type: 'CNAME', name, ttl, data })
const mx = (name: string, preference: number, exchange: string, ttl = 300): Answer => ({
  type: 'MX',
  name,
  ttl,
  data: { preference, exchange },
})

interface Bench {
  readonly resolver: Resolver & RecordResolver & { close(): Promise<void> }
  readonly servers: readonly [DnsServer, ...DnsServer[]]
  readonly clock: ManualClock
}

/** Runs against one server per script, and closes everything. */
const against = async (
  scripts: readonly [Script, ...Script[]],
  run: (bench: Bench) => Promise<void>,
  options: Partial<StubOptions> = {},
): Promise<void> => {
  const [first, ...rest] = scripts
  const servers = [await dnsServer(first), ...(await Promise.all(rest.map(dnsServer)))] as const
  const clock = manualClock()
  const resolver = stubResolver({ servers: servers.map(({ address }) => address), clock, ...options })
  try {
    await run({ resolver, servers, clock })
  } finally {
    await resolver.close()
    await Promise.all(servers.map((server) => server.close()))
  }
}

const fails =
  (kind: DnsError['kind'], message = /./) =>
  (error: unknown) =>
    error instanceof DnsError && error.kind === kind && message.test(error.message)

test('MX come by preference, in lower case, those of equal preference as the dice fall', async () => {
  const script = zone([
    mx('example.org', 20, 'c.test'),
    mx('example.org', 10, 'A.test'),
    mx('example.org', 10, 'b.test'),
  ])
  let dice = 0
  await against(
    [script],
    async ({ resolver, servers }) => {
      assert.deepEqual(await resolver.mx('Example.ORG'), [
        { preference: 10, name: 'a.test' },
        { preference: 10, name: 'b.test' },
        { preference: 20, name: 'c.test' },
      ])
      dice = 0.99
      assert.deepEqual(
        (await resolver.mx('example.org.')).map(({ name }) => name),
        ['b.test', 'a.test', 'c.test'],
      )
      assert.equal(servers[0].queries.length, 1)
      assert.equal(servers[0].queries[0]?.payload, 1232)
    },
    { random: () => dice },
  )
})

test('a null MX has no name, and no MX is an empty list', async () => {
  await against([zone([mx('null.test', 0, '.'), a('plain.test', '192.0.2.1')])], async ({ resolver }) => {
    assert.deepEqual(await resolver.mx('null.test'), [{ preference: 0, name: '' }])
    assert.deepEqual(await resolver.mx('plain.test'), [])
  })
})

test('both families are asked, in the order that is preferred', async () => {
  const script = zone([a('h.test', '192.0.2.1'), a('h.test', '192.0.2.2'), aaaa('h.test', '2001:db8::1')])
  await against([script], async ({ resolver }) => {
    assert.deepEqual(await resolver.addresses('h.test'), ['2001:db8::1', '192.0.2.1', '192.0.2.2'])
  })
  const prefer = { prefer: 'ipv4' } as const
  await against(
    [script],
    async ({ resolver }) => {
      assert.deepEqual(await resolver.addresses('h.test'), ['192.0.2.1', '192.0.2.2', '2001:db8::1'])
    },
    prefer,
  )
})

test('one family that fails does not fail the other, but is not taken for empty', async () => {
  const half =
    (answers: readonly Answer[]): Script =>
    ({ type }) => [type === 'AAAA' ? { rcode: 2 } : { answers }]
  await against([half([a('h.test', '192.0.2.1')])], async ({ resolver }) => {
    assert.deepEqual(await resolver.addresses('h.test'), ['192.0.2.1'])
  })
  await against([half([])], async ({ resolver }) => {
    await assert.rejects(resolver.addresses('h.test'), fails('failed', /SERVFAIL/))
  })
  const odd: Script = ({ type }) => [type === 'AAAA' ? { rcode: 3 } : { answers: [a('h.test', '192.0.2.1')] }]
  await against([odd], async ({ resolver }) => {
    assert.deepEqual(await resolver.addresses('h.test'), ['192.0.2.1'])
  })
})

test('a name that does not exist is not found; one without addresses has none', async () => {
  await against([zone([mx('mail.test', 1, 'x.test')])], async ({ resolver }) => {
    await assert.rejects(resolver.addresses('none.test'), fails('notFound', /none\.test/))
    await assert.rejects(resolver.mx('none.test'), fails('notFound'))
    assert.deepEqual(await resolver.addresses('mail.test'), [])
  })
})

test('what can be no name is not found, and nobody is asked', async () => {
  await against([zone([])], async ({ resolver, servers }) => {
    for (const name of ['', '.', 'a..b', 'bü.test', 'a b.test', '1.2.3', `${'a'.repeat(64)}.test`, 'a.'.repeat(130)]) {
      await assert.rejects(resolver.mx(name), fails('notFound'), name)
      await assert.rejects(resolver.addresses(name), fails('notFound'), name)
    }
    assert.equal(servers[0].queries.length, 0)
  })
})

test('records of policies are told as they are, of names that are no hosts as well', async () => {
  const spaced = 'a/b %c._spf.test'
  const script = zone([
    { type: 'TXT', name: 'p.test', ttl: 9, data: ['v=spf1 ', 'A ', Buffer.from([0xe9])] },
    { type: 'TXT', name: spaced, ttl: 9, data: 'x' },
    { type: 'PTR', name: '1.2.0.192.in-addr.arpa', ttl: 9, data: 'H.test' },
    mx('p.test', 5, 'h.test'),
  ])
  await against([script], async ({ resolver, servers }) => {
    const values = async (...asked: Parameters<RecordResolver['records']>) =>
      (await resolver.records(...asked)).map(({ preference, value }) => [preference, value])
    assert.deepEqual(await values('P.test.', 'TXT'), [[0, 'v=spf1 A \xe9']])
    assert.deepEqual(await values(spaced, 'TXT'), [[0, 'x']])
    assert.deepEqual(await values('1.2.0.192.in-addr.arpa', 'PTR'), [[0, 'h.test']])
    assert.deepEqual(await values('p.test', 'MX'), [[5, 'h.test']])
    assert.deepEqual(await values('p.test', 'A'), [])
    await assert.rejects(resolver.records('none.test', 'A'), fails('notFound'))
    const before = servers[0].queries.length
    for (const name of ['', '.', 'a..b', 'bü.test', `${'a'.repeat(64)}.test`, 'a.'.repeat(130), 'x.localhost']) {
      await assert.rejects(resolver.records(name, 'TXT'), fails('notFound'), name)
    }
    assert.equal(servers[0].queries.length, before)
  })
})

test('addresses, localhost and the hosts file are answered without a server', async () => {
  const hosts = { addresses: async (name: string) => (name === 'printer.test' ? ['192.0.2.9'] : []) }
  await against(
    [zone([])],
    async ({ resolver, servers }) => {
      assert.deepEqual(await resolver.addresses('192.0.2.1'), ['192.0.2.1'])
      assert.deepEqual(await resolver.addresses('2001:db8::1'), ['2001:db8::1'])
      assert.deepEqual(await resolver.addresses('Printer.test'), ['192.0.2.9'])
      assert.deepEqual(await resolver.addresses('a.localhost'), ['::1', '127.0.0.1'])
      assert.deepEqual(await resolver.mx('localhost'), [])
      assert.equal(servers[0].queries.length, 0)
    },
    { hosts },
  )
})

test('SERVFAIL and REFUSED go to the next server, and fail when there is none', async () => {
  const known = zone([a('h.test', '192.0.2.1'), aaaa('h.test', '2001:db8::1')])
  await against([() => [{ rcode: 2 }], () => [{ rcode: 5 }], known], async ({ resolver, servers }) => {
    assert.deepEqual(await resolver.addresses('h.test'), ['2001:db8::1', '192.0.2.1'])
    assert.deepEqual(
      servers.map(({ queries }) => queries.length),
      [2, 2, 2],
    )
  })
  await against([() => [{ rcode: 2 }], () => [{ rcode: 5 }]], async ({ resolver }) => {
    await assert.rejects(resolver.mx('h.test'), fails('failed', /REFUSED/))
  })
})

test('a server that points elsewhere, or denies what it is no authority for, is not believed', async () => {
  const ns: Answer = { type: 'NS', name: 'test', ttl: 300, data: 'ns.test' }
  const referral: Script = () => [{ lame: true, authorities: [ns] }]
  await against([referral, () => [{ lame: true, rcode: 3 }]], async ({ resolver }) => {
    await assert.rejects(resolver.mx('h.test'), fails('failed', /looks nothing up/))
  })
})

test('an upper rcode of EDNS is no success', async () => {
  await against([() => [{ extendedRcode: 1 }]], async ({ resolver }) => {
    await assert.rejects(resolver.mx('h.test'), fails('failed', /rcode 16/))
  })
})

test('a server that does not know EDNS is asked without', async () => {
  for (const says of [{ rcode: 1 }, { rcode: 4 }, { rcode: 1, question: null }]) {
    const old: Script = ({ payload }) => [payload === undefined ? { answers: [mx('h.test', 5, 'mx.test')] } : says]
    await against([old], async ({ resolver, servers }) => {
      assert.deepEqual(await resolver.mx('h.test'), [{ preference: 5, name: 'mx.test' }])
      assert.equal(servers[0].queries.length, 2)
    })
  }
})

test('a silent server is asked again, then fails; it is asked last for a while', async () => {
  const known = zone([mx('a.test', 1, 'x.test'), mx('b.test', 1, 'x.test'), mx('c.test', 1, 'x.test')])
  await against([() => []], async ({ resolver, servers, clock }) => {
    const failing = assert.rejects(resolver.mx('a.test'), fails('failed', /no answer in time/))
    await servers[0].asked(1)
    await clock.advance(4000)
    await servers[0].asked(2)
    await clock.advance(4000)
    await failing
    assert.equal(clock.pending, 0)
  })
  await against([() => [], known], async ({ resolver, servers, clock }) => {
    const first = resolver.mx('a.test')
    await servers[0].asked(1)
    await clock.advance(4000)
    assert.equal((await first).length, 1)
    await resolver.mx('b.test')
    assert.equal(servers[0].queries.length, 1)
    await clock.advance(30_000)
    void resolver.mx('c.test').catch(() => {})
    await servers[0].asked(2)
  })
})

test('a port that nobody listens on is no answer, at once', async () => {
  const gone = await dnsServer(() => [])
  await gone.close()
  const clock = manualClock()
  const resolver = stubResolver({ servers: [gone.address], clock, tries: 1 })
  await assert.rejects(resolver.mx('h.test'), fails('failed', /ECONNREFUSED/))
  await resolver.close()
})

test('an answer that was cut is fetched over TCP, also when it is cut inside a record', async () => {
  const many = Array.from({ length: 60 }, (_, i) =>
    mx('big.test', i, `mx${i}.a-long-name-so-that-it-does-not-fit.test`),
  )
  const whole = (query: Query) => packetOf(query, { answers: many, truncated: true })
  for (const cut of [
    (query: Query) => ({ ...query, truncated: true as const }),
    (q: Query) => whole(q).subarray(0, 500),
  ]) {
    const script: Script = (query) => [query.via === 'udp' ? cut(query) : { answers: many }]
    await against([script], async ({ resolver, servers }) => {
      assert.equal((await resolver.mx('big.test')).length, 60)
      assert.deepEqual(
        servers[0].queries.map(({ via }) => via),
        ['udp', 'tcp'],
      )
    })
  }
})

test('over TCP too, silence, garbage and a closed line are failures', async () => {
  const cut: Script = ({ via }) => (via === 'udp' ? [{ truncated: true }] : [])
  await against(
    [cut],
    async ({ resolver, servers, clock }) => {
      const failing = assert.rejects(resolver.mx('h.test'), fails('failed', /in time/))
      await servers[0].asked(2)
      await clock.advance(4000)
      await failing
    },
    { tries: 1 },
  )
  for (const says of [Buffer.from('no DNS at all'), { id: 0 }, { truncated: true as const }]) {
    const script: Script = ({ via, id }) => [via === 'udp' ? { truncated: true } : 'id' in says ? { id: id ^ 1 } : says]
    await against(
      [script],
      async ({ resolver }) => {
        await assert.rejects(resolver.mx('h.test'), fails('failed', /malformed|cut short/))
      },
      { tries: 1 },
    )
  }
})

test('forged answers are passed over: wrong id, wrong question, wrong port, no response', async () => {
  const lie = [a('h.test', '203.0.113.66')]
  const script: Script = (query) => [
    { answers: lie, id: query.id ^ 0x8000 },
    { answers: lie, question: { name: 'g.test', type: query.type } },
    { answers: lie, question: { name: query.name, type: 'TXT' } },
    { answers: lie, question: null },
    { answers: lie, elsewhere: true },
    Buffer.from(packetOf(query, { answers: lie })).fill(0, 2, 3),
    { answers: query.type === 'A' ? [a('H.Test', '192.0.2.1')] : [], question: { name: 'H.TEST', type: query.type } },
  ]
  await against([script], async ({ resolver, servers }) => {
    assert.deepEqual(await resolver.addresses('h.test'), ['192.0.2.1'])
    const [one, two] = servers[0].queries
    assert.notEqual(one?.port, two?.port)
  })
})

test('under a flood of guesses it goes over to TCP', async () => {
  const script: Script = (query) =>
    query.via === 'tcp'
      ? [{ answers: [mx('h.test', 1, 'mx.test')] }]
      : Array.from({ length: 20 }, (_, i) => ({ id: query.id ^ (i + 1), answers: [mx('h.test', 1, 'evil.test')] }))
  await against([script], async ({ resolver }) => {
    assert.deepEqual(await resolver.mx('h.test'), [{ preference: 1, name: 'mx.test' }])
  })
})

test('records that answer something else are left alone', async () => {
  const script: Script = () => [
    {
      answers: [
        mx('other.test', 1, 'evil.test'),
        { type: 'MX', name: 'h.test', class: 'CH', ttl: 1, data: { preference: 1, exchange: 'chaos.test' } },
        mx('h.test', 2, 'mx.test'),
      ],
    },
  ]
  await against([script], async ({ resolver }) => {
    assert.deepEqual(await resolver.mx('h.test'), [{ preference: 2, name: 'mx.test' }])
  })
})

test('aliases are followed, inside one answer and with another question', async () => {
  const records = [cname('a.test', 'B.test'), cname('b.test', 'c.test'), mx('c.test', 1, 'mx.test')]
  await against([zone(records)], async ({ resolver, servers }) => {
    assert.equal((await resolver.mx('a.test')).length, 1)
    assert.equal(servers[0].queries.length, 1)
  })
  const piecemeal: Script = ({ name }) => [{ answers: records.filter((one) => one.name === name) }]
  await against([piecemeal], async ({ resolver, servers }) => {
    assert.equal((await resolver.mx('a.test')).length, 1)
    assert.deepEqual(
      servers[0].queries.map(({ name }) => name),
      ['a.test', 'b.test', 'c.test'],
    )
  })
  const bare: Script = () => [{ answers: [cname('a.test', 'b.test')], authorities: [soa('test', 60)] }]
  await against([bare], async ({ resolver, servers }) => {
    assert.deepEqual(await resolver.mx('a.test'), [])
    assert.equal(servers[0].queries.length, 1)
  })
  await against([zone([cname('a.test', 'gone.test')])], async ({ resolver }) => {
    await assert.rejects(resolver.mx('a.test'), fails('notFound'))
  })
})

test('aliases in a circle, without end, or to no host name are refused', async () => {
  const circle = [cname('a.test', 'b.test'), cname('b.test', 'a.test')]
  const endless: Script = ({ name }) => [{ answers: [cname(name, `x.${name}`)] }]
  const scripts = [zone(circle), endless, () => [{ answers: [cname('a.test', 'b c.test')] }]] as const
  for (const script of scripts) {
    await against([script], async ({ resolver, servers }) => {
      await assert.rejects(resolver.mx('a.test'), fails('failed', /alias/))
      assert.ok(servers[0].queries.length <= 13)
    })
  }
})

test('an answer is kept as long as its shortest record, and no longer', async () => {
  const script = zone([cname('a.test', 'b.test', 100), mx('b.test', 1, 'x.test', 500), mx('b.test', 2, 'y.test', 30)])
  await against([script], async ({ resolver, servers, clock }) => {
    await resolver.mx('a.test')
    await clock.advance(29_999)
    await resolver.mx('A.test')
    assert.equal(servers[0].queries.length, 1)
    await clock.advance(1)
    await resolver.mx('a.test')
    assert.equal(servers[0].queries.length, 2)
  })
})

test('a TTL beyond a day, or with its top bit set, is not taken at its word', async () => {
  for (const [ttl, holds] of [
    [0x7fffffff, 86_400],
    [0x80000000, 0],
  ] as const) {
    await against([zone([mx('h.test', 1, 'x.test', ttl)])], async ({ resolver, servers, clock }) => {
      await resolver.mx('h.test')
      await clock.advance(Math.max(0, holds * 1000 - 1))
      await resolver.mx('h.test')
      assert.equal(servers[0].queries.length, holds === 0 ? 2 : 1)
      await clock.advance(1)
      await resolver.mx('h.test')
      assert.equal(servers[0].queries.length, holds === 0 ? 3 : 2)
    })
  }
})

test('that there is nothing holds by the SOA, at most an hour, and not at all without one', async () => {
  const cases = [
    [[soa('test', 60, 600)], 60],
    [[soa('test', 600, 60)], 60],
    [[soa('test', 1e6, 1e6)], 3600],
    [[], 0],
  ] as const
  for (const rcode of [0, 3]) {
    for (const [authorities, holds] of cases) {
      await against([() => [{ rcode, authorities }]], async ({ resolver, servers, clock }) => {
        const ask = () => resolver.mx('h.test').catch((error) => assert.ok(fails('notFound')(error)))
        await ask()
        await clock.advance(Math.max(0, holds * 1000 - 1))
        await ask()
        assert.equal(servers[0].queries.length, holds === 0 ? 2 : 1)
        await clock.advance(1)
        await ask()
        assert.equal(servers[0].queries.length, holds === 0 ? 3 : 2)
      })
    }
  }
})

test('a failure is remembered for five seconds', async () => {
  await against([() => [{ rcode: 2 }]], async ({ resolver, servers, clock }) => {
    await assert.rejects(resolver.mx('h.test'))
    await clock.advance(4999)
    await assert.rejects(resolver.mx('h.test'), fails('failed'))
    assert.equal(servers[0].queries.length, 1)
    await clock.advance(1)
    await assert.rejects(resolver.mx('h.test'))
    assert.equal(servers[0].queries.length, 2)
  })
})

test('who asks the same at the same time shares the answer', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const script: Script = async () => {
    await promise
    return [{ answers: [mx('h.test', 1, 'x.test')] }]
  }
  await against([script], async ({ resolver, servers }) => {
    const all = Promise.all(Array.from({ length: 50 }, () => resolver.mx('h.test')))
    await servers[0].asked(1)
    resolve()
    assert.equal((await all).length, 50)
    assert.equal(servers[0].queries.length, 1)
  })
})

test('the oldest entry makes room for a new one', async () => {
  const script = zone(['a', 'b', 'c'].map((one) => mx(`${one}.test`, 1, 'x.test')))
  await against(
    [script],
    async ({ resolver, servers }) => {
      for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await resolver.mx(`${name}.test`)
      assert.deepEqual(
        servers[0].queries.map(({ name }) => name),
        ['a.test', 'b.test', 'c.test', 'b.test'],
      )
    },
    { entries: 2 },
  )
})

test('closing ends what is under way, and whatever is asked later', async () => {
  await against([() => []], async ({ resolver, servers, clock }) => {
    const failing = assert.rejects(resolver.mx('h.test'), fails('failed', /closed/))
    await servers[0].asked(1)
    await resolver.close()
    await failing
    await assert.rejects(resolver.mx('g.test'), fails('failed', /closed/))
    assert.equal(clock.pending, 0)
  })
})

test('name servers that are none are refused at once', () => {
  for (const server of ['', 'ns.test', '1.2.3', '192.0.2.1:0', '192.0.2.1:65536', '[192.0.2.1]', '[::1', '::1:53x']) {
    assert.throws(() => stubResolver({ servers: [server], clock: manualClock() }), RangeError, server)
  }
})

test('packets changed at will never crash it and never leave a question without an end', async () => {
  const good = [cname('h.test', 'i.test'), mx('i.test', 10, 'mx.i.test'), mx('i.test', 20, 'mx2.i.test')]
  const ends = { answered: 0, refused: 0 }
  let change: (octets: Buffer) => Buffer = (octets) => octets
  const script: Script = (query) => [change(packetOf(query, { answers: good, authorities: [soa('test', 5)] }))]
  const server = await dnsServer(script)
  const mutation = fc.record({
    octets: fc.array(fc.tuple(fc.integer({ min: 2, max: 140 }), fc.nat(255)), { maxLength: 3 }),
    length: fc.option(fc.nat(140), { freq: 5 }),
  })
  const ask = async ({ octets, length }: { octets: [number, number][]; length: number | null }) => {
    change = (packet) => {
      for (const [at, value] of octets) if (at < packet.length) packet[at] = value
      return packet.subarray(0, length ?? packet.length)
    }
    const clock = manualClock()
    const resolver = stubResolver({ servers: [server.address], clock, tries: 1 })
    let open = true
    const asking = resolver
      .mx('h.test')
      .then(
        () => (ends.answered += 1),
        (error) => (ends.refused += Number(error instanceof DnsError)),
      )
      .finally(() => (open = false))
    for (let turn = 0; open && turn < 20; turn += 1) await clock.settle()
    // Whatever it still waits for has a limit: UDP and TCP, with EDNS and without, three names.
    for (let limit = 0; open && limit < 12; limit += 1) await clock.advance(4000)
    assert.equal(open, false)
    await asking
    await resolver.close()
    assert.equal(clock.pending, 0)
  }
  try {
    const runs = 300
    await fc.assert(fc.asyncProperty(mutation, ask), { numRuns: runs })
    assert.equal(ends.answered + ends.refused, runs)
    assert.ok(ends.answered > 10 && ends.refused > 10, JSON.stringify(ends))
  } finally {
    await server.close()
  }
})
