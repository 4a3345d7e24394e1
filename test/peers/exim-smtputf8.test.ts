import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { startExim } from './exim.ts'
import { lacking } from './installed.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import type { Peer } from './peer.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

const BODY = Buffer.from('From: alïce@clear.test\r\nTo: bob@tls.test\r\nSubject: Grüße passing\r\n\r\nHallo, Wörld\r\n')

describe('SMTPUTF8 over Exim', { skip: lacking(['exim4'], true) }, () => {
  const scene = sceneForTests()
  const another = sceneForTests()
  let [first, takes, last]: [Smail?, Peer?, Smail?] = []
  const log = () => `${first?.log()}\n${takes?.log()}\n${last?.log()}`

  before(async () => {
    const ports = { first: await freePorts(), last: await freePorts() }
    const to = { clear: ports.first.clear, tls: ports.last.tls }
    takes = await startExim(scene, { domain: 'middle.test', ports: to, more: 'smtputf8_advertise_hosts = *' })
    const lacks = await startExim(another, { domain: 'old.test', ports: to, more: 'smtputf8_advertise_hosts =' })
    const settings = {
      routers: {
        some: { static: { routes: { 'old.test': `127.0.0.1:${lacks.port}` } } },
        rest: { smarthost: { hosts: `127.0.0.1:${takes.port}` } },
      },
    }
    first = await startSmail(scene, { domain: 'clear.test', ports: ports.first, settings })
    last = await startSmail(scene, { domain: 'tls.test', ports: ports.last })
  })

  test('addresses and header pass through it octet by octet', async () => {
    assert.ok(first && last)
    const mail = ' BODY=8BITMIME SMTPUTF8'
    await handTo(first.ports.clear, { from: 'alïce@clear.test', mail, to: ['bob@tls.test'], body: BODY })
    const { trace, sent } = withoutTrace(await mailWith(last.maildir('bob'), 'passing', log))
    assert.deepEqual(sent, BODY)
    assert.match(Buffer.from(trace, 'latin1').toString(), /^Return-Path: <alïce@clear\.test>$/m)
    assert.match(trace, /by mx\.tls\.test with UTF8SMTPS/)
  })

  test('where it is switched off, what is ASCII goes, and the rest comes back from us', async () => {
    assert.ok(first)
    const body = Buffer.from('Subject: plain\r\n\r\nx\r\n')
    await handTo(first.ports.clear, { from: 'alice@clear.test', mail: ' SMTPUTF8', to: ['bøb@old.test'], body })
    const report = (await mailWith(first.maildir('alice'), 'bøb@old.test', log)).toString()
    assert.match(report, /^Final-Recipient: utf-8; bøb@old\.test$/m)
    assert.match(report, /^Status: 5\.6\.7$/m)
  })
})
