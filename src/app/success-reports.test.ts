import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings } from '../config/load.ts'
import { thisMachine } from '../config/machine.ts'
import type { Asked, Verdict } from '../policy/spf.ts'
import type { Greeting, Session } from '../smtp/extension.ts'
import { extensionSchemas } from './extensions.ts'
import { maySubmit } from './may-submit.ts'
import { successReports } from './success-reports.ts'

const listenerOf = (text: string) => {
  const loaded = readSettings(text, 'smail.yaml', thisMachine({}), extensionSchemas)
  assert.ok('settings' in loaded)
  const [listener] = loaded.settings.listen
  assert.ok(listener)
  return listener
}

const greeting = (name: string, extended = true): Greeting => ({ verb: extended ? 'EHLO' : 'HELO', name, extended })

const sessionOf = (name: string, more: Partial<Session> = {}): Session =>
  ({ peer: '192.0.2.1', identity: undefined, greeting: greeting(name), ...more }) as Session

/** Says what it is told of a domain, `pass` of the rest. */
const asking = (verdicts: Readonly<Record<string, Verdict>> = {}) => {
  const asked: Asked[] = []
  return {
    asked,
    spf: async (one: Asked) => {
      asked.push(one)
      return verdicts[one.domain] ?? 'pass'
    },
  }
}

const ALIGNED = 'extensions: { dsn: { success: aligned, networks: [192.0.2.128/25] } }\n'

test('without a block, and for everyone, nothing is granted apart', () => {
  assert.equal(successReports(listenerOf(''), {}), undefined)
  assert.equal(successReports(listenerOf('extensions: { dsn: off }\n'), {}), undefined)
  assert.equal(successReports(listenerOf('extensions: { dsn: { success: trusted } }\n'), {})?.proof, undefined)
})

test('a host is looked up once by its name, and what was found is of that greeting', async () => {
  const { asked, spf } = asking({ 'liar.test': 'fail', 'down.test': 'temperror', 'new.test': 'neutral' })
  const reports = successReports(listenerOf(ALIGNED), { spf })
  const proof = reports?.proof
  assert.ok(reports && proof)
  const honest = sessionOf('mail.test')
  assert.ok(honest.greeting)
  assert.equal(reports.trusts(honest), false)
  await proof.greeted(honest.greeting, honest)
  await proof.greeted(honest.greeting, honest)
  assert.equal(reports.trusts(honest), true)
  assert.deepEqual(asked, [{ address: '192.0.2.1', domain: 'mail.test', helo: 'mail.test' }])
  assert.equal(reports.trusts({ ...honest, greeting: greeting('mail.test') }), false)
  for (const name of ['liar.test', 'down.test', 'new.test']) {
    const session = sessionOf(name)
    await proof.greeted(session.greeting ?? assert.fail(), session)
    assert.equal(reports.trusts(session), false, name)
  }
  const old = sessionOf('mail.test', { greeting: greeting('mail.test', false) })
  await proof.greeted(old.greeting ?? assert.fail(), old)
  assert.equal(asked.length, 4)
})

test('of the names that one session gives, ten are looked up', async () => {
  const { asked, spf } = asking()
  const reports = successReports(listenerOf(ALIGNED), { spf })
  const session = sessionOf('x.test')
  const named = async (name: string) => {
    const one = greeting(name)
    await reports?.proof?.greeted(one, session)
    return reports?.trusts({ ...session, greeting: one })
  }
  const found: unknown[] = []
  for (let at = 0; at < 12; at += 1) found.push(await named(`n${at}.test`))
  assert.deepEqual(found, [...Array(10).fill(true), false, false])
  assert.equal(asked.length, 10)
})

