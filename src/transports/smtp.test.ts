import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type FarmNames, hopFarm, type Scripts } from '../../test/doubles/hop-farm.ts'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { type ManualClock, manualClock } from '../../test/doubles/manual-clock.ts'
import { readAddress } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { refuse, reply } from '../mail/reply.ts'
import { TlsFailed } from '../net/tls.ts'
import type { Host, Route } from '../routers/router.ts'
import { Barred, type Extension, RetryWithout } from '../smtp/extension.ts'
import { createRegistry } from '../smtp/registry.ts'
import type { SpooledMessage, SpooledRecipient } from '../spool/spool.ts'
import { mail, recipients } from './contract-mail.ts'
import { lmtpTransport } from './lmtp.ts'
import { type SmtpTransportOptions, smtpTransport } from './smtp.ts'
import type { Outcome, Transport } from './transport.ts'

const HELLO = 'S: 220 hop\nC: EHLO me.test\nS: 250 hop\n'
const OK = 'S: 250 2.0.0 fine\n'
const mailFrom = (sender = 'sender@else.test') => `C: MAIL FROM:<${sender}>\n`
const rcpt = (address: string) => `C: RCPT TO:<${address}>\n`
const BODY = `C: DATA\nS: 354 go\nC: …body\n${OK}`
const one = (address: string) => `${mailFrom()}${OK}${rcpt(address)}${OK}${BODY}`

const routeTo = (...hosts: readonly Host[]): Route => ({
  to: 'host',
  transport: 'out',
  destination: 'there.test',
  hosts: async () => hosts,
})
const at = (address: string, name = `mx-${address}`): Host => ({ name, port: 25, addresses: [address] })

interface World {
  readonly transport: Transport
  readonly farm: ReturnType<typeof hopFarm>
  readonly clock: ManualClock
  /** Closes the transport; the bodies that came. */
  arrived(): Promise<readonly string[]>
  /** `KEY CODE STATUS BY PHASE REMOTE`, with the event or `down` behind it, in the order they came. */
  deliver(to: Route, who: readonly SpooledRecipient[], more?: Partial<SpooledMessage>): Promise<string[]>
}

const tell = ({ of, diagnosis, event, destinationDown }: Outcome): string => {
  const { code, status, by, phase, remote } = diagnosis
  const words = [of, code, status, by, phase, remote?.name, event, destinationDown && 'down']
  return words.filter((word) => word !== undefined && word !== '').join(' ')
}

const world = async (
  scripts: Scripts,
  act: (world: World) => Promise<void>,
  more: Partial<SmtpTransportOptions> & {
    extensions?: readonly Extension[]
    names?: FarmNames
    lmtp?: true
    store?: Host
  } = {},
): Promise<void> => {
  const clock = manualClock()
  const log = keptLog()
  const farm = hopFarm(clock, scripts, more.names)
  const registry = createRegistry(more.extensions ?? [])
  const { dial, resolver } = farm
  const options = { name: 'out', registry, dial, resolver, hostname: 'me.test', clock, log, ...more }
  const transport = more.lmtp ? lmtpTransport(options) : smtpTransport(options)
  const deliver: World['deliver'] = async (to, who, message) => {
    const outcomes: string[] = []
    const job = { message: mail(['Subject: x\r\n\r\nHello.\r\n'], message), recipients: who, to }
    await transport.deliver(job, new AbortController().signal, (outcome) => outcomes.push(tell(outcome)))
    return outcomes
  }
  const arrived = async () => {
    await transport.close()
    await farm.end()
    return farm.bodies
  }
  try {
    await act({ transport, farm, clock, deliver, arrived })
  } finally {
    await transport.close()
    await farm.end()
  }
}

const A = recipients('a@there.test')
const AB = recipients('a@there.test', 'b@there.test')

