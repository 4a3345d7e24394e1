import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { loadSettings } from './load.ts'
import { parseSettings } from './parse.ts'
import type { TransportSettings } from './settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-login-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const load = (text: string, mode = 0o600) => {
  const file = join(folder, 'smail.yaml')
  writeFileSync(file, text)
  chmodSync(file, mode)
  return loadSettings({ file, env: {}, extensions: new Map() })
}

const ROUTERS = 'routers: { out: { smarthost: { hosts: smtp.isp.example } } }\n'
const withLogin = (login: string, more = '', mode?: number) =>
  load(`${ROUTERS}transports: { local: { maildir: {} }, smtp: { smtp: { ${more}login: ${login} } } }`, mode)

const faults = (loaded: ReturnType<typeof load>): readonly string[] =>
  'faults' in loaded ? loaded.faults.map((one) => one.replace(/^.*?:(\d+:\d+)/, '$1')) : []

const smtpOf = (loaded: ReturnType<typeof load>): Extract<TransportSettings, { driver: 'smtp' }> => {
  assert.ok('settings' in loaded, JSON.stringify(loaded))
  const found = loaded.settings.transports.find(({ name }) => name === 'smtp')
  assert.ok(found?.driver === 'smtp')
  return found
}

test('what is wrong with how a password is written is told without it', () => {
  for (const [password, expected] of [
    ['*s3cret', /login\.password: begins with \*, which YAML reads as an alias; expected it in quotes$/],
    ['@s3cret', /the password needs quotes here$/],
    ['%s3cret', /the password needs quotes here$/],
    ['`s3cret', /the password needs quotes here$/],
    ['*.s3cret', /quotes/],
    ['!s3cret', /./],
    ['s3cret: x', /./],
    ['"s3cret"s3cret', /./],
    ['"s3cret', /./],
    ['[s3cret]', /expected a text$/],
    ['{ s3cret: s3cret }', /expected a text$/],
    ['"\\s3cret"', /./],
  ] as const) {
    for (const gap of [' ', '\n        ']) {
      const told = faults(withLogin(`{ user: me, password:${gap}${password} }`)).join()
      assert.match(told, expected, password)
      assert.doesNotMatch(told, /s3cret/, password)
    }
  }
})

