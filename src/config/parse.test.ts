import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import type { Machine } from './machine.ts'
import { type Parsed, parseSettings } from './parse.ts'
import type { Settings } from './settings.ts'

const machine: Machine = {
  hostname: 'host.example.org',
  uid: 1000,
  user: 'jo',
  home: '/home/jo',
  state: '/home/jo/.local/state/smail',
  runtime: '/run/user/1000/smail',
}
const extensions = new Map([
  ['expn', z.strictObject({ allow: z.array(z.string()).default([]), most: z.int().default(100) })],
  ['dsn', z.strictObject({})],
])
const parse = (given: unknown, as: Machine = machine): Parsed =>
  parseSettings(given, { machine: as, places: { base: '/etc/smail', home: as.home }, extensions })

const settingsOf = (parsed: Parsed): Settings => {
  assert.ok('settings' in parsed, JSON.stringify(parsed))
  return parsed.settings
}
const issuesOf = (given: unknown): string[] => {
  const parsed = parse(given)
  assert.ok('issues' in parsed)
  return parsed.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
}

test('nothing at all is settings: loopback 2525, own host name, everything below the state folder', () => {
  const settings = settingsOf(parse(undefined))
  assert.deepEqual(settings.listen[0]?.addresses, [{ host: '127.0.0.1', port: 2525 }])
  assert.deepEqual([settings.hostname, settings.domains], ['host.example.org', ['host.example.org']])
  assert.equal(settings.postmaster, 'jo@host.example.org')
  assert.deepEqual(settings['relay-from'], ['127.0.0.0/8', '::1'])
  const path = `${machine.state}/spool`
  assert.deepEqual(settings.spool, { driver: 'sqlite', path, history: 864_000_000, 'keep-free': 0 })
  assert.equal(settings.control.socket, '/run/user/1000/smail/control.sock')
  assert.equal(settings.tls, undefined)
  assert.deepEqual(
    [settings.limits.message, settings.limits.recipients, settings.queue.lifetime, settings.timeouts['end-of-data']],
    [50 * 2 ** 20, 1000, 5 * 86_400_000, 600_000],
  )
  assert.deepEqual([settings.limits.junk, settings.limits.rate, settings.limits.session], [100, 500, 86_400_000])
})

test('a host name beyond ASCII is told to others as A-labels (RFC 6531 3.7.1)', () => {
  assert.equal(settingsOf(parse({ hostname: 'MX.B\u00fccher.example' })).hostname, 'mx.xn--bcher-kva.example')
})

test('root has no mail delivered as other users by default', () => {
  const users = (as: Machine) => settingsOf(parse({}, as)).directors.find(({ driver }) => driver === 'users')
  assert.deepEqual(users(machine), {
    name: 'users',
    driver: 'users',
    from: { passwd: true },
    transport: 'local',
    root: '/home/jo/.local/state/smail/mail',
    separator: '+',
    quota: 0,
    'when-full': 'defer',
  })
  const root = users({ ...machine, uid: 0, user: 'root' })
  assert.deepEqual(root && 'from' in root && root.from, { names: ['root', 'postmaster'] })
})

test('domains and postmaster follow the names that were given', () => {
  const named = settingsOf(parse({ hostname: 'MX.Example.ORG' }))
  assert.deepEqual([named.hostname, named.domains], ['mx.example.org', ['mx.example.org']])
  const own = settingsOf(
    parse({ domains: ['a.example', 'b.example'], directors: { all: { 'catch-all': { to: 'x@y.example' } } } }),
  )
  assert.equal(own.postmaster, 'postmaster@a.example')
})

test('the order of directors is the order of the file', () => {
  const directors = { zeta: { aliases: {} }, alpha: { users: {} }, last: { 'catch-all': { to: 'jo@example.org' } } }
  assert.deepEqual(
    settingsOf(parse({ directors })).directors.map(({ name, driver }) => `${name} ${driver}`),
    ['zeta aliases', 'alpha users', 'last catch-all'],
  )
})

