import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings } from '../config/load.ts'
import { thisMachine } from '../config/machine.ts'
import type { Session } from '../smtp/extension.ts'
import { createRegistry } from '../smtp/registry.ts'
import type { CheckpointStore } from './checkpoint.ts'
import { clientExtensions, extensionSchemas, offered } from './extensions.ts'

const names = { domain: 'mx.example', secret: () => new Uint8Array(32) }
const tls = { asServer: async () => assert.fail(), asClient: async () => assert.fail() }

const services = {
  clientTls: tls,
  transactionNames: names,
  verify: async () => 'elsewhere' as const,
  ownership: () => async () => 'elsewhere' as const,
  expand: async () => undefined,
  isMailbox: async () => true,
  adapt: async () => ({ is: 'asIs' }) as const,
  delivers: () => true,
  priority: () => {},
  release: { now: () => 0, allow: () => true, held: async () => 0 },
}

const serverOf = (...given: Parameters<typeof offered>) => offered(...given).extensions

const faults = (text: string): readonly string[] => {
  const loaded = readSettings(text, 'smail.yaml', thisMachine({}), extensionSchemas)
  return 'faults' in loaded ? loaded.faults : []
}

test('what is wrong with an extension, its settings and its networks is told with its place', () => {
  assert.match(
    faults('extensions:\n  expn: { allow: [127.0.0.0/33] }\n').join('\n'),
    /^smail\.yaml:2:19 extensions\.expn\.allow.*prefix/,
  )
  assert.match(faults('extensions:\n  exp: off\n').join('\n'), /^smail\.yaml:2:3 .*exp.*expn/)
  assert.match(faults('extensions:\n  size: { most: 1 }\n').join('\n'), /^smail\.yaml:2:11 extensions\.size/)
  const ranked: [block: string, said: RegExp][] = [
    [
      'levels: { 3: { size: 1KiB } }',
      /^smail\.yaml:2:\d+ extensions\.mt-priority\.levels\.3: is no level of MIXER; expected one of -4, 0, 4$/,
    ],
    [
      'least: 5, most: 4',
      /^smail\.yaml:2:\d+ extensions\.mt-priority\.least: is more than most \(4\), so that no mail would be taken$/,
    ],
    [
      'most: -1',
      /^smail\.yaml:2:\d+ extensions\.mt-priority\.most: is less than others may ask for \(0\); expected that or more$/,
    ],
    ['most: 10', /^smail\.yaml:2:\d+ extensions\.mt-priority\.most: /],
    ['others: 1', /^smail\.yaml:2:\d+ extensions\.mt-priority\.others: /],
    ['policy: mixer', /^smail\.yaml:2:\d+ extensions\.mt-priority\.policy: /],
  ]
  for (const [block, said] of ranked) {
    assert.match(faults(`extensions:\n  mt-priority: { ${block} }\n`).join('\n'), said)
  }
  assert.match(
    faults('extensions:\n  futurerelease: { max: 0s }\n').join('\n'),
    /^smail\.yaml:2:25 extensions\.futurerelease\.max: /,
  )
  assert.match(
    faults('extensions:\n  deliverby: { minimum: 32y }\n').join('\n'),
    /^smail\.yaml:2:25 extensions\.deliverby\.minimum: /,
  )
  assert.match(
    faults('extensions:\n  checkpoint: { keep: 1m }\n').join('\n'),
    /^smail\.yaml:2:23 extensions\.checkpoint\.keep: /,
  )
  assert.deepEqual(faults('extensions:\n  mt-priority: { least: 2, most: 4 }\n'), [])
  assert.deepEqual(faults('extensions:\n  expn: off\n  vrfy: { allow: [127.0.0.1] }\n'), [])
})

test('BINARYMIME goes where CHUNKING goes', () => {
  const keywords = (extensions: string) => {
    const loaded = readSettings(`extensions: ${extensions}\n`, 'smail.yaml', thisMachine({}), extensionSchemas)
    assert.ok('settings' in loaded)
    const list = clientExtensions('smtp', loaded.settings.extensions, 'off', services)
    createRegistry(list)
    return list.flatMap(({ keyword }) => (/BINARY|CHUNK/.test(keyword) ? keyword : []))
  }
  assert.deepEqual(keywords('{}'), ['CHUNKING', 'BINARYMIME'])
  assert.deepEqual(keywords('{ binarymime: off }'), ['CHUNKING'])
  assert.deepEqual(keywords('{ chunking: off }'), [])
})