test('a sender is looked up once while it stays the same, and told of once if it is not proved', async () => {
  const told: string[] = []
  const { asked, spf } = asking({ 'forged.test': 'softfail' })
  const unproved = (_session: Session, domain: string, verdict: Verdict) => void told.push(`${domain} ${verdict}`)
  const proof = successReports(listenerOf(ALIGNED), { spf, unproved })?.proof
  assert.ok(proof)
  const session = sessionOf('mail.test')
  assert.equal(await proof.proves({ local: 'eve', domain: 'forged.test' }, session), false)
  assert.equal(await proof.proves({ local: 'eve', domain: 'FORGED.test' }, session), false)
  assert.deepEqual(told, ['forged.test softfail'])
  assert.equal(await proof.proves({ local: 'eve', domain: 'good.test' }, session), true)
  assert.deepEqual(
    asked.map(({ local, domain, helo }) => [local, domain, helo]),
    [
      ['eve', 'forged.test', 'mail.test'],
      ['eve', 'good.test', 'mail.test'],
    ],
  )
  assert.equal(await proof.proves(null, session), true)
  assert.equal(asked.length, 2)
})

test('nobody who is trusted is looked up: by network, identity, submission, or as a program of this machine', async () => {
  const { asked, spf } = asking({ 'forged.test': 'fail' })
  const forged = { local: 'eve', domain: 'forged.test' }
  const check = async (text: string, session: Session, vouched = false) => {
    const reports = successReports(listenerOf(text), { spf, vouched: () => vouched })
    assert.ok(reports?.proof && session.greeting)
    await reports.proof.greeted(session.greeting, session)
    assert.equal(reports.trusts(session), true)
    assert.equal(await reports.proof.proves(forged, session), true)
  }
  await check(ALIGNED, sessionOf('x.test', { peer: '192.0.2.200' }))
  await check(ALIGNED, sessionOf('x.test', { identity: 'ann' }))
  await check(`listen: { mx: { submission: 127.0.0.1:587 } }\n${ALIGNED}`, sessionOf('x.test'))
  await check(ALIGNED, sessionOf('x.test'), true)
  assert.deepEqual(asked, [])
})

test('without SPF nobody is proved', async () => {
  const reports = successReports(listenerOf(ALIGNED), {})
  const session = sessionOf('mail.test')
  await reports?.proof?.greeted(session.greeting ?? assert.fail(), session)
  assert.equal(reports?.trusts(session), false)
})

test('a submitter is refused by its domain alone, and put off where that cannot be told', async () => {
  const { asked, spf } = asking({ 'no.test': 'fail', 'down.test': 'temperror', 'soft.test': 'softfail' })
  const may = maySubmit({ ...listenerOf('extensions: { submitter: {} }\n'), services: { spf } })
  assert.ok(may)
  const said = async (domain: string) => may({ local: 'ann', domain }, sessionOf('mail.test'))
  assert.deepEqual(
    [await said('no.test'), await said('down.test'), await said('soft.test'), await said('yes.test')],
    ['no', 'unknown', 'yes', 'yes'],
  )
  assert.deepEqual(asked[0], {
    address: '192.0.2.1',
    domain: 'no.test',
    local: 'ann',
    helo: 'mail.test',
    scope: 'pra',
  })
})

test('submitters of whoever may relay, submits, or is a program of this machine are taken untested', async () => {
  const { asked, spf } = asking({ 'no.test': 'fail' })
  const listener = listenerOf('extensions: { submitter: {} }\n')
  const no = { local: 'ann', domain: 'no.test' }
  assert.equal(await maySubmit({ ...listener, services: { spf, mayRelay: () => true } })?.(no, sessionOf('x')), 'yes')
  assert.equal(await maySubmit({ ...listener, services: { spf, vouched: () => true } })?.(no, sessionOf('x')), 'yes')
  assert.deepEqual(asked, [])
  const submission = listenerOf('listen: { mx: { submission: 127.0.0.1:587 } }\nextensions: { submitter: {} }\n')
  assert.equal(maySubmit({ ...submission, services: { spf } }), undefined)
  const off = listenerOf('extensions: { submitter: { check: false } }\n')
  assert.equal(maySubmit({ ...off, services: { spf } }), undefined)
  assert.equal(maySubmit({ ...listener, services: {} }), undefined)
})
