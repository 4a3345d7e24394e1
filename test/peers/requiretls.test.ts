import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { Client } from '../systems/kit/client.ts'
import { talk } from '../systems/kit/talk.ts'
import { makeCertificate } from './certificate.ts'
import { lacking } from './installed.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { freePort } from './ports.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

/** The names under which the first knows the second; its certificate is for the last of them. */
const NAMES = ['mx.origin.test', 'mx.plain.test', 'mx.bad.test', 'mx.middle.test', 'mx.last.test']
const TEXT = 'Subject: a secret\r\n\r\n..Not for everybody: \xe4\r\n'

describe('REQUIRETLS over three hops, each a process', { skip: lacking(['openssl']) }, () => {
  const scene = sceneForTests()
  let [first, middle, last]: [Smail?, Smail?, Smail?] = []
  const log = () => `${first?.log()}\n${middle?.log()}\n${last?.log()}`

  before(async () => {
    const ports = { first: await freePorts(), middle: await freePorts(), last: await freePorts() }
    const old = await freePort()
    const certificates = new Map(
      ['origin', 'middle', 'last'].map((name) => {
        const made = makeCertificate(scene.folder(`of-${name}`), `mx.${name}.test`)
        return [name, { certificate: made.certificate, key: made.key }]
      }),
    )
    const roots = join(scene.folder('roots'), 'roots.pem')
    writeFileSync(roots, [...certificates.values()].map(({ certificate }) => readFileSync(certificate)).join(''))
    const env = { NODE_EXTRA_CA_CERTS: roots }
    const dns = { servers: ['127.0.0.1:9'], hosts: Object.fromEntries(NAMES.map((name) => [name, '127.0.0.1'])) }
    const start = (name: string, own: typeof ports.first, settings: Readonly<Record<string, unknown>>) =>
      startSmail(scene, {
        domain: `${name}.test`,
        ports: own,
        env,
        settings: { dns, tls: certificates.get(name), ...settings },
      })
    const clear = `127.0.0.1:${ports.middle.clear}`
    // In clear; with the certificate of another; without REQUIRETLS; and as it should be.
    const bad = [`mx.plain.test:${ports.middle.clear}`, `mx.bad.test:${ports.middle.tls}`, `mx.middle.test:${old}`]
    const good = [...bad, `mx.middle.test:${ports.middle.tls}`]
    const table = (routes: object) => ({ routers: { all: { static: { routes } } } })
    const routes = { 'middle.test': good, 'last.test': good, 'lost.test': bad, 'clear.test': clear }
    first = await start('origin', ports.first, table(routes))
    middle = await start('middle', ports.middle, {
      listen: {
        mx: { smtp: `127.0.0.1:${ports.middle.tls}` },
        old: { smtp: `127.0.0.1:${old}`, extensions: { requiretls: 'off' } },
        clear: { smtp: clear, extensions: { starttls: 'off' } },
      },
      ...table({
        'last.test': `mx.last.test:${ports.last.tls}`,
        'origin.test': `mx.origin.test:${ports.first.tls}`,
      }),
    })
    last = await start('last', ports.last, {
      extensions: { requiretls: 'off' },
    })
  })

  const submit = async (to: string, mail = ' REQUIRETLS RET=FULL BODY=8BITMIME') => {
    const client = await Client.open(`127.0.0.1:${first?.ports.tls}`, '127.0.0.1')
    try {
      const says = [
        'S: 220 *\nC: EHLO client.test\nS: 250 *\nC: STARTTLS\nS: 220 *\nT! mx.origin.test\nC: EHLO client.test\nS: 250 *',
        `C: MAIL FROM:<alice@origin.test>${mail}\nS: 250 *\nC: RCPT TO:<${to}>\nS: 250 *\nC: DATA\nS: 354 *`,
        `C- ${TEXT.replaceAll('\r\n', '\\r\\n')}\nC: .\nS: 250 *\nC: QUIT\nS: 221 *`,
      ]
      await talk(client, says.join('\n'), 'the submission')
    } finally {
      client.close()
    }
  }

  test('the first host that has all that is needed gets it, octet by octet, and the others not a word', async () => {
    assert.ok(middle)
    await submit('bob@middle.test')
    const { trace, sent } = withoutTrace(await mailWith(middle.maildir('bob'), 'a secret', log))
    assert.equal(sent.toString('latin1'), TEXT.replace('..', '.'))
    assert.match(trace, /by mx\.middle\.test\s+with ESMTPS/)
    const listeners = middle.events('accepted').map(({ listener }) => listener)
    assert.deepEqual(listeners, ['mx'], log())
  })

  test('where no host has it, the sender is told, and is given no body', async () => {
    assert.ok(first)
    await submit('bob@lost.test')
    const report = (await mailWith(first.maildir('alice'), 'bob@lost.test', log)).toString('latin1')
    assert.match(report, /^Status: 5\.7\.30$/m)
    assert.match(report, /^Reporting-MTA: dns; mx\.origin\.test$/m)
    assert.match(report, /^Content-Type: text\/rfc822-headers$/m)
    assert.doesNotMatch(report, /Not for everybody/)
  })

  test('a later hop that lacks it: the one before says so, under REQUIRETLS', async () => {
    assert.ok(first && middle && last)
    await submit('bob@last.test')
    const report = (await mailWith(first.maildir('alice'), 'bob@last.test', log)).toString('latin1')
    assert.match(report, /^Status: 5\.7\.30$/m)
    assert.match(report, /^Reporting-MTA: dns; mx\.middle\.test$/m)
    assert.match(report, /by mx\.origin\.test\s+with ESMTPS/)
    assert.doesNotMatch(report, /Not for everybody/)
    assert.deepEqual(last.events('accepted'), [])
  })

  test('other mail goes there, and to the first host of all', async () => {
    assert.ok(middle && last)
    const count = () => middle?.events('accepted').filter(({ listener }) => listener === 'clear').length
    assert.equal(count(), 0)
    await submit('bob@last.test', ' BODY=8BITMIME')
    await mailWith(last.maildir('bob'), 'a secret', log)
    assert.equal(count(), 1)
  })
})