test('a transport asks for TLS as its settings have it', () => {
  const asks = (demand: Parameters<typeof clientExtensions>[2], dialect: 'smtp' | 'lmtp' = 'smtp') =>
    clientExtensions(dialect, {}, demand, services).some(({ keyword, client }) => keyword === 'STARTTLS' && client)
  assert.deepEqual(
    [asks('off'), asks('may'), asks('encrypt'), asks('verify'), asks('may', 'lmtp')],
    [false, true, true, true, true],
  )
})

test('MTRK is offered where somebody answers those who ask, and never without DSN', () => {
  const isOffered = (text: string, tracked: boolean) => {
    const loaded = readSettings(text, 'smail.yaml', thisMachine({}), extensionSchemas)
    assert.ok('settings' in loaded)
    const [listener] = loaded.settings.listen
    assert.ok(listener)
    return serverOf(listener, { ...services, tracked }).some(({ keyword }) => keyword === 'MTRK')
  }
  assert.ok(isOffered('', true))
  assert.ok(!isOffered('', false))
  assert.ok(!isOffered('extensions: { dsn: off }\n', true))
  assert.ok(!isOffered('extensions: { mtrk: off }\n', true))
  assert.ok(!isOffered('listen: { store: { lmtp: "127.0.0.1:24" } }\n', true))
})

test('what is wrong with the settings of tracking is told with its place', () => {
  assert.match(faults('extensions:\n  mtrk: { timeout: 1h }\n').join('\n'), /^smail\.yaml:2:20 .*at least 1d/)
  assert.match(faults('extensions:\n  mtrk: { longest: 2d }\n').join('\n'), /timeout above its longest/)
  assert.match(
    faults('listen:\n  t: { mtqp: "nowhere at all" }\n').join('\n'),
    /^smail\.yaml:2:\d+ listen\.t\.mtqp.*127\.0\.0\.1/,
  )
  assert.deepEqual(
    faults('listen: { t: { mtqp: 127.0.0.1 } }\nextensions: { mtrk: { timeout: 8d, tls: require } }\n'),
    [],
  )
})

test('an LMTP listener promises no reports', () => {
  const loaded = readSettings(
    'listen: { in: { smtp: "127.0.0.1:25" }, store: { lmtp: "127.0.0.1:24" } }\n',
    'smail.yaml',
    thisMachine({}),
    extensionSchemas,
  )
  assert.ok('settings' in loaded)
  const keywords = loaded.settings.listen.map((one) => serverOf(one, services).map(({ keyword }) => keyword))
  assert.deepEqual(
    keywords.map((all) => [all.includes('DSN'), all.includes('LMTP')]),
    [
      [true, false],
      [false, true],
    ],
  )
})

test('PRDR is there for whoever names it', () => {
  const keywords = (extensions: string) => {
    const loaded = readSettings(`extensions: ${extensions}\n`, 'smail.yaml', thisMachine({}), extensionSchemas)
    assert.ok('settings' in loaded)
    const { listen, extensions: blocks } = loaded.settings
    const here = listen.flatMap((one) => serverOf(one, services))
    return [here, clientExtensions('smtp', blocks, 'off', services)].map((list) =>
      list.some(({ keyword }) => keyword === 'PRDR'),
    )
  }
  assert.deepEqual(keywords('{}'), [false, false])
  assert.deepEqual(keywords('{ prdr: {} }'), [true, true])
  assert.deepEqual(keywords('{ prdr: }'), [true, true])
  assert.deepEqual(keywords('{ prdr: off }'), [false, false])
})

test('mail is held for later where it is submitted, and nowhere else', () => {
  const loaded = readSettings(
    'listen: { in: { smtp: "127.0.0.1:25" }, users: { submission: "127.0.0.1:587" }, store: { lmtp: "127.0.0.1:24" } }\n',
    'smail.yaml',
    thisMachine({}),
    extensionSchemas,
  )
  assert.ok('settings' in loaded)
  const offers = loaded.settings.listen.map((one) =>
    serverOf(one, services).flatMap(({ keyword, server }) =>
      keyword === 'FUTURERELEASE' ? server?.offer?.({} as Session) : [],
    ),
  )
  assert.deepEqual(offers, [[], ['2592000', '1970-01-31T00:00:00Z'], []])
  assert.match(faults('extensions: { futurerelease: { max: 500ms } }\n').join(), /futurerelease\.max.*at least 1s/)
})

