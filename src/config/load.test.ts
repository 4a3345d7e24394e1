import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import * as z from 'zod'
import { loadSettings, readSettings } from './load.ts'
import { type Machine, thisMachine } from './machine.ts'
import type { Settings } from './settings.ts'

const machine: Machine = { ...thisMachine({}), hostname: 'host.example.org', home: '/home/jo' }
const extensions = new Map([
  ['expn', z.strictObject({ allow: z.array(z.string()).default([]), secret: z.string().optional() })],
])

const read = (source: string) => readSettings(source, 'smail.yaml', machine, extensions)
const faults = (source: string): readonly string[] => {
  const loaded = read(source)
  assert.ok('faults' in loaded, `no fault in:\n${source}`)
  return loaded.faults
}
const settings = (source: string): Settings => {
  const loaded = read(source)
  assert.ok('settings' in loaded, JSON.stringify(loaded))
  return loaded.settings
}

const MISTAKES: readonly [what: string, source: string, ...told: string[]][] = [
  ['a misspelt section', 'hostnam: mx.example.org\n', 'smail.yaml:1:1 hostnam: is no setting; did you mean hostname?'],
  [
    'a misspelt key deep inside',
    'queue:\n  lifetim: 5d\n',
    'smail.yaml:2:3 queue.lifetim: is no setting; did you mean lifetime?',
  ],
  [
    'a time without unit',
    'queue:\n  lifetime: 5\n',
    "smail.yaml:2:13 queue.lifetime: '5' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d",
  ],
  [
    'a size in words',
    'limits: { message: big }\n',
    "smail.yaml:1:20 limits.message: 'big' is no size; expected a number with B, KiB, MiB or GiB, as in 50MiB",
  ],
  [
    'a port forgotten',
    'listen:\n  mx:\n    smtp:\n      - 0.0.0.0:25\n      - 127.0.0.1\n',
    'smail.yaml:5:9 listen.mx.smtp.1: \'127.0.0.1\' is no address to listen on; expected one as in "127.0.0.1:25", "[::1]:25" or unix:/path',
  ],
  [
    'an unquoted star',
    'routers:\n  s: { static: { routes: { a: *.example.org } } }\n',
    'smail.yaml:2:31 routers.s.static.routes.a: is *.example.org, which YAML reads as an alias; expected "*.example.org" in quotes',
  ],
  [
    'an unquoted star as a key',
    'routers:\n  s: { static: { routes: { *.example.org: mx.example.org } } }\n',
    'smail.yaml:2:28: *.example.org needs quotes here; expected "*.example.org"',
  ],
  [
    'an unquoted reference to the user',
    `directors: { u: { users: { root: \${user} } } }\n`,
    `smail.yaml:1:34: \${user} needs quotes here; expected "\${user}"`,
  ],
  [
    'an unquoted IPv6 address',
    'listen: { mx: { smtp: [[::1]:25] } }\n',
    'smail.yaml:1:24 listen.mx.smtp.0: has a key that is no text; expected quotes around what holds [, ], { or }',
  ],
  [
    'a tilde alone',
    'drop: { directory: ~ }\n',
    'smail.yaml:1:20 drop.directory: is ~, which YAML reads as nothing; expected "~" in quotes',
  ],
  ['a tab', 'queue:\n\tlifetime: 5d\n', 'smail.yaml:2:1: a tab cannot indent; expected spaces'],
  ['a key twice', 'hostname: a.example\nhostname: b.example\n', 'smail.yaml:2:1 hostname: stands here twice'],
  ['a list where a map belongs', 'transports:\n  - maildir\n', 'smail.yaml:2:3 transports: is a list; expected a map'],
  ['yes for true', 'tls: { self-signed: yes }\n', "smail.yaml:1:21 tls.self-signed: is 'yes'; expected true or false"],
  [
    'a wrong word',
    'log:\n  format: jsn\n',
    "smail.yaml:2:11 log.format: is 'jsn'; expected one of json, pretty, auto; did you mean json?",
  ],
  [
    'a transport that is not there',
    'directors:\n  all:\n    users:\n      transport: locl\n',
    'smail.yaml:4:18 directors.all.users.transport: names the transport locl, which does not exist; expected one of local, smtp; did you mean local?',
  ],
  [
    'a user twice',
    'directors:\n  u:\n    users:\n      from: { names: [jo, al, JO] }\n',
    "smail.yaml:4:31 directors.u.users.from.names.2: 'JO' stands here twice",
  ],
  [
    'an option that a driver does not have',
    'transports:\n  local: { maildir: { paht: "~/Maildir" } }\n  smtp: { smtp: {} }\n',
    'smail.yaml:2:23 transports.local.maildir.paht: is no setting; did you mean path?',
  ],
  [
    'a transport that is there by default alone',
    'directors:\n  all:\n    users: { from: { names: [jo] } }\ntransports:\n  smtp: { smtp: {} }\n',
    'smail.yaml:3:5 directors.all.users.transport: names, by default, the transport local, which does not exist; expected one of smtp',
  ],
  [
    'transports without those that default directors and routers use',
    'hostname: a.example\ntransports:\n  mine: { maildir: {} }\n',
    'smail.yaml:2:1 transports: has no local, which the default director users uses (there is no directors section); expected one as in local: { maildir: {} }, or directors of your own',
    'smail.yaml:2:1 transports: has no smtp, which the default router mx uses (there is no routers section); expected one as in smtp: { smtp: {} }, or routers of your own',
  ],
  [
    'transports of other kinds than default directors and routers use',
    'transports:\n  local: { smtp: {} }\n  smtp: { maildir: {} }\n',
    'smail.yaml:2:12 transports.local.smtp: delivers to no mailbox, and the default director users uses it (there is no directors section); expected maildir, mbox, lmtp or discard, or directors of your own',
    'smail.yaml:3:11 transports.smtp.maildir: reaches no host, and the default router mx uses it (there is no routers section); expected smtp, lmtp or discard, or routers of your own',
  ],
  [
    'a transport of the wrong kind',
    'directors: { u: { users: { transport: out } } }\ntransports: { out: { smtp: {} }, smtp: { smtp: {} } }\n',
    'smail.yaml:1:39 directors.u.users.transport: names the transport out, a smtp transport, which delivers to no mailbox; expected maildir, mbox, lmtp or discard',
  ],
  [
    'a quota that nobody would look after',
    'directors: { u: { users: { quota: 1GiB } } }\ntransports: { local: { discard: {} }, smtp: { smtp: {} } }\n',
    'smail.yaml:1:35 directors.u.users.quota: cannot be enforced by the discard transport local; expected a maildir or mbox transport',
  ],
  [
    'a word of another setting',
    'conversion: { signed: refuse, downgrade: mda }\n',
    "smail.yaml:1:23 conversion.signed: is 'refuse'; expected one of bounce, convert",
    "smail.yaml:1:42 conversion.downgrade: is 'mda'; expected one of never, msa; did you mean msa?",
  ],
  [
    'LMTP at the port of SMTP',
    [
      'listen: { a: { lmtp: ["127.0.0.1:24", "127.0.0.1:25"] }, b: { smtp: "127.0.0.1:2525" } }',
      'transports:',
      '  local: { maildir: {} }',
      '  store: { lmtp: { to: "store.example:25" } }',
      '  out: { lmtp: {} }',
      'routers:',
      '  a: { mx: { transport: out } }',
      '  b: { static: { transport: out, routes: { there.example: [ "unix:/run/x", x.example ], a.example: mx } } }',
      '  c: { smarthost: { transport: out, hosts: [ "x.example:24", "[192.0.2.1]:25" ] } }',
      '',
    ].join('\n'),
    ...[
      '1:39 listen.a.lmtp.1',
      '4:24 transports.store.lmtp.to',
      '7:8 routers.a.mx.port',
      '8:76 routers.b.static.routes.there.example.1',
      '8:100 routers.b.static.routes.a.example',
      '9:62 routers.c.smarthost.hosts.1',
    ].map(
      (place) =>
        `smail.yaml:${place}: ${place.endsWith('.a.example') ? 'leads to' : 'is'} port 25, where LMTP must not be spoken (RFC 2033 section 5); expected another port, or unix:/path`,
    ),
  ],
  [
    'an address twice',
    'listen:\n  a: { smtp: "127.0.0.1:2525" }\n  b: { lmtp: ["127.0.0.1:2525"] }\n',
    'smail.yaml:3:15 listen.b.lmtp.0: listens on 127.0.0.1:2525, as listener a does; expected an address of its own',
  ],
  [
    'a number out of range',
    'limits:\n  recipients: 0\n',
    "smail.yaml:2:15 limits.recipients: is '0'; expected at least 1",
  ],
  [
    'a size out of range',
    'limits: { message: 5 }\n',
    "smail.yaml:1:20 limits.message: '5' is too small; expected at least 64KiB",
  ],
  [
    'half a certificate',
    'tls:\n  key: a.pem\n',
    'smail.yaml:2:3 tls: is not complete; expected certificate and key, or self-signed: true',
  ],
  [
    'an extension nobody knows',
    'extensions:\n  exnp: {}\n',
    'smail.yaml:2:3 extensions.exnp: is no setting; did you mean expn?',
  ],
  [
    'an unknown setting of an extension, in a listener',
    'listen:\n  mx: { smtp: "127.0.0.1:25", extensions: { expn: { alow: [] } } }\n',
    'smail.yaml:2:53 listen.mx.extensions.expn.alow: is no setting; did you mean allow?',
  ],
  [
    'an extension switched on by a word',
    'extensions: { expn: on }\n',
    "smail.yaml:1:21 extensions.expn: is 'on'; expected a map, as {}, or off",
  ],
  [
    'an extension switched on by a truth, at a listener',
    'listen:\n  mx: { smtp: "127.0.0.1:25", extensions: { expn: true } }\n',
    "smail.yaml:2:51 listen.mx.extensions.expn: is 'true'; expected a map, as {}, or off",
  ],
  [
    'two drivers',
    'spool: { sqlite: {}, memory: {} }\n',
    'smail.yaml:1:8 spool: has 2 drivers; expected one of sqlite, memory',
  ],
  [
    'a network that is none',
    'relay-from: [10.0.0.0/33]\n',
    "smail.yaml:1:14 relay-from.0: '10.0.0.0/33' has a bad prefix length; expected /0 to /32",
  ],
  ['a NUL', 'hostname: a\n# \0\n', 'smail.yaml:2:3: the control character \\x00 stands here; expected text'],
  [
    'two documents',
    'hostname: a.example\n---\nlog: {}\n',
    'smail.yaml:2:1: a second document begins here; expected one',
  ],
  ['a tag', 'hostname: !secret a.example\n', 'smail.yaml:1:11: a tag means nothing here; expected a plain value'],
  ['no map at all', '- a\n', 'smail.yaml:1:1: is no map; expected settings, as in `hostname: mx.example.org`'],
  ['a prototype', '__proto__: { log: {} }\n', 'smail.yaml:1:1 __proto__: is no setting'],
  ['an alias within itself', 'dns: &a\n  hosts: *a\n', 'smail.yaml:2:10 dns.hosts: contains itself'],
  [
    'several at once, in the order of the file',
    'log: { level: loud }\nhostname: "no good"\nplugins: []\n',
    "smail.yaml:1:15 log.level: is 'loud'; expected one of debug, info, warn, error",
    "smail.yaml:2:11 hostname: 'no good' is no domain; expected one as in example.org",
    'smail.yaml:3:1 plugins: is no setting',
  ],
]

