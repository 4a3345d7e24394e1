import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { z } from 'zod'
import { readSettings } from '../config/load.ts'
import { checkParts } from './check.ts'
import type { ExtensionModule } from './extension-module.ts'
import { extensionTable } from './extension-table.ts'
import { schemasWith } from './modules.ts'

const machine = { hostname: 'mx.test', uid: 1, user: 'jo', home: '/nowhere', state: '/nowhere', runtime: '/nowhere' }
const DIRECTORS = 'directors: { u: { users: { from: { names: [jo, postmaster] } } } }\n'

/** The warnings, without the file's name. */
const idle = async (source: string, modules: readonly ExtensionModule[] = []): Promise<readonly string[]> => {
  const loaded = readSettings(`${DIRECTORS}${source}`, 'f', machine, schemasWith(modules))
  assert.ok('settings' in loaded, JSON.stringify(loaded))
  const { warnings } = await checkParts(loaded.settings, loaded.given, modules)
  return loaded.placed(warnings).map((line) => line.slice(2))
}

const FOUND: readonly [what: string, source: string, ...told: string[]][] = [
  [
    'nothing',
    'listen: { a: { smtp: "127.0.0.1:25" }, b: { mtqp: "127.0.0.1" } }\nextensions: { mtrk: { timeout: 8d } }\n',
  ],
  [
    'an extension that is for submission, where mail comes in from anywhere',
    'listen:\n  a: { smtp: "127.0.0.1:25", extensions: { futurerelease: { max: 1d } } }\n' +
      '  b: { submission: "127.0.0.1:587", extensions: { futurerelease: { max: 1d } } }\n',
    '3:44 listen.a.extensions.futurerelease: has no effect: only for submission',
  ],
  [
    'the same for all, where nothing is submitted',
    'extensions: { futurerelease: { max: 1d } }\n',
    '2:15 extensions.futurerelease: has no effect: only for submission',
  ],
  [
    'the same, as `off`',
    'listen: { a: { smtp: "127.0.0.1:25", extensions: { futurerelease: off } } }\n',
    '2:52 listen.a.extensions.futurerelease: has no effect: only for submission',
  ],
  [
    'what LMTP, and a server without a certificate, cannot offer',
    'listen: { a: { lmtp: "127.0.0.1:24", extensions: { starttls: {}, dsn: { success: trusted }, checkpoint: {} } } }\n',
    '2:52 listen.a.extensions.starttls: has no effect: there is no certificate: tls',
    '2:66 listen.a.extensions.dsn: has no effect: not by LMTP',
    '2:93 listen.a.extensions.checkpoint: has no effect: not by LMTP',
  ],
  [
    'what needs another one that is off',
    'extensions: { chunking: off }\nlisten: { a: { smtp: "127.0.0.1:25", extensions: { binarymime: {} } } }\n',
    '3:52 listen.a.extensions.binarymime: has no effect: it needs CHUNKING',
  ],
  [
    'mail where it is asked after',
    'listen:\n  a: { smtp: "127.0.0.1:25" }\n' +
      '  b: { mtqp: 127.0.0.1, limits: { junk: 5, hops: 5 }, bare-newlines: normalize, extensions: { dsn: {}, mtrk: { tls: may } } }\n',
    '4:44 listen.b.limits.hops: has no effect: no mail comes in by MTQP',
    '4:55 listen.b.bare-newlines: has no effect: no mail comes in by MTQP',
    '4:95 listen.b.extensions.dsn: has no effect: no mail comes in by MTQP',
  ],
  [
    'what clients do not have, or go by',
    'transports:\n  local: { maildir: {} }\n  smtp:\n    smtp:\n      tls: off\n      extensions:\n        help: {}\n' +
      '        expn: { allow: [127.0.0.1] }\n        dsn: { success: trusted }\n        mtrk: { timeout: 8d }\n        starttls: {}\n' +
      '        requiretls: off\n        xverp: { pass: true }\n        8bitmime: off\n        checkpoint: { from: 1MiB }\n',
    '8:9 transports.smtp.smtp.extensions.help: has no effect: only servers have it',
    '9:9 transports.smtp.smtp.extensions.expn: has no effect: only servers have it',
    '10:9 transports.smtp.smtp.extensions.dsn: has no effect: only servers go by what is set of it',
    '12:9 transports.smtp.smtp.extensions.starttls: has no effect: tls is off',
    '13:9 transports.smtp.smtp.extensions.requiretls: has no effect: it stays, for what mail was promised',
  ],
  [
    'what one may have beyond what all may, where that is written',
    'extensions:\n  futurerelease: { total: 3KiB }\n  checkpoint: { room: 3GiB }\nlisten:\n' +
      '  a: { submission: "127.0.0.1:587", extensions: { futurerelease: { per-user: 4KiB }, checkpoint: { room: 1GiB } } }\n',
    '4:23 extensions.checkpoint.room: has no effect: total is less',
    '6:78 listen.a.extensions.futurerelease.per-user: has no effect: total is less',
  ],
  [
    'an upload that goes on where line ends are changed',
    'listen: { a: { smtp: "127.0.0.1:25", bare-newlines: normalize, extensions: { checkpoint: {} } } }\n',
    '2:78 listen.a.extensions.checkpoint: has no effect: octets cannot be counted where line ends are normalized',
  ],
  [
    'what is special for urgent mail, and no mail can have',
    'limits: { message: 1MiB }\n' +
      'extensions: { mt-priority: { levels: { 4: { size: 2MiB, retry: 2m, retry-max: 1m }, 0: { size: 1MiB } } } }\n',
    '3:51 extensions.mt-priority.levels.4.size: has no effect: limits.message is less',
    '3:64 extensions.mt-priority.levels.4.retry: has no effect: retry-max is less',
  ],
  [
    'what servers alone go by, at a transport',
    'transports:\n  local: { maildir: {} }\n  smtp: { smtp: { extensions: { deliverby: { minimum: 1m }, futurerelease: { max: 1d }, mt-priority: { most: 4 } } } }\n',
    '4:33 transports.smtp.smtp.extensions.deliverby: has no effect: only servers go by what is set of it',
    '4:61 transports.smtp.smtp.extensions.futurerelease: has no effect: only servers go by what is set of it',
    '4:89 transports.smtp.smtp.extensions.mt-priority: has no effect: only servers go by what is set of it',
  ],
  [
    'directors, routers and transports that nobody comes to',
    'domains: [a.test, b.test]\n'.concat(
      'routers: { out: { smarthost: { hosts: [h.test] } }, some: { static: { routes: { c.test: d.test } } }, mx: { mx: {} } }\n',
      'transports: { local: { maildir: {} }, smtp: { smtp: {} }, spare: { discard: {} } }\n',
    ),
    '3:103 routers.mx: has no effect: out before it takes all domains',
    '4:59 transports.spare: has no effect: no director and no router names it',
  ],
]