test('what recipients take is a filter each, and CONNEG is on offer where something is said', () => {
  assert.match(
    faults('extensions:\n  conneg:\n    capabilities:\n      a@example.org: (charset=utf-8\n').join(),
    /^smail\.yaml:4:\d+ extensions\.conneg\.capabilities\.a@example\.org.*At 15 '\)' was expected, not the end/,
  )
  assert.match(
    faults('extensions: { conneg: { capabilities: { "a b": "(a=1)" } } }\n').join(),
    /conneg\.capabilities\.a b/,
  )
  const offered = (extensions: string) => {
    const loaded = readSettings(`extensions: ${extensions}\n`, 'smail.yaml', thisMachine({}), extensionSchemas)
    assert.ok('settings' in loaded)
    const list = loaded.settings.listen.flatMap((one) => serverOf(one, services))
    createRegistry(list)
    return list.flatMap(({ keyword, server }) => (/^CON/.test(keyword) && server ? keyword : []))
  }
  assert.deepEqual(offered('{}'), ['CONPERM'])
  assert.deepEqual(offered('{ conperm: off, conneg: { capabilities: { "*": "(charset=utf-8)" } } }'), ['CONNEG'])
  assert.deepEqual(offered('{ conneg: off }'), ['CONPERM'])
})

const keywordsFor = (text: string, session: Partial<Session>, more = {}): readonly string[] => {
  const loaded = readSettings(text, 'smail.yaml', thisMachine({}), extensionSchemas)
  assert.ok('settings' in loaded)
  const [listener] = loaded.settings.listen
  assert.ok(listener)
  const asked = { peer: '192.0.2.1', identity: undefined, ...session } as Session
  return serverOf(listener, { ...services, tracked: true, ...more }).flatMap(({ keyword, server }) =>
    /^(?:DSN|DELIVERBY|MTRK|XVERP)$/.test(keyword) && (server?.offer ? server.offer(asked) : server) ? keyword : [],
  )
}

test('where reports of success are for those trusted, DSN and what needs it is offered to no others', () => {
  const all = ['DSN', 'DELIVERBY', 'MTRK']
  assert.deepEqual(keywordsFor('', {}), all)
  const trusted = 'extensions: { dsn: { success: trusted, networks: [192.0.2.128/25], identities: [ann] } }\n'
  assert.deepEqual(keywordsFor(trusted, {}), [])
  assert.deepEqual(keywordsFor(trusted, { peer: '192.0.2.200' }), all)
  assert.deepEqual(keywordsFor(trusted, { identity: 'ann' }), all)
  assert.deepEqual(keywordsFor(trusted, { identity: 'bob' }), [])
  assert.deepEqual(keywordsFor('extensions: { dsn: { success: trusted } }\n', { identity: 'bob' }), all)
  assert.deepEqual(keywordsFor(trusted, {}, { vouched: ({ peer }: Session) => peer === '192.0.2.1' }), all)
  const submission = 'listen: { mx: { submission: 127.0.0.1:587 } }\n'
  assert.deepEqual(keywordsFor(submission + trusted, {}), all)
  assert.deepEqual(keywordsFor(submission + trusted.replace('identities', 'submission: false, identities'), {}), [])
})

test('XVERP is there for those whom its block names, and without one for nobody', () => {
  const xverp = (block: string, session: Partial<Session> = {}) =>
    keywordsFor(`extensions: { dsn: off, deliverby: off, xverp: ${block} }\n`, session)
  assert.deepEqual(keywordsFor('extensions: { dsn: off, deliverby: off }\n', { identity: 'ann' }), [])
  assert.deepEqual([xverp('{}'), xverp('{}', { identity: 'ann' })], [[], ['XVERP']])
  assert.deepEqual(xverp('{ networks: [192.0.2.0/24] }'), ['XVERP'])
  assert.match(
    faults('extensions:\n  xverp: { delimiters: "+" }\n').join('\n'),
    /^smail\.yaml:2:24 extensions\.xverp\.delimiters.*two different characters/,
  )
  assert.match(faults('extensions:\n  dsn: { success: nobody }\n').join('\n'), /everyone.*trusted/)
})

