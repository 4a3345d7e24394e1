import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { mailIn, mailWith } from './maildir.ts'
import { plainMail } from './messages.ts'
import type { Peer, StartPeer } from './peer.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

export interface NotifyingOptions {
  readonly start: StartPeer
  readonly skip: string | false
  /** More for its settings, with which it does not offer DSN. */
  readonly without: string
}

/** A field of a report, whatever follows the semicolon. */
const field = (name: string, type: string, value: string) =>
  new RegExp(`^${name}: ?${type}; ?${value.replace(/[.+()[\]]/g, '\\$&')}\\r?$`, 'im')

/** Three hops, ours, a peer and ours: `lacks` says which of the last two does not have DSN. */
const chainThrough = (name: string, { start, without }: NotifyingOptions, lacks?: 'middle' | 'last') => {
  const scene = sceneForTests()
  const domain = `${name.toLowerCase()}.test`
  let [first, middle, last]: [Smail?, Peer?, Smail?] = []
  const log = () => `${first?.log()}\n${middle?.log()}\n${last?.log()}`
  before(async () => {
    const ports = { first: await freePorts(), last: await freePorts() }
    middle = await start(scene, {
      domain,
      ports: { clear: ports.first.clear, tls: ports.last.tls },
      ...(lacks === 'middle' ? { more: without } : {}),
    })
    const settings = { routers: { all: { smarthost: { hosts: `127.0.0.1:${middle.port}` } } } }
    first = await startSmail(scene, { domain: 'clear.test', ports: ports.first, settings })
    last = await startSmail(scene, {
      domain: 'tls.test',
      ports: ports.last,
      settings: { ...settings, ...(lacks === 'last' ? { extensions: { dsn: 'off' } } : {}) },
    })
  })
  return {
    log,
    domain,
    first: () => first ?? assert.fail('It did not start'),
    last: () => last ?? assert.fail('It did not start'),
    middle: () => middle ?? assert.fail('It did not start'),
    async hand(subject: string, to: readonly string[], mail = ' RET=HDRS ENVID=QQ+2B3+20x') {
      await handTo(first?.ports.clear ?? 0, { from: 'alice@clear.test', mail, to, body: plainMail(subject) })
    },
    report: async (mark: string) => (await mailWith(first?.maildir('alice') ?? '', mark, log)).toString(),
    reports: async () => (await mailIn(first?.maildir('alice') ?? '')).length,
  }
}

/** DSN over chains of us, a peer and us: who reports, and that what was given is given back octet by octet. */
export const notifyingBothWays = (name: string, options: NotifyingOptions): void => {
  describe(`DSN through ${name}`, { skip: options.skip }, () => {
    const chain = chainThrough(name, options)

    test('what we were given comes back from behind it, octet by octet', async () => {
      await chain.hand('far', ['<bob@tls.test> NOTIFY=success,FAILURE ORCPT=x400;/C+3DUS/G+3DAnn+2BBob'])
      await mailWith(chain.last().maildir('bob'), 'Subject: far', chain.log)
      const report = await chain.report('Action: delivered')
      assert.match(report, field('Reporting-MTA', 'dns', 'mx.tls.test'))
      assert.match(report, /^Original-Envelope-Id: QQ\+3 x\r?$/im)
      assert.match(report, field('Original-Recipient', 'x400', '/C=US/G=Ann+Bob'))
      assert.match(report, field('Final-Recipient', 'rfc822', 'bob@tls.test'))
      assert.match(report, /^Content-Type: text\/rfc822-headers/im)
      assert.equal(await chain.reports(), 1)
    })

    test('who wants no report is not told of by anybody, and has the sender that the mail had', async () => {
      await chain.hand('silent', ['<bob@tls.test> NOTIFY=NEVER', '<nobody@tls.test> NOTIFY=NEVER', '<nemo@tls.test>'])
      const mail = (await mailWith(chain.last().maildir('bob'), 'Subject: silent', chain.log)).toString()
      assert.match(mail, /^Return-Path: <alice@clear\.test>/im)
      const report = await chain.report('Action: failed')
      assert.match(report, field('Final-Recipient', 'rfc822', 'nemo@tls.test'))
      assert.equal(report.match(/^Final-Recipient:/gim)?.length, 1)
    })

    test('it delivers, and tells the sender by us', async () => {
      await chain.hand('near', [`<carol@${chain.domain}> NOTIFY=SUCCESS ORCPT=rfc822;Carol@Elsewhere.test`])
      const report = await chain.report('Carol@Elsewhere.test')
      assert.match(report, field('Reporting-MTA', 'dns', `mx.${chain.domain}`))
      assert.match(report, /^Action: delivered/im)
    })
  })

  describe(`DSN through ${name}, which does not have it`, { skip: options.skip }, () => {
    const chain = chainThrough(name, options, 'middle')

    test('we tell that it was passed on, and the rest goes bare', async () => {
      await chain.hand('passed', ['<bob@tls.test> NOTIFY=SUCCESS ORCPT=rfc822;Bob@Elsewhere.test'])
      await mailWith(chain.last().maildir('bob'), 'Subject: passed', chain.log)
      const report = await chain.report('Action: relayed')
      assert.match(report, field('Reporting-MTA', 'dns', 'mx.clear.test'))
      assert.match(report, field('Original-Recipient', 'rfc822', 'Bob@Elsewhere.test'))
      assert.match(report, field('Remote-MTA', 'dns', '[127.0.0.1]'))
      assert.match(report, /^Diagnostic-Code: smtp; 250 /im)
    })

    test('who wants no report goes under the empty path, so that nobody makes one', async () => {
      await chain.hand('silent', ['<nobody@tls.test> NOTIFY=NEVER', '<bob@tls.test> NOTIFY=NEVER'])
      const silent = (await mailWith(chain.last().maildir('bob'), 'Subject: silent', chain.log)).toString()
      assert.match(silent, /^Return-Path: <>/im)
      await chain.hand('failing', ['<nobody@tls.test> NOTIFY=FAILURE ORCPT=rfc822;x@y.test'])
      const report = await chain.report('Action: failed')
      assert.match(report, field('Reporting-MTA', 'dns', `mx.${chain.domain}`))
      assert.doesNotMatch(report, /^Original-(?:Envelope-Id|Recipient): ?(?:QQ|rfc822; ?x@y)/im)
      // Of the first test, and this one.
      assert.equal(await chain.reports(), 2)
    })
  })

  describe(`DSN through ${name} to one of us that does not have it`, { skip: options.skip }, () => {
    const chain = chainThrough(name, options, 'last')

    test('it tells that the mail was passed on, with what we gave it', async () => {
      await chain.hand('last', ['<bob@tls.test> NOTIFY=SUCCESS ORCPT=rfc822;Bob+2Bx@Elsewhere.test'])
      await mailWith(chain.last().maildir('bob'), 'Subject: last', chain.log)
      const report = await chain.report('Action: relayed')
      assert.match(report, field('Reporting-MTA', 'dns', `mx.${chain.domain}`))
      assert.match(report, /^Original-Envelope-Id: QQ\+3 x\r?$/im)
      assert.match(report, field('Original-Recipient', 'rfc822', 'Bob+x@Elsewhere.test'))
    })
  })
}