for (const [what, source, ...told] of FOUND)
  test(`idle: ${what}`, async () => assert.deepEqual(await idle(source), told))

test('directors that are asked of nothing, and a rule for mailboxes that are never full', async () => {
  const source = [
    'domains: [a.test, b.test]',
    'directors:',
    '  some: { catch-all: { to: jo@x.test, domains: a.test } }',
    '  one: { users: { from: { names: [jo] }, domains: A.test } }',
    '  two: { users: { from: { names: [jo] }, domains: [a.test, b.test], when-full: refuse } }',
    '  rest: { catch-all: { to: jo@x.test } }',
    '  last: { users: { from: { names: [jo] }, domains: [c.test, b.test] } }',
    '',
  ].join('\n')
  const loaded = readSettings(source, 'f', machine, schemasWith([]))
  assert.ok('settings' in loaded, JSON.stringify(loaded))
  assert.deepEqual(loaded.placed((await checkParts(loaded.settings, loaded.given)).warnings), [
    'f:4:3 directors.one: has no effect: some before it answers for all addresses',
    'f:5:69 directors.two.users.when-full: has no effect: there is no quota',
    'f:7:3 directors.last: has no effect: rest before it answers for all addresses',
    'f:7:53 directors.last.users.domains.0: has no effect: it is none of our domains',
  ])
})

test('blocks of modules are known like others', async () => {
  const module: ExtensionModule = { keyword: 'X-A', make: () => ({ keyword: 'X-A', rfc: [], server: {} }) }
  assert.deepEqual(
    await idle(
      'listen: { a: { smtp: "127.0.0.1:25", extensions: { x-a: {} } }, b: { mtqp: 127.0.0.1, extensions: { x-a: {} } } }\n',
      [module],
    ),
    ['2:101 listen.b.extensions.x-a: has no effect: no mail comes in by MTQP'],
  )
})

test('what can be set of an extension has an effect at one kind of place at least', async () => {
  const settable = extensionTable.flatMap(({ name, schema }) =>
    schema && Object.keys((schema as z.ZodObject).shape ?? {}).length > 0 ? [name] : [],
  )
  assert.ok(settable.length > 10)
  const passwords = join(import.meta.dirname, '../../examples/quickstart/passwords')
  const useful = new Map([
    ['expn', '{ allow: [127.0.0.1] }'],
    ['auth', `{ passwords: ${passwords} }`],
  ])
  const blocks = settable.map((name) => `${name}: ${useful.get(name) ?? '{}'}`).join(', ')
  const at = (listener: string) => `listen: { a: { ${listener}, extensions: { ${blocks} } }, b: { mtqp: 127.0.0.1 } }\n`
  const told = await Promise.all(['smtp: "127.0.0.1:25"', 'submission: "127.0.0.1:587"'].map((one) => idle(at(one))))
  const everywhere = told[0]?.filter((line) => told[1]?.some((other) => other.split(' ')[1] === line.split(' ')[1]))
  // Where it stands depends on where this project does.
  const said = everywhere?.map((line) => line.replace(/^\S+ /, ''))
  assert.deepEqual(said, ['listen.a.extensions.requiretls: has no effect: there is no certificate: tls'])
})

test('a postmaster whose mail nobody reads is told', async () => {
  const told = async (source: string) => {
    const loaded = readSettings(source, 'f', machine, schemasWith([]))
    assert.ok('settings' in loaded, JSON.stringify(loaded))
    return loaded.placed((await checkParts(loaded.settings, loaded.given)).warnings)
  }
  const jo = 'domains: [a.test]\ndirectors: { u: { users: { from: { names: [jo] } } } }\n'
  assert.deepEqual(await told(jo), [
    'f:1:1 postmaster: nobody reads the mail of postmaster@a.test: set postmaster, or an alias for it (by default; nothing here says otherwise)',
  ])
  assert.deepEqual(await told(`${jo}postmaster: al@a.test\n`), [
    'f:3:13 postmaster: nobody reads its mail: refused: 550 5.1.1 No such user here',
  ])
  assert.deepEqual(await told(`${jo}postmaster: jo@a.test\n`), [])
  assert.deepEqual(await told(`${jo}postmaster: al@elsewhere.test\n`), [])
})
