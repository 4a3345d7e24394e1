import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { extensionSchemas } from '../app/extensions.ts'
import { readSettings } from './load.ts'
import { type Machine, thisMachine } from './machine.ts'

const machine: Machine = { ...thisMachine({}), hostname: 'host.example.org', home: '/home/jo' }
const read = (source: string) => readSettings(source, 'f', machine, extensionSchemas)
const faults = (source: string): readonly string[] => {
  const loaded = read(source)
  return 'faults' in loaded ? loaded.faults.map((fault) => fault.slice(2)) : []
}

const TEN = `hostname: no name
listen:
  mx: { smtp: [127.0.0.1, "127.0.0.1:25"], lmtp: "127.0.0.1:24" }
  in: { submission: ["nowhere", "127.0.0.1:25"], extensions: { futurerelease: { max: soon } } }
directors:
  a: { users: { from: { names: [jo, "?", JO] }, transport: store, separator: long } }
  b: { catch-all: { too: jo@example.org } }
transports:
  store: { maildir: { paht: x } }
  smtp: { smtp: { recipients: 0, extensions: { mtrk: { tls: none }, exnp: {} } }, lmtp: {} }
routers: { out: { smarthost: { hosts: h.test, transport: stroe } } }
extensions: { mtrk: { timeout: 1d, longest: 30 } }
queue: { backoff: { min: 2h, max: 1h }, drain: -1 }
tls: { certificate: 1.crt }
`

test('all faults of all sections are told, each once and in order', () => {
  assert.deepEqual(faults(TEN), [
    "1:11 hostname: 'no name' is no domain; expected one as in example.org",
    '3:7 listen.mx: speaks smtp and lmtp; expected one of smtp, submission, lmtp, mtqp',
    `3:16 listen.mx.smtp.0: '127.0.0.1' is no address to listen on; expected one as in "127.0.0.1:25", "[::1]:25" or unix:/path`,
    `4:22 listen.in.submission.0: 'nowhere' is no address to listen on; expected one as in "127.0.0.1:25", "[::1]:25" or unix:/path`,
    "4:86 listen.in.extensions.futurerelease.max: 'soon' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d",
    "6:37 directors.a.users.from.names.1: '?' is no name; expected a letter, then letters, digits, - or _",
    "6:42 directors.a.users.from.names.2: 'JO' stands here twice",
    "6:78 directors.a.users.separator: is 'long'; expected at most 1",
    '7:21 directors.b.catch-all.too: is no setting; did you mean to?',
    '9:23 transports.store.maildir.paht: is no setting; did you mean path?',
    '10:9 transports.smtp: has 2 drivers; expected one of maildir, mbox, smtp, lmtp, discard',
    "10:31 transports.smtp.smtp.recipients: is '0'; expected at least 1",
    "10:61 transports.smtp.smtp.extensions.mtrk.tls: is 'none'; expected one of may, require",
    '10:69 transports.smtp.smtp.extensions.exnp: is no setting; did you mean expn?',
    '11:58 routers.out.smarthost.transport: names the transport stroe, which does not exist; expected one of store, smtp; did you mean store?',
    "12:45 extensions.mtrk.longest: '30' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d",
    '13:19 queue.backoff: has a min above its max',
    "13:48 queue.drain: '-1' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d",
    '14:6 tls: is not complete; expected certificate and key, or self-signed: true',
  ])
})