for (const [what, source, ...told] of MISTAKES) test(`placed: ${what}`, () => assert.deepEqual(faults(source), told))

test('signatures are not broken, and header fields not encoded, unless it is asked for', () => {
  assert.deepEqual(settings('').conversion, { signed: 'bounce', downgrade: 'never' })
  const asked = settings('conversion: { signed: convert, downgrade: msa }\n')
  assert.deepEqual(asked.conversion, { signed: 'convert', downgrade: 'msa' })
})

test('texts keep the form they were written in', () => {
  const source = [
    'control: { mode: 0660 }',
    'extensions: { expn: { secret: 00012345678901234567890 } }',
    'limits: { message: 1048576 }',
  ].join('\n')
  const read = settings(source)
  assert.equal(read.control.mode, 0o660)
  assert.deepEqual(read.extensions, { expn: { allow: [], secret: '00012345678901234567890' } })
  assert.equal(read.limits.message, 2 ** 20)
})

test('a section with everything in it commented out is empty', () => {
  const read = settings('queue:\n#  lifetime: 1d\nlog:\nextensions:\n  expn:\n')
  assert.equal(read.queue.lifetime, 5 * 86_400_000)
  assert.deepEqual(read.extensions, { expn: { allow: [] } })
  assert.deepEqual(settings('').listen, settings('# nothing\n').listen)
})