describe('hosts', () => {
  test('the first that answers gets the mail', async () => {
    await world(
      { '10.0.0.1': 'refuses', '10.0.0.2': [HELLO + one('a@there.test')] },
      async ({ deliver, farm, arrived }) => {
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2'), at('10.0.0.3')), A), [
          '7 250 2.0.0 smtp body mx-10.0.0.2',
        ])
        assert.deepEqual(farm.dialled, ['(10.0.0.1)', '10.0.0.2'])
        assert.deepEqual(await arrived(), ['Subject: x\r\n\r\nHello.\r\n'])
      },
    )
  })

  for (const [what, script] of [
    ['421', 'S: 421 busy'],
    ['450', 'S: 450 busy\nC: QUIT'],
    ['554', 'S: 554 nobody here\nC: QUIT'],
    ['521', 'S: 521 never\nC: QUIT'],
    ['nonsense', 'S: hello?'],
    ['an end', 'X: end'],
    ['a refused EHLO', 'S: 220 hop\nC: EHLO me.test\nS: 550 not you\nC: QUIT'],
  ] as const) {
    test(`a greeting of ${what}: the next one`, async () => {
      await world({ '10.0.0.1': [script], '10.0.0.2': [HELLO + one('a@there.test')] }, async ({ deliver }) => {
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2')), A), [
          '7 250 2.0.0 smtp body mx-10.0.0.2',
        ])
      })
    })
  }

  test('nobody at all: the destination is down', async () => {
    await world({ '10.0.0.1': 'refuses', '10.0.0.2': 'refuses' }, async ({ deliver }) => {
      assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2')), AB), [
        '7 451 4.4.1 us connect mx-10.0.0.2 down',
        '10 451 4.4.1 us connect mx-10.0.0.2 down',
      ])
    })
  })

  test('all refuse for good: that is final; one that may come back: later', async () => {
    await world(
      { '10.0.0.1': ['S: 554 no\nC: QUIT', 'S: 554 no\nC: QUIT'], '10.0.0.2': 'refuses' },
      async ({ deliver }) => {
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1')), A), ['7 554 smtp greeting mx-10.0.0.1'])
        assert.deepEqual(await deliver(routeTo(at('10.0.0.2'), at('10.0.0.1')), A), [
          '7 451 4.4.1 us connect mx-10.0.0.2 down',
        ])
      },
    )
  })

  test('each address of a host is tried, also after a bad greeting', async () => {
    const host = { name: 'mx.test', port: 25 }
    await world(
      { '10.0.0.1': 'refuses', '10.0.0.2': ['S: 421 busy'], '10.0.0.3': [HELLO + one('a@there.test')] },
      async ({ deliver, farm }) => {
        assert.deepEqual(await deliver(routeTo(host), A), ['7 250 2.0.0 smtp body mx.test'])
        assert.deepEqual(farm.dialled, ['(10.0.0.1)', '10.0.0.2', '10.0.0.3'])
      },
      { names: { 'mx.test': ['10.0.0.1', '10.0.0.2', '10.0.0.3'] } },
    )
  })

  test('address literals need no look-up', async () => {
    await world({ '::1': [HELLO + one('a@there.test')] }, async ({ deliver }) => {
      assert.deepEqual(await deliver(routeTo({ name: '::1', port: 25 }), A), ['7 250 2.0.0 smtp body ::1'])
    })
  })

  for (const [what, found, outcome] of [
    ['does not exist', 'notFound', '7 550 5.4.4 us connect mx.test'],
    ['has no address', [], '7 550 5.4.4 us connect mx.test'],
    ['cannot be looked up', 'failed', '7 451 4.4.3 us connect mx.test down'],
  ] as const) {
    test(`a host that ${what}`, async () => {
      await world(
        {},
        async ({ deliver }) => assert.deepEqual(await deliver(routeTo({ name: 'mx.test', port: 25 }), A), [outcome]),
        {
          names: { 'mx.test': found },
        },
      )
    })
  }

  const barring: Extension = {
    keyword: 'X-BARRING',
    rfc: [],
    client: {
      notOffered() {
        throw new Barred(reply(450, '4.7.0', 'No way'))
      },
    },
  }
  test('one that bars all mail is asked at one address; where no other host does, the destination is down', async () => {
    const many: Host = { name: 'mx.test', port: 25, addresses: ['10.0.0.1', '10.0.0.2'] }
    const scripts = { '10.0.0.1': [`${HELLO}C: QUIT`, `${HELLO}C: QUIT`], '10.0.0.3': [`${HELLO}C: QUIT`] }
    await world(
      scripts,
      async ({ deliver, farm }) => {
        assert.deepEqual(await deliver(routeTo(many), A), ['7 450 4.7.0 us EHLO mx.test down'])
        assert.deepEqual(await deliver(routeTo(many, at('10.0.0.3')), A), ['7 450 4.7.0 us EHLO mx-10.0.0.3 down'])
        assert.deepEqual(farm.dialled, ['10.0.0.1', '10.0.0.1', '10.0.0.3'])
      },
      { extensions: [barring] },
    )
  })

  test('a route without hosts says why', async () => {
    await world({}, async ({ deliver }) => {
      const none = (code: number, status: string): Route => ({
        ...routeTo(),
        hosts: async () => refuse(code, status, 'No mail'),
      })
      assert.deepEqual(await deliver(none(556, '5.1.10'), A), ['7 556 5.1.10 us route'])
      assert.deepEqual(await deliver(none(451, '4.4.3'), A), ['7 451 4.4.3 us route down'])
      assert.deepEqual(await deliver(routeTo(), A), ['7 451 4.4.4 us route down'])
      const broken: Route = { ...routeTo(), hosts: () => Promise.reject(new Misconfigured('x')) }
      await assert.rejects(deliver(broken, A), Misconfigured)
    })
  })

  test('a recipient refused by one host is not offered to the next', async () => {
    await world(
      {
        '10.0.0.1': [
          `${HELLO}${mailFrom()}${OK}${rcpt('a@there.test')}S: 450 4.2.0 greylisted\n${rcpt('b@there.test')}S: 550 5.1.1 no`,
        ],
      },
      async ({ deliver, farm }) => {
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2')), AB), [
          '7 450 4.2.0 smtp RCPT mx-10.0.0.1',
          '10 550 5.1.1 smtp RCPT mx-10.0.0.1',
        ])
        assert.deepEqual(farm.dialled, ['10.0.0.1'])
      },
    )
  })

  test('a connection that breaks before the body was sent: the next host for those without an outcome', async () => {
    const breaks = `${HELLO}${mailFrom()}${OK}${rcpt('a@there.test')}S: 550 5.1.1 no\n${rcpt('b@there.test')}X: cut`
    await world({ '10.0.0.1': [breaks], '10.0.0.2': [HELLO + one('b@there.test')] }, async ({ deliver }) => {
      assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2')), AB), [
        '7 550 5.1.1 smtp RCPT mx-10.0.0.1',
        '10 250 2.0.0 smtp body mx-10.0.0.2',
      ])
    })
  })

  test('a connection that breaks after that: later, lest it comes twice', async () => {
    const breaks = `${HELLO}${mailFrom()}${OK}${rcpt('a@there.test')}${OK}C: DATA\nS: 354 go\nC: …body\nX: cut`
    await world({ '10.0.0.1': [breaks] }, async ({ deliver, farm }) => {
      assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2')), A), ['7 451 4.4.2 us body mx-10.0.0.1'])
      assert.deepEqual(farm.dialled, ['10.0.0.1'])
    })
  })

  test('mail that may go on where it broke off is tried there first, at the same address', async () => {
    const goesOn: Extension = { keyword: 'G', rfc: [], client: { goesOn: ({ facts }) => facts.octets > 0 } }
    const good = HELLO + one('a@there.test')
    const several: Host = { name: 'mx-2', port: 25, addresses: ['10.0.0.2', '10.0.0.3'] }
    const remote = { name: 'mx-2', address: '10.0.0.3' }
    const last = { code: 451, status: '4.4.2', lines: ['gone'], by: 'us', at: 0, remote } as const
    const scripts = { '10.0.0.1': [good], '10.0.0.2': [good], '10.0.0.3': [good] }
    const both = [at('10.0.0.1'), several]
    const cases: [phase: string, extensions: Extension[], hosts: Host[], dialled: string][] = [
      ['body', [goesOn], both, '10.0.0.3'],
      ['body', [], both, '10.0.0.1'],
      ['body', [], [several], '10.0.0.2'],
      ['RCPT', [goesOn], both, '10.0.0.1'],
    ]
    for (const [phase, extensions, hosts, dialled] of cases) {
      const who = A.map((r): SpooledRecipient => ({ ...r, fate: { is: 'waiting', due: 0, last: { ...last, phase } } }))
      await world(
        scripts,
        async ({ deliver, farm }) => {
          await deliver(routeTo(...hosts), who)
          assert.deepEqual(farm.dialled, [dialled])
        },
        { extensions },
      )
    }
  })

  test('an extension may want another host, and the last word stands', async () => {
    const wants: Extension = {
      keyword: 'W',
      rfc: [],
      client: {
        concerns: () => true,
        without: () => [{ do: 'refuse', reply: reply(550, '5.7.30', 'No W'), next: 'otherHost' }],
      },
    }
    const offers = 'S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250 W\n'
    const extensions = [wants]
    await world(
      { '10.0.0.1': [HELLO], '10.0.0.2': [offers + one('a@there.test')] },
      async ({ deliver }) =>
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2')), A), [
          '7 250 2.0.0 smtp body mx-10.0.0.2',
        ]),
      { extensions },
    )
    await world(
      { '10.0.0.1': [HELLO], '10.0.0.2': [HELLO] },
      async ({ deliver }) =>
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2')), A), [
          '7 550 5.7.30 us MAIL mx-10.0.0.2',
        ]),
      { extensions },
    )
    await world(
      { '10.0.0.1': [HELLO], '10.0.0.2': 'refuses' },
      async ({ deliver }) =>
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1'), at('10.0.0.2')), A), [
          '7 451 4.4.1 us connect mx-10.0.0.2',
        ]),
      { extensions },
    )
  })
})

