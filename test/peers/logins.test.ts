import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { scramVerifier } from '../../src/sasl/scram.ts'
import { writeVerifier } from '../../src/sasl/verifier.ts'
import { makeCertificate } from './certificate.ts'
import { lacking } from './installed.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { tryingMail } from './messages.ts'
import { CLIENTS, type Client } from './programs.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

const NAME = 'mx.ours.test'
const USER = 'alice@ours.test'
const PASSWORD = 'open, sesame'

describe('Programs that log in', { skip: lacking(['openssl']), concurrency: 2 }, () => {
  const scene = sceneForTests()
  let smail: Smail | undefined
  let certificate = ''
  let count = 0

  before(async () => {
    const made = makeCertificate(scene.folder('certificate'), NAME)
    certificate = made.certificate
    const passwords = join(scene.folder('passwords'), 'passwords')
    const verifiers = (['sha256', 'sha1'] as const).map((hash) =>
      scramVerifier(hash, PASSWORD, Buffer.from('a salt for it'), 4096),
    )
    const lines = (await Promise.all(verifiers)).map((one) => `${USER}:${writeVerifier(one)}\n`)
    writeFileSync(passwords, lines.join(''), { mode: 0o600 })
    const auth = { passwords, mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN', 'LOGIN'] }
    const ports = await freePorts()
    const listen = {
      users: { submission: `127.0.0.1:${ports.tls}`, extensions: { auth } },
      clear: { submission: `127.0.0.1:${ports.clear}`, extensions: { auth, starttls: 'off' } },
    }
    smail = await startSmail(scene, { hostname: NAME, ports, settings: { tls: made, listen } })
  })

  const hands = async (
    client: Client,
    mechanism: string,
    { password = PASSWORD, secured = true } = {},
  ): Promise<string> => {
    assert.ok(smail)
    count += 1
    const from = `sender${count}@origin.test`
    const body = tryingMail('login')
    await client.send({
      port: secured ? smail.ports.tls : smail.ports.clear,
      from,
      to: 'bob@ours.test',
      body,
      login: { mechanism, user: USER, password },
      ...(secured ? { tls: { name: NAME, certificate } } : {}),
    })
    const { trace, sent } = withoutTrace(await mailWith(smail.maildir('bob'), `<${from}>`, smail.log))
    assert.ok(sent.equals(body))
    return trace
  }

  for (const client of CLIENTS) {
    const { name, programs, mechanisms } = client
    for (const mechanism of mechanisms) {
      test(`${name} logs in by ${mechanism}`, { skip: lacking(programs) }, async () => {
        assert.match(await hands(client, mechanism), /with ESMTPSA/)
        const last = smail
          ?.events('authenticated')
          .filter((event) => event['mechanism'] === mechanism)
          .at(-1)
        assert.equal(last?.['identity'], USER)
      })
    }
    test(`${name} cannot show its password in clear`, { skip: lacking(programs) }, async () => {
      await assert.rejects(hands(client, 'PLAIN', { secured: false }))
    })
    for (const mechanism of mechanisms.filter((one) => one.startsWith('SCRAM'))) {
      test(`${name} logs in by ${mechanism} in clear`, { skip: lacking(programs) }, async () => {
        assert.match(await hands(client, mechanism, { secured: false }), /with ESMTPA/)
      })
    }
  }

  // Each waits longer than the one before.
  test('who has a wrong password hears so', { skip: lacking(['swaks', 'curl']) }, async () => {
    for (const client of CLIENTS.filter(({ name }) => ['swaks', 'curl'].includes(name))) {
      await assert.rejects(hands(client, 'PLAIN', { password: 'open, barley' }))
    }
    assert.deepEqual(
      smail?.events('not-authenticated').map(({ why }) => why),
      ['The password is wrong', 'The password is wrong'],
    )
  })
})