const folder = mkdtempSync(join(tmpdir(), 'smail-load-'))
after(() => rmSync(folder, { recursive: true }))
const written = (name: string, content: string | Uint8Array, mode = 0o644): string => {
  writeFileSync(join(folder, name), content)
  chmodSync(join(folder, name), mode)
  return join(folder, name)
}
const load = (file: string | undefined, as: Machine = machine) =>
  loadSettings({ file, env: {}, extensions, machine: as, standardFile: join(folder, 'standard.yaml') })

test('a file is read, and paths in it start at its folder', () => {
  const loaded = load(written('a.yaml', 'drop: { directory: d }\n'))
  assert.ok('settings' in loaded)
  assert.equal(loaded.settings.drop.directory, join(folder, 'd'))
  assert.equal(loaded.file, join(folder, 'a.yaml'))
})

test('without --config the standard file counts, and without that the defaults', () => {
  assert.ok('settings' in load(undefined) && load(undefined).file === undefined)
  written('standard.yaml', 'hostname: std.example\n')
  const loaded = load(undefined)
  assert.ok('settings' in loaded && loaded.settings.hostname === 'std.example')
})

test('files that others may have written, or that are none, are refused', () => {
  const told = (file: string, as?: Machine) => {
    const loaded = load(file, as)
    return 'faults' in loaded ? loaded.faults : []
  }
  const open = written('open.yaml', '', 0o666)
  assert.deepEqual(told(open), [`${open}: may be written by others; expected mode 0644 or less`])
  const mine = written('mine.yaml', '')
  if (machine.uid !== 0) {
    const expected = `${mine}: belongs to uid ${machine.uid}; expected root or uid 12345, who runs this`
    assert.deepEqual(told(mine, { ...machine, uid: 12_345 }), [expected])
  }
  assert.deepEqual(told(join(folder, 'none.yaml')), [`${join(folder, 'none.yaml')}: does not exist`])
  mkdirSync(join(folder, 'dir'))
  assert.deepEqual(told(join(folder, 'dir')), [`${join(folder, 'dir')}: is no file`])
  const huge = written('huge.yaml', '#'.repeat(1024 * 1024 + 1))
  assert.deepEqual(told(huge), [`${huge}: has 1048577 octets; expected at most 1048576`])
  const latin = written('latin.yaml', Buffer.from([0x23, 0xe9, 0x0a]))
  assert.deepEqual(told(latin), [`${latin}:1:2: the octet \\xe9 is no UTF-8 text`])
})