describe('connections', () => {
  test('are used again, and MAIL follows the 250 at once', async () => {
    const script = HELLO + one('a@there.test') + one('b@there.test') + one('c@there.test')
    await world({ '10.0.0.1': [script] }, async ({ deliver, farm }) => {
      for (const name of ['a', 'b', 'c']) await deliver(routeTo(at('10.0.0.1')), recipients(`${name}@there.test`))
      assert.deepEqual(farm.dialled, ['10.0.0.1'])
    })
  })

  test('are not shared between destinations', async () => {
    await world(
      { '10.0.0.1': [HELLO + one('a@there.test'), HELLO + one('a@there.test')] },
      async ({ deliver, farm }) => {
        await deliver(routeTo(at('10.0.0.1')), A)
        await deliver({ ...routeTo(at('10.0.0.1')), destination: 'other.test' }, A)
        assert.equal(farm.dialled.length, 2)
      },
    )
  })

  test('take leave when nothing more comes', async () => {
    const script = `${HELLO}${one('a@there.test')}${one('a@there.test')}C: QUIT\nS: 221 bye\nX: end`
    await world({ '10.0.0.1': [script, HELLO + one('a@there.test')] }, async ({ deliver, farm, clock }) => {
      await deliver(routeTo(at('10.0.0.1')), A)
      await clock.advance(9_999)
      await deliver(routeTo(at('10.0.0.1')), A)
      await clock.advance(10_000)
      await deliver(routeTo(at('10.0.0.1')), A)
      assert.equal(farm.dialled.length, 2)
    })
  })

  test('take leave after so many transactions', async () => {
    const two = HELLO + one('a@there.test') + one('a@there.test')
    await world(
      { '10.0.0.1': [two, HELLO + one('a@there.test')] },
      async ({ deliver, farm }) => {
        for (let n = 0; n < 3; n += 1) await deliver(routeTo(at('10.0.0.1')), A)
        assert.equal(farm.dialled.length, 2)
      },
      { connections: { transactions: 2 } },
    )
  })

  test('two at once are two, and both wait afterwards', async () => {
    const script = HELLO + one('a@there.test') + one('a@there.test')
    await world({ '10.0.0.1': [script, script] }, async ({ deliver, farm }) => {
      for (let n = 0; n < 2; n += 1) {
        await Promise.all([deliver(routeTo(at('10.0.0.1')), A), deliver(routeTo(at('10.0.0.1')), A)])
      }
      assert.equal(farm.dialled.length, 2)
    })
  })

  for (const [what, end] of [
    ['closed', 'X: end'],
    ['cut', 'X: cut'],
    ['closed with 421', 'S: 421 idle\nX: end'],
    ['closed when MAIL comes', `${mailFrom()}X: cut`],
    ['refusing MAIL with 421', `${mailFrom()}S: 421 idle`],
  ] as const) {
    test(`${what} in the meantime: a new one, once, and nobody hears of it`, async () => {
      const scripts = [`${HELLO}${one('a@there.test')}${end}`, HELLO + one('a@there.test')]
      await world({ '10.0.0.1': scripts }, async ({ deliver, farm }) => {
        await deliver(routeTo(at('10.0.0.1')), A)
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1')), A), ['7 250 2.0.0 smtp body mx-10.0.0.1'])
        assert.equal(farm.dialled.length, 2)
      })
    })
  }

  test('a host that is down after its connection died: the destination is down', async () => {
    await world({ '10.0.0.1': [`${HELLO}${one('a@there.test')}${mailFrom()}X: cut`] }, async ({ deliver }) => {
      await deliver(routeTo(at('10.0.0.1')), A)
      assert.deepEqual(await deliver(routeTo(at('10.0.0.1')), A), ['7 451 4.4.1 us connect mx-10.0.0.1 down'])
    })
  })

  test('a hop that allows one transaction: a connection each', async () => {
    const limits: Extension = {
      keyword: 'L',
      rfc: [],
      client: { offered: ({ hop }) => void hop.limits.set('transactions', 1).set('recipients', 1) },
    }
    const offers = 'S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250 L\n'
    await world(
      { '10.0.0.1': [offers + one('a@there.test'), offers + one('b@there.test')] },
      async ({ deliver, farm }) => {
        assert.equal((await deliver(routeTo(at('10.0.0.1')), AB)).length, 2)
        assert.equal(farm.dialled.length, 2)
      },
      { extensions: [limits] },
    )
  })

  test('mail whose demands are wishes has connections of its own', async () => {
    const demanding: Extension = {
      keyword: 'DEMAND',
      rfc: [],
      client: {
        notOffered: ({ lenient }) => (lenient ? undefined : refuse(451, '4.7.10', 'Demanded')),
        lenient: ({ envelope }) => 'LENIENT' in envelope.params,
      },
    }
    await world(
      { '10.0.0.1': [HELLO + one('a@there.test') + one('a@there.test'), HELLO] },
      async ({ deliver, farm }) => {
        const to = routeTo(at('10.0.0.1'))
        for (let times = 0; times < 2; times += 1) {
          const said = await deliver(to, A, { params: { LENIENT: true } })
          assert.deepEqual(said, ['7 250 2.0.0 smtp body mx-10.0.0.1'])
        }
        // The host is there, so the destination is not down.
        assert.deepEqual(await deliver(to, A), ['7 451 4.7.10 us EHLO mx-10.0.0.1'])
        assert.equal(farm.dialled.length, 2)
      },
      { extensions: [demanding] },
    )
  })

  test('a hop that allows one domain: those of others go elsewhere', async () => {
    const limits: Extension = {
      keyword: 'L',
      rfc: [],
      client: { offered: ({ hop }) => void hop.limits.set('domains', 1) },
    }
    const offers = 'S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250 L\n'
    await world(
      { '10.0.0.1': [offers + one('a@x.test') + one('c@x.test'), offers + one('b@y.test')] },
      async ({ deliver, farm }) => {
        await deliver(routeTo(at('10.0.0.1')), recipients('a@x.test', 'b@y.test'))
        await deliver(routeTo(at('10.0.0.1')), recipients('c@x.test'))
        assert.equal(farm.dialled.length, 2)
      },
      { extensions: [limits] },
    )
  })

  test('closing waits for no delivery, and what is given back afterwards takes leave', async () => {
    const script = `${HELLO}${one('a@there.test')}C: QUIT\nS: 221 bye\nX: end`
    await world({ '10.0.0.1': [script] }, async ({ deliver, transport, clock }) => {
      const delivery = deliver(routeTo(at('10.0.0.1')), A)
      await transport.close()
      assert.equal((await delivery).length, 1)
      await transport.close()
      assert.equal(clock.pending, 0)
    })
  })
})