test('for people it is told to whom something is offered, and why to nobody', () => {
  const told = (text: string, protocol: 'smtp' | 'submission' = 'smtp') => {
    const loaded = readSettings(
      `listen: { mx: { ${protocol}: "127.0.0.1:0" } }\n${text}`,
      'smail.yaml',
      thisMachine({}),
      extensionSchemas,
    )
    const [listener] = 'settings' in loaded ? loaded.settings.listen : []
    assert.ok(listener)
    const { extensions, whyNot } = offered(listener, services)
    return ['XVERP', 'EXPN'].map(
      (name) => whyNot.get(name.toLowerCase()) ?? extensions.find(({ keyword }) => keyword === name)?.words?.offered,
    )
  }
  assert.deepEqual(told(''), ['not named in the settings', 'nobody is allowed'])
  assert.deepEqual(told('extensions: { xverp: {}, expn: { allow: ["::1"] } }\n'), [
    'to clients who prove who they are',
    'to networks that it allows',
  ])
  assert.deepEqual(told('extensions: { xverp: { networks: ["::1"], identities: [ann] }, expn: off }\n'), [
    'to clients of its networks, or of its identities',
    'off in the settings',
  ])
  assert.equal(told('extensions: { xverp: { identities: [] } }\n')[0], 'nobody is allowed')
  assert.equal(told('extensions: { xverp: { identities: [] } }\n', 'submission')[0], undefined)
})

/** RFC 6409 table 1, and what the RFCs themselves say of where each belongs. */
const EVERYWHERE = [
  'STARTTLS PIPELINING LIMITS 8BITMIME SMTPUTF8 CHUNKING BINARYMIME MT-PRIORITY CONPERM SIZE RRVS NO-SOLICITING HELP',
  'ENHANCEDSTATUSCODES',
].flatMap((line) => line.split(' '))
/** They promise something to senders, which a store without a queue behind it could not keep. */
const WITH_A_QUEUE = ['DSN', 'DELIVERBY', 'MTRK', 'CHECKPOINT']
const WHERE: Readonly<Record<string, readonly string[]>> = {
  smtp: [...EVERYWHERE, ...WITH_A_QUEUE],
  submission: [...EVERYWHERE, ...WITH_A_QUEUE, 'FUTURERELEASE'],
  lmtp: EVERYWHERE,
}

test('each extension is on offer where it belongs, and nowhere else', () => {
  for (const [protocol, expected] of Object.entries(WHERE)) {
    const text = `listen: { it: { ${protocol}: "127.0.0.1:2525" } }\n`
    const loaded = readSettings(text, 'smail.yaml', thisMachine({}), extensionSchemas)
    assert.ok('settings' in loaded)
    const [listener] = loaded.settings.listen
    assert.ok(listener)
    const checkpoints = new Proxy({}, { get: () => assert.fail('Nothing is kept yet') }) as CheckpointStore
    const all = serverOf(listener, { ...services, serverTls: tls, tracked: true, checkpoints })
    const offers = (secured: Session['channel']['secured']) => {
      const asked: Partial<Session> = { peer: '192.0.2.1', identity: undefined, limits: listener.limits }
      const session = { ...asked, channel: { secured } } as Session
      return all.flatMap(({ keyword, server, silent }) =>
        server && !silent && (!server.offer || server.offer(session)) ? keyword : [],
      )
    }
    assert.deepEqual(offers(undefined).sort(), [...expected].sort(), protocol)
    const underTls = [...expected.filter((one) => one !== 'STARTTLS'), 'REQUIRETLS']
    assert.deepEqual(offers({ protocol: 'TLSv1.3', cipher: 'TOY', verified: false, why: '' }).sort(), underTls.sort())
  }
})

test('by LMTP there are neither reports of success nor submitters, nor PRDR and XVERP', () => {
  const text =
    'listen: { store: { lmtp: "unix:/x.sock" } }\nextensions: { dsn: { success: aligned }, submitter: {}, prdr: {}, xverp: {} }\n'
  const loaded = readSettings(text, 'smail.yaml', thisMachine({}), extensionSchemas)
  assert.ok('settings' in loaded)
  const [store] = loaded.settings.listen
  assert.ok(store)
  const { whyNot } = offered(store, services)
  const keywords = ['dsn', 'deliverby', 'mtrk', 'submitter', 'prdr', 'xverp']
  assert.deepEqual(
    keywords.map((keyword) => whyNot.get(keyword)),
    keywords.map(() => 'not by LMTP'),
  )
  const told = clientExtensions('lmtp', store.extensions, 'off', services).map(({ keyword }) => keyword)
  assert.deepEqual([told.includes('DSN'), told.includes('SUBMITTER')], [true, false])
})