const lump = fc.oneof(
  fc.constantFrom(
    ...[
      'listen',
      'hostname',
      'directors',
      'users',
      'smtp',
      'extensions',
      'expn',
      'limits',
      '~',
      '0600',
      '127.0.0.1:25',
    ],
    ...[
      '*a',
      '&a',
      '[',
      ']',
      '{',
      '}',
      ': ',
      ', ',
      '\n',
      '\n  ',
      '\n- ',
      '"',
      "'",
      '|\n',
      '#',
      '? ',
      '<<: ',
      '!!map',
      '\t',
    ],
  ),
  fc.string({ maxLength: 6 }),
)

test('whatever a file holds, there are settings or faults, each with a place', () => {
  fc.assert(
    fc.property(fc.array(lump, { maxLength: 40 }), (lumps) => {
      const loaded = read(lumps.join(''))
      if ('settings' in loaded) return
      assert.ok(loaded.faults.length > 0)
      for (const fault of loaded.faults) assert.match(fault, /^smail\.yaml:\d+:\d+( [^\n]*)?: [^\n]+$|^and \d+ more$/)
    }),
    { numRuns: 1500 },
  )
})

const yamlValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('map'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  map: fc.dictionary(
    fc.constantFrom('listen', 'a', 'smtp', 'users', 'maildir', 'path', 'min', 'expn', '1', 'tls'),
    tie('value'),
  ),
})).map

test('whatever a well-formed file holds likewise', () => {
  fc.assert(
    fc.property(yamlValue, (value) => {
      const loaded = read(JSON.stringify(value))
      assert.ok('settings' in loaded || loaded.faults.length > 0)
    }),
    { numRuns: 500 },
  )
})