describe('what is sent', () => {
  test("a list's owner is the sender of what its members get", async () => {
    const [a, b, c] = recipients('a@there.test', 'b@there.test', 'c@there.test')
    assert.ok(a && b && c)
    const owner = readAddress('owner@list.test')
    const script = `${HELLO}${mailFrom()}${OK}${rcpt('a@there.test')}${OK}${BODY}${mailFrom('owner@list.test')}${OK}${rcpt('b@there.test')}${OK}${BODY}${mailFrom('')}${OK}${rcpt('c@there.test')}${OK}${BODY}`
    await world({ '10.0.0.1': [script] }, async ({ deliver }) => {
      const who = [a, { ...b, sender: owner }, { ...c, sender: null }]
      assert.equal((await deliver(routeTo(at('10.0.0.1')), who)).length, 3)
    })
  })

  test('and when the destination is down, it is so for every sender', async () => {
    const [a, b] = AB
    assert.ok(a && b)
    await world({ '10.0.0.1': 'refuses' }, async ({ deliver, farm }) => {
      const outcomes = await deliver(routeTo(at('10.0.0.1')), [a, { ...b, sender: null }])
      assert.deepEqual(outcomes, [
        '7 451 4.4.1 us connect mx-10.0.0.1 down',
        '10 451 4.4.1 us connect mx-10.0.0.1 down',
      ])
      assert.equal(farm.dialled.length, 1)
    })
  })

  test('what stands before the body counts as its header', async () => {
    const seen: unknown[] = []
    const spy: Extension = {
      keyword: 'SPY',
      rfc: [],
      silent: true,
      client: {
        adds({ facts, now, accepted }) {
          seen.push(facts.octets, facts.headerOctets, now - accepted)
          return {}
        },
      },
    }
    const text = 'Subject: x\r\n\r\nHello.\r\n'
    await world(
      { '10.0.0.1': [HELLO + one('a@there.test')] },
      async ({ deliver, arrived }) => {
        await deliver(routeTo(at('10.0.0.1')), A, {
          octets: text.length + 9,
          async *content() {
            yield Buffer.from('X: trace\r\n'.slice(1))
            yield Buffer.from(text)
          },
        })
        // Asked for the plan, and again right before MAIL.
        assert.deepEqual(seen, [31, 23, 0, 31, 23, 0])
        assert.equal((await arrived())[0], `: trace\r\n${text}`)
      },
      { extensions: [spy] },
    )
  })

  const reports: Extension = {
    keyword: 'R',
    rfc: [],
    client: {
      offered: ({ hop }) => void (hop.reports = true),
      concerns: () => true,
      without: () => [{ do: 'report', event: 'relayed', of: [7] }],
    },
  }

  test('relayed, where the trail ends', async () => {
    const script = `${HELLO}${mailFrom()}${OK}${rcpt('a@there.test')}${OK}${rcpt('b@there.test')}${OK}${BODY}`
    await world(
      { '10.0.0.1': [script] },
      async ({ deliver }) =>
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1')), AB), [
          '7 250 2.0.0 smtp body mx-10.0.0.1 relayed',
          '10 250 2.0.0 smtp body mx-10.0.0.1',
        ]),
      { extensions: [reports] },
    )
  })

  test('by LMTP to a UNIX socket: delivered, unless the store reports that itself', async () => {
    const lmtp: Extension = {
      keyword: 'LMTP',
      rfc: [],
      silent: true,
      client: { greetsWith: 'LHLO', offered: ({ hop }) => void (hop.closingReplyPerRecipient = true) },
    }
    const talk = `${mailFrom()}${OK}${rcpt('a@there.test')}${OK}${rcpt('b@there.test')}${OK}${BODY}S: 452 4.2.2 full\n`
    const extensions = [reports, lmtp]
    await world(
      { '/run/store': [`S: 220 store\nC: LHLO me.test\nS: 250 store\n${talk}`] },
      async ({ deliver }) =>
        assert.deepEqual(await deliver(routeTo({ name: '/run/store', port: 0 }), AB), [
          '7 250 2.0.0 smtp body /run/store delivered',
          '10 452 4.2.2 smtp body /run/store',
        ]),
      { extensions, lmtp: true },
    )
    await world(
      { '/run/store': [`S: 220 store\nC: LHLO me.test\nS: 250-store\nS: 250 R\n${talk}`] },
      async ({ deliver }) =>
        assert.deepEqual(await deliver(routeTo({ name: '/run/store', port: 0 }), AB), [
          '7 250 2.0.0 smtp body /run/store',
          '10 452 4.2.2 smtp body /run/store',
        ]),
      { extensions, lmtp: true },
    )
  })

  const mailbox = { to: 'mailbox', transport: 'out', mailbox: { user: 'a', home: '/home/a' } } as const

  test('mail that was directed to a mailbox goes to the store, if there is one', async () => {
    const signal = new AbortController().signal
    await world(
      { '10.0.0.1': [HELLO + one('a@there.test')] },
      async ({ transport }) => {
        const outcomes: string[] = []
        const job = { message: mail(['x\r\n']), recipients: A, to: mailbox }
        await transport.deliver(job, signal, (outcome) => outcomes.push(tell(outcome)))
        assert.deepEqual(outcomes, ['7 250 2.0.0 smtp body mx-10.0.0.1 delivered'])
      },
      { lmtp: true, store: at('10.0.0.1') },
    )
    await world({}, async ({ transport }) => {
      const job = { message: mail(['x\r\n']), recipients: A, to: mailbox }
      await assert.rejects(
        transport.deliver(job, signal, () => {}),
        Misconfigured,
      )
    })
  })
})

