import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { lacking } from './installed.ts'
import { mailWith } from './maildir.ts'
import { plainMail } from './messages.ts'
import type { Peer } from './peer.ts'
import { startPostfix } from './postfix.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

const SENDER = 'bob@list.test'

describe('XVERP with Postfix', { skip: lacking(['postfix'], true) }, () => {
  const scene = sceneForTests()
  let [passing, making, postfix]: [Smail?, Smail?, Peer?] = []
  const log = () => `${passing?.log()}\n${making?.log()}\n${postfix?.log()}`

  before(async () => {
    const ports = { passing: await freePorts(), making: await freePorts() }
    postfix = await startPostfix(scene, {
      domain: 'postfix.test',
      ports: { clear: ports.making.clear, tls: ports.passing.tls },
      more: 'smtpd_authorized_verp_clients = 127.0.0.0/8',
    })
    const start = (domain: string, own: typeof ports.passing, pass: boolean, folder: string) =>
      startSmail(scene, {
        domain,
        ports: own,
        settings: {
          domains: [domain, 'list.test'],
          directors: {
            users: {
              users: { from: { names: ['alice', 'bob'] }, root: `${scene.folder(folder)}/mail`, separator: '+' },
            },
          },
          extensions: { xverp: { networks: ['127.0.0.0/8'], pass } },
          routers: { all: { smarthost: { hosts: `127.0.0.1:${postfix?.port}` } } },
        },
      })
    passing = await start('tls.test', ports.passing, true, 'passing')
    making = await start('clear.test', ports.making, false, 'making')
  })

  const senderOf = async (maildir: string | undefined, subject: string): Promise<string | undefined> => {
    const mail = await mailWith(maildir ?? '', `Subject: ${subject}`, log)
    return /^Return-Path: <(.*)>/im.exec(mail.toString())?.[1]
  }

  const hand = (port: number | undefined, subject: string, mail: string, to: readonly string[]) =>
    handTo(port ?? 0, { from: SENDER, mail, to, body: plainMail(subject) })

  test('Postfix makes the senders of mail that we pass to it, in one transaction', async () => {
    await hand(passing?.ports.clear, 'passed', ' XVERP', ['bob@postfix.test', 'carol@postfix.test'])
    assert.equal(await senderOf(postfix?.maildir('bob'), 'passed'), 'bob+bob=postfix.test@list.test')
    assert.equal(await senderOf(postfix?.maildir('carol'), 'passed'), 'bob+carol=postfix.test@list.test')
    assert.match(postfix?.log() ?? '', /from=<bob@list\.test>, size=\d+, nrcpt=2/)
  })

  test('Postfix takes the delimiters that the client chose', async () => {
    await hand(passing?.ports.clear, 'chosen', ' XVERP=-=', ['bob@postfix.test'])
    assert.equal(await senderOf(postfix?.maildir('bob'), 'chosen'), 'bob-bob=postfix.test@list.test')
  })

  test('otherwise we make the same, and Postfix gets a transaction for each', async () => {
    await hand(making?.ports.clear, 'made', ' XVERP=+=', ['bob@postfix.test', 'carol@postfix.test'])
    assert.equal(await senderOf(postfix?.maildir('bob'), 'made'), 'bob+bob=postfix.test@list.test')
    assert.equal(await senderOf(postfix?.maildir('carol'), 'made'), 'bob+carol=postfix.test@list.test')
    assert.match(postfix?.log() ?? '', /from=<bob\+carol=postfix\.test@list\.test>, size=\d+, nrcpt=1/)
  })

  test('Postfix sends us mail with the senders that it made', async () => {
    await hand(postfix?.port, 'there', ' XVERP', ['alice@tls.test'])
    assert.equal(
      await senderOf(`${passing?.folder}/../passing/mail/alice/Maildir`, 'there'),
      'bob+alice=tls.test@list.test',
    )
  })

  test('what comes back tells about whom it is', async () => {
    await hand(making?.ports.clear, 'refused', ' XVERP', ['nobody@postfix.test'])
    const report = await mailWith(`${making?.folder}/../making/mail/bob/Maildir`, 'Action: failed', log)
    assert.match(report.toString(), /^To: <bob\+nobody=postfix\.test@list\.test>/m)
  })
})
