import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { lacking } from './installed.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { plainMail, tryingMail } from './messages.ts'
import type { Peer } from './peer.ts'
import { startPostfix } from './postfix.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

describe('A chain of us, Postfix and us', { skip: lacking(['postfix'], true) }, () => {
  const scene = sceneForTests()
  let [first, middle, last]: [Smail?, Peer?, Smail?] = []
  const log = () => `${first?.log()}\n${middle?.log()}\n${last?.log()}`

  before(async () => {
    const ports = { first: await freePorts(), last: await freePorts() }
    // What it gets for `clear.test` goes to the first, for `tls.test` to the last.
    middle = await startPostfix(scene, {
      domain: 'middle.test',
      ports: { clear: ports.first.clear, tls: ports.last.tls },
    })
    const settings = { routers: { all: { smarthost: { hosts: `127.0.0.1:${middle.port}` } } } }
    first = await startSmail(scene, { domain: 'clear.test', ports: ports.first, settings })
    last = await startSmail(scene, { domain: 'tls.test', ports: ports.last, settings })
  })

  test('mail passes octet by octet, and says which way it went', async () => {
    assert.ok(first && last)
    const body = tryingMail('passing')
    await handTo(first.ports.clear, { to: ['bob@tls.test'], body, mail: ' BODY=8BITMIME' })
    const { trace, sent } = withoutTrace(await mailWith(last.maildir('bob'), 'Subject: passing', log))
    assert.deepEqual(sent, body)
    const ways = [...trace.matchAll(/^Received: from (\S+)[^;]*?\bby (\S+)/gm)].map(([, from, by]) => `${from} ${by}`)
    assert.deepEqual(ways, [
      'mx.middle.test mx.tls.test',
      'mx.clear.test mx.middle.test',
      'client.origin.test mx.clear.test',
    ])
  })

  test('a failure at its end is reported to its beginning', async () => {
    assert.ok(first && middle && last)
    await handTo(first.ports.clear, {
      from: 'alice@clear.test',
      mail: ' ENVID=chain1',
      to: ['<nobody@tls.test> ORCPT=rfc822;somebody@elsewhere.test'],
      body: plainMail('failing'),
    })
    const report = (await mailWith(first.maildir('alice'), 'Action: failed', log)).toString()
    assert.match(report, /^Reporting-MTA: dns; ?mx\.middle\.test$/im)
    assert.match(report, /^Original-Envelope-Id: chain1$/im)
    assert.match(report, /^Original-Recipient: rfc822; ?somebody@elsewhere\.test$/im)
    assert.match(report, /^Remote-MTA: dns; ?127\.0\.0\.1$/im)
  })
})
