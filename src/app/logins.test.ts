import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import type { LoginSettings } from '../config/settings.ts'
import { silentLog } from '../observe/log.ts'
import type { Hop } from '../smtp/extension.ts'
import { loginsOf } from './logins.ts'
import { Unfit } from './unfit.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-logins-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const login = (password: LoginSettings['password'], more: Partial<LoginSettings> = {}): LoginSettings => ({
  user: 'me',
  password,
  mechanisms: ['PLAIN', 'SCRAM-SHA-256'],
  ...more,
})
const transport = (forAll: LoginSettings | undefined, byHost: Readonly<Record<string, LoginSettings>> = {}) => ({
  name: 'isp',
  driver: 'smtp',
  login: forAll,
  logins: new Map(Object.entries(byHost)),
})
const hop = (name: string, host: Hop['proofs']['host'] = 'named') => ({ name, proofs: { host } }) as Hop
const file = (content: string | Uint8Array, mode = 0o600) => {
  const path = join(folder, 'password')
  rmSync(path, { force: true })
  writeFileSync(path, content)
  chmodSync(path, mode)
  return { file: path }
}
const passwordFrom = (password: LoginSettings['password']) =>
  loginsOf(transport(login(password)), silentLog)?.login(hop('smtp.test'))?.password

const faults = (make: () => unknown): readonly string[] => {
  try {
    make()
  } catch (error) {
    if (error instanceof Unfit) return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw error
  }
  return []
}

describe('logins', () => {
  test('there are none where none is set', () => assert.equal(loginsOf(transport(undefined), silentLog), undefined))

  test('the strongest mechanism stands first, however they were named', () => {
    const found = loginsOf(transport(login({ text: 'a' })), silentLog)?.login(hop('smtp.test'))
    assert.deepEqual(
      found?.mechanisms.map(({ name }) => name),
      ['SCRAM-SHA-256', 'PLAIN'],
    )
  })

  test('one of a host wins over that for all, which is for hosts that settings name', () => {
    const logins = loginsOf(transport(login({ text: 'a' }), { 'smtp.test': login({ text: 'b' }) }), silentLog)
    const of = (...asked: Parameters<typeof hop>) => logins?.login(hop(...asked))?.password
    assert.equal(of('SMTP.test'), 'b')
    assert.equal(of('smtp.test', 'unproved'), 'b')
    assert.equal(of('other.test'), 'a')
    assert.equal(of('other.test', 'unproved'), undefined)
    assert.equal(of('other.test', 'dnssec'), undefined)
  })

  test('a password is the first line of a file, or stands in the environment', () => {
    assert.equal(passwordFrom(file('pass word\r\nmore\n')), 'pass word')
    assert.equal(passwordFrom(file('pässword')), 'pässword')
    process.env['SMAIL_TEST_PASSWORD'] = 'from outside'
    assert.equal(passwordFrom({ env: 'SMAIL_TEST_PASSWORD' }), 'from outside')
    delete process.env['SMAIL_TEST_PASSWORD']
  })

  test('names and passwords are prepared (RFC 4013)', () => {
    const found = loginsOf(transport(login({ text: 'a\u00a0\u2168' }, { user: 'ma\u00adx' })), silentLog)
    const { user, password } = found?.login(hop('smtp.test')) ?? {}
    assert.deepEqual([user, password], ['max', 'a IX'])
  })

  const path = join(folder, 'password')
  const at = 'transports.isp.smtp.login.password-file: '
  for (const [what, password, expected] of [
    ['others may read', () => file('a', 0o604), `${at}${path}: may be read or written by others; expected mode 0600`],
    ['others may write', () => file('a', 0o602), `${at}${path}: may be read or written by others; expected mode 0600`],
    ['is empty', () => file('\na'), `${at}${path}: has no password in its first line`],
    ['is not there', () => ({ file: `${path}-2` }), `${at}${path}-2: does not exist`],
    ['is a folder', () => ({ file: folder }), `${at}${folder}: is no file`],
    ['is too long', () => file('a'.repeat(4097)), `${at}${path}: has 4097 octets; expected a line with a password`],
    ['is not UTF-8', () => file(Buffer.from([0xe4])), `${at}${path}: is no UTF-8 text`],
    ['has a tab in it', () => file('a\tb'), `${at}has characters that no login may have (RFC 4013)`],
  ] as const) {
    test(`a file that ${what} is refused`, () =>
      assert.deepEqual(
        faults(() => passwordFrom(password())),
        [expected],
      ))
  }

  test('all that is wrong is told at once', () => {
    const wrong = transport(login({ env: 'SMAIL_NOT_THERE' }), { 'a.test': login({ text: 'a' }, { user: '\u0007' }) })
    assert.deepEqual(
      faults(() => loginsOf(wrong, silentLog)),
      [
        'transports.isp.smtp.login.password-env: the environment has no SMAIL_NOT_THERE',
        'transports.isp.smtp.logins.a.test.user: has characters that no login may have (RFC 4013)',
      ],
    )
  })

  test('how a login ended is logged, a refusal as a warning', () => {
    const log = keptLog()
    const logins = loginsOf(transport(login({ text: 'a' })), log)
    logins?.note({ hop: 'smtp.test', user: 'me', mechanism: 'PLAIN' })
    logins?.note({ hop: 'smtp.test', user: 'me', why: '535 no' })
    assert.deepEqual(
      log.events.map(({ level, event }) => `${level} ${event}`),
      ['debug logged-in', 'warn login-refused'],
    )
  })
})