describe('TLS from the first octet', () => {
  test('comes before the greeting', async () => {
    const asked: string[] = []
    await world(
      { '10.0.0.1': [HELLO + one('a@there.test')] },
      async ({ deliver }) => {
        await deliver(routeTo(at('10.0.0.1')), A)
        assert.deepEqual(asked, ['mx-10.0.0.1'])
      },
      {
        secure: async (channel, name) => {
          asked.push(name)
          return channel
        },
      },
    )
  })

  test('that fails: the next host', async () => {
    await world(
      { '10.0.0.1': ['S: 220 x\nC: …closed'] },
      async ({ deliver }) =>
        assert.deepEqual(await deliver(routeTo(at('10.0.0.1')), A), ['7 451 4.4.2 us connect mx-10.0.0.1 down']),
      { secure: () => Promise.reject(new TlsFailed('no cipher')) },
    )
  })
})

test('an extension that spoilt a connection is left alone on the next', async () => {
  const spoils: Extension = {
    keyword: 'SPOILS',
    rfc: [],
    client: { offered: () => Promise.reject(new RetryWithout('SPOILS', 'torn')) },
  }
  const offers = 'S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250 SPOILS\n'
  await world(
    { '10.0.0.1': [`${offers}C: …closed`, offers + one('a@there.test')] },
    async ({ deliver }) =>
      assert.deepEqual(await deliver(routeTo(at('10.0.0.1')), A), ['7 250 2.0.0 smtp body mx-10.0.0.1']),
    { extensions: [spoils] },
  )
})