test('a listener lays its limits and blocks over what holds for all', () => {
  const { listen, extensions: general } = settingsOf(
    parse({
      limits: { recipients: 10, message: '1MiB' },
      extensions: { expn: { allow: ['127.0.0.1'] }, dsn: 'off' },
      listen: {
        mx: { smtp: '0.0.0.0:25' },
        store: { lmtp: 'unix:/run/l.sock', limits: { recipients: 5 }, extensions: { expn: { most: 3 }, dsn: {} } },
      },
    }),
  )
  assert.deepEqual(general, { expn: { allow: ['127.0.0.1'], most: 100 }, dsn: 'off' })
  assert.deepEqual(listen[0]?.extensions, general)
  assert.deepEqual(listen[1]?.extensions, { expn: { allow: ['127.0.0.1'], most: 3 }, dsn: {} })
  assert.deepEqual([listen[1]?.limits.recipients, listen[1]?.limits.message], [5, 2 ** 20])
  assert.deepEqual(listen[1]?.addresses, [{ path: '/run/l.sock' }])
})

test('paths start at the folder of the file, `~/` at home; a Maildir keeps its `~`', () => {
  const settings = settingsOf(
    parse({
      spool: { sqlite: { path: '../var/spool' } },
      drop: { directory: '~/drop' },
      transports: { local: { maildir: {} }, box: { mbox: { path: 'boxes' } }, smtp: { smtp: {} } },
    }),
  )
  assert.deepEqual('path' in settings.spool && settings.spool.path, '/etc/var/spool')
  assert.equal(settings.drop.directory, '/home/jo/drop')
  assert.deepEqual(
    settings.transports.map((one) => 'path' in one && one.path),
    ['~/Maildir', '/etc/smail/boxes', false],
  )
})

test('what is wrong is told all at once, in one section and across sections', () => {
  assert.deepEqual(
    issuesOf({
      hostnam: 'x',
      hostname: 'two words',
      directors: { u: { user: {} }, v: { users: { transport: 'locl' } }, w: { users: { transport: 'smtp' } } },
      extensions: { expn: { alow: [] } },
      listen: { a: { smtp: '127.0.0.1:25' }, b: { smtp: ['127.0.0.1:25'], lmtp: 'unix:/x' }, c: {} },
    }),
    [
      'hostnam is no setting; did you mean hostname?',
      "hostname 'two words' is no domain; expected one as in example.org",
      'listen.b speaks smtp and lmtp; expected one of smtp, submission, lmtp, mtqp',
      'listen.c has no addresses; expected one of smtp, submission, lmtp, mtqp',
      'directors.u.user is no setting; did you mean users?',
      'extensions.expn.alow is no setting; did you mean allow?',
      'directors.v.users.transport names the transport locl, which does not exist; expected one of local, smtp; did you mean local?',
      'directors.w.users.transport names the transport smtp, a smtp transport, which delivers to no mailbox; expected maildir, mbox, lmtp or discard',
    ],
  )
})

test('sections are checked against each other', () => {
  assert.deepEqual(
    issuesOf({
      directors: { v: { users: { transport: 'locl' } }, w: { users: { transport: 'smtp' } } },
      routers: { s: { smarthost: { hosts: 'relay.example:2525', transport: 'local' } } },
      listen: { a: { smtp: '[::1]:25' }, b: { smtp: ['127.0.0.1:0', '127.0.0.1:0', '[0:0::1]:25'] } },
      control: { socket: '/run/x', submission: '/run/x' },
    }),
    [
      'directors.v.users.transport names the transport locl, which does not exist; expected one of local, smtp; did you mean local?',
      'directors.w.users.transport names the transport smtp, a smtp transport, which delivers to no mailbox; expected maildir, mbox, lmtp or discard',
      'routers.s.smarthost.transport names the transport local, a maildir transport, which reaches no host; expected smtp, lmtp or discard',
      'listen.b.smtp.2 listens on [::1]:25, as listener a does; expected an address of its own',
      'control.submission is the control socket; expected a path of its own',
    ],
  )
})

test('what is no map is no settings', () => {
  for (const given of [[], 'x', 3, null]) {
    assert.deepEqual(issuesOf(given), [' is no map; expected settings, as in `hostname: mx.example.org`'])
  }
})