const ALONE: readonly [what: string, source: string, told: string][] = [
  [
    'a transport that is wrong',
    'transports: { local: { maildri: {} }, smtp: { smtp: {} } }',
    '1:24 transports.local.maildri',
  ],
  ['transports that are no map', 'transports: [local]\nrouters: { a: { mx: { transport: a } } }', '1:13 transports'],
  [
    'a name of a transport that is none',
    'transports: { 1: { smtp: {} }, smtp: { smtp: {} }, local: { mbox: {} } }\nrouters: { a: { mx: {} } }',
    '1:15 transports.1',
  ],
  [
    'a transport by no name',
    'directors: { a: { users: { from: { names: [jo] }, transport: [] } } }',
    '1:62 directors.a.users.transport',
  ],
  ['an address that is none', 'listen: { a: { smtp: nowhere } }', '1:22 listen.a.smtp.0'],
  ['the only address, in a list', 'listen: { a: { smtp: [nowhere] } }', '1:23 listen.a.smtp.0'],
  ['what YAML cannot read', 'listen: { a: { smtp: [*x] }, b: { smtp: [[::1]:25] } }', '1:23 listen.a.smtp.0'],
  ['a setting of a driver that is none', 'spool: { sqlite: 5 }', '1:18 spool.sqlite'],
  [
    'a policy that is none',
    'extensions: { mt-priority: { policy: NONE, levels: { 6: {} } } }',
    '1:38 extensions.mt-priority.policy',
  ],
  ['half a pair that is wrong', 'tls: { certificate: 1, key: "" }', '1:24 tls.key'],
  ['a bound that is wrong', 'extensions: { mtrk: { timeout: 1 , longest: 2d } }', '1:32 extensions.mtrk.timeout'],
  [
    'a setting for all, where a listener has more of the same',
    'extensions: { futurerelease: { total: much } }\nlisten: { a: { submission: "127.0.0.1:587", extensions: { futurerelease: { max: 1d } } } }',
    '1:39 extensions.futurerelease.total',
  ],
  [
    'a socket that is wrong beside one that is the default',
    'control: { socket: "", submission: /run/x }',
    '1:12 control.socket',
  ],
]

for (const [what, source, told] of ALONE)
  test(`nothing is told of what follows: ${what}`, () => {
    const [first, ...more] = faults(source)
    assert.ok(first?.startsWith(`${told}: `), first)
    assert.deepEqual(more.slice(what.startsWith('what YAML') ? 1 : 0), [])
  })

test('a text that looks like a number is one in a listener too, where it is laid under its own settings', () => {
  const loaded = read(
    'extensions: { futurerelease: { total: 4096 } }\n' +
      'listen: { a: { submission: "127.0.0.1:587", extensions: { futurerelease: { max: 1d } } } }',
  )
  assert.ok('settings' in loaded, JSON.stringify(loaded))
  assert.deepEqual(loaded.settings.listen[0]?.extensions['futurerelease'], {
    max: 86_400_000,
    'per-user': 100 * 2 ** 20,
    total: 4096,
  })
})

test('a key that stands twice is read where it stands first', () => {
  assert.deepEqual(faults('log: { level: loud }\nlog: { level: info }\nlog: {}\n'), [
    "1:15 log.level: is 'loud'; expected one of debug, info, warn, error",
    '2:1 log: stands here twice',
    '3:1 log: stands here twice',
  ])
})

const PIECES = TEN.trimEnd().split('\n')

test('whatever else is wrong, a fault is told all the same', () => {
  const sections = [
    'hostname: no name',
    ...PIECES.slice(10),
    'limits: { message: 1 }',
    'dns: { servers: [x, y] }',
    'log: 5',
  ]
  const alone = new Map(sections.map((one) => [one, faults(one).map((fault) => fault.replace(/^\d+:\d+ /, ''))]))
  fc.assert(
    fc.property(fc.uniqueArray(fc.constantFrom(...sections), { minLength: 2 }), (chosen) => {
      const all = faults(chosen.join('\n')).map((fault) => fault.replace(/^\d+:\d+ /, ''))
      assert.deepEqual(
        all,
        chosen.flatMap((one) => alone.get(one) ?? []),
      )
    }),
    { numRuns: 50 },
  )
})

test('settings with faults are good for finding more, and a place in a list is the one it has in the file', () => {
  const loaded = read('relay-from: [x]\nlisten: { a: { lmtp: ["127.0.0.1", "unix:/a", "unix:/b"] } }\n')
  assert.ok('faults' in loaded && loaded.rest)
  const { settings, placed } = loaded.rest
  assert.deepEqual(settings.listen[0]?.addresses, [{ path: '/a' }, { path: '/b' }])
  assert.deepEqual(placed([{ path: ['listen', 'a', 'lmtp', 1], message: 'is wrong' }]).slice(1), [
    ...loaded.faults.slice(1),
    'f:2:47 listen.a.lmtp.2: is wrong',
  ])
  assert.deepEqual(placed([{ path: ['relay-from', 0], message: 'follows' }]), loaded.faults.toSorted())
})