describe('called off', () => {
  for (const [what, scripts] of [
    ['while it connects', { '10.0.0.1': 'hangs' }],
    ['while it is greeted', { '10.0.0.1': ['X: stall'] }],
    ['while it talks', { '10.0.0.1': [`${HELLO}${mailFrom()}X: stall`] }],
    [
      'while it waits for the last word',
      { '10.0.0.1': [`${HELLO}${mailFrom()}${OK}${rcpt('a@there.test')}${OK}C: DATA\nS: 354 go\nC: …body\nX: stall`] },
    ],
  ] as const) {
    test(`${what}: it ends, and says nothing of those of whom nothing is known`, async () => {
      await world(scripts, async ({ transport, clock }) => {
        const off = new AbortController()
        const job = { message: mail(['x\r\n']), recipients: A, to: routeTo(at('10.0.0.1'), at('10.0.0.2')) }
        const delivery = transport.deliver(job, off.signal, (outcome) => assert.fail(tell(outcome)))
        await clock.settle()
        off.abort()
        await delivery
      })
    })
  }
})

test('content that cannot be read is a fault of ours', async () => {
  await world(
    { '10.0.0.1': [`${HELLO}${mailFrom()}${OK}${rcpt('a@there.test')}${OK}C: DATA\nS: 354 go\nC: …closed`] },
    async ({ deliver }) => {
      const unreadable = {
        async *content() {
          yield Buffer.from('Sub')
          throw new RangeError('the disk')
        },
      }
      await assert.rejects(deliver(routeTo(at('10.0.0.1')), A, unreadable), RangeError)
    },
  )
})