describe('a login', () => {
  test('its password stands in a file, the environment, or there', () => {
    const of = (password: string) => smtpOf(withLogin(`{ user: me, ${password} }`)).login?.password
    assert.deepEqual(of('password: 0012'), { text: '0012' })
    assert.deepEqual(of('password-file: isp'), { file: join(folder, 'isp') })
    assert.deepEqual(of('password-env: ISP'), { env: 'ISP' })
  })

  test('by host, whose names are as they are looked up', () => {
    const { login, logins } = smtpOf(
      load(
        'transports: { local: { maildir: {} }, smtp: { smtp: { logins: { Bücher.Example: { user: me, password: x, mechanisms: plain } } } } }',
      ),
    )
    assert.equal(login, undefined)
    assert.deepEqual(
      [...logins],
      [['xn--bcher-kva.example', { user: 'me', password: { text: 'x' }, mechanisms: ['PLAIN'] }]],
    )
  })

  for (const [what, given, ...expected] of [
    ['without a password', '{ user: me }', 'has no password; expected one of password, password-file, password-env'],
    [
      'with two of them',
      '{ user: me, password: a, password-env: A }',
      'has password and password-env; expected one of password, password-file, password-env',
    ],
    ['without a user', '{ password: a }', '.user: is missing; expected a text'],
    ['with an empty user', '{ user: "", password: a }', '.user: is empty; expected a name'],
    ['with an empty password', '{ user: me, password: "" }', '.password: is empty; expected a text'],
    ['with a list of passwords', '{ user: me, password: [a] }', '.password: is a list; expected a text'],
    ['with an empty path', '{ user: me, password-file: "" }', '.password-file: is empty; expected a path'],
    [
      'with a variable that is none',
      '{ user: me, password-env: $A }',
      '.password-env: is no name of an environment variable',
    ],
    [
      'with a mechanism that is none',
      '{ user: me, password: a, mechanisms: DIGEST-MD5 }',
      ".mechanisms.0: 'DIGEST-MD5' is unknown; expected one of SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN",
    ],
    [
      'without any mechanism',
      '{ user: me, password: a, mechanisms: [] }',
      '.mechanisms: is an empty list; expected at least one',
    ],
  ] as const) {
    test(`${what} is refused, with its place`, () => {
      const found = faults(withLogin(given)).map((one) =>
        one.replace(/^\d+:\d+ transports\.smtp\.smtp\.login(: )?/, ''),
      )
      assert.deepEqual(found, expected)
    })
  }

  test('its password does not stand in a file that others may read, and is never shown', () => {
    for (const mode of [0o644, 0o604]) {
      assert.deepEqual(faults(withLogin('{ user: me, password: hunter2 }', '', mode)), [
        '2:84 transports.smtp.smtp.login.password: stands in a file that others may read; expected mode 0600 for it, or a password-file',
      ])
    }
    assert.deepEqual(faults(withLogin('{ user: me, password-file: isp }', '', 0o644)), [])
    for (const login of ['{ user: [], password: hunter2 }', '{ user: me, password: hunter2, passwort: hunter2 }']) {
      assert.doesNotMatch(faults(withLogin(login)).join(), /hunter2/)
    }
  })

  for (const [written, expected] of [
    ['me:hunter2', '2:62 transports.smtp.smtp.login: is a text; expected a map with user and password'],
    ['77889900', '2:62 transports.smtp.smtp.login: is a number; expected a map with user and password'],
    [
      '{ user: me, password-env: hunter2! }',
      '2:88 transports.smtp.smtp.login.password-env: is no name of an environment variable',
    ],
    ['*hunter2', '2:62 transports.smtp.smtp.login: begins with *, which YAML reads as an alias; expected it in quotes'],
  ] as const) {
    test(`what may be a password is not repeated: ${written}`, () =>
      assert.deepEqual(faults(withLogin(written)), [expected]))
  }

  test('nor is it by host, or where a program gives a number', () => {
    const transports = 'transports: { local: { maildir: {} }, smtp: { smtp: { logins: '
    assert.deepEqual(faults(load(`${transports}me:hunter2 } } }`)), [
      '1:63 transports.smtp.smtp.logins: is a text; expected a map of hosts',
    ])
    assert.deepEqual(faults(load(`${transports}{ a.example: me:hunter2 } } } }`)), [
      '1:76 transports.smtp.smtp.logins.a.example: is a text; expected a map with user and password',
    ])
    const given = {
      transports: { local: { maildir: {} }, smtp: { smtp: { login: { user: 'me', password: 77889900 } } } },
    }
    const machine = { hostname: 'me.test', uid: 1000, user: 'jo', home: '/home/jo', state: '/s', runtime: '/r' }
    const parsed = parseSettings(given, { machine, places: { base: '/', home: '/' }, extensions: new Map() })
    assert.deepEqual('issues' in parsed && parsed.issues.map(({ message }) => message), [
      'is a number; expected a text',
    ])
  })

  test('is never told in clear', () => {
    assert.deepEqual(faults(withLogin('{ user: me, password: a }', 'tls: off, ')), [
      '2:60 transports.smtp.smtp.tls: is off, and no login is told in clear; expected verify or wrapped',
    ])
    assert.equal(smtpOf(withLogin('{ user: me, password: a }', 'tls: wrapped, ')).tls, 'wrapped')
  })

  test('is not for whatever host the DNS names, but by host it may be', () => {
    const transports = 'transports: { local: { maildir: {} }, smtp: { smtp: { login: { user: me, password: a } } } }'
    for (const routers of [
      '',
      'routers: { way: { mx: {} } }\n',
      'routers: { way: { static: { routes: { a.example: mx } } } }\n',
    ]) {
      assert.match(
        faults(load(`${routers}${transports}`)).join(),
        /^\d+:\d+ transports.smtp.smtp.login: is for hosts that settings name, and the router (mx|way) uses this transport for hosts that the DNS names; expected logins, by host, or a transport apart$/,
      )
    }
    assert.deepEqual(
      faults(load(`routers: { way: { static: { routes: { a.example: b.example } } } }\n${transports}`)),
      [],
    )
    const byHost = transports.replace(
      'login: { user: me, password: a }',
      'logins: { mx.example: { user: me, password: a } }',
    )
    assert.deepEqual(faults(load(byHost)), [])
    assert.match(faults(load(byHost.replace('mx.example', '"no host"'))).join(), /logins.*'no host' is no name here/)
  })
})
