import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { lacking } from './installed.ts'
import { mailWith } from './maildir.ts'
import { plainMail } from './messages.ts'
import type { Peer } from './peer.ts'
import { sceneForTests } from './scene.ts'
import { startSendmail } from './sendmail.ts'
import { SENDMAIL } from './sendmail-cf.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

/** Ours, Sendmail and ours. */
const chain = (lastHasIt: boolean) => {
  const scene = sceneForTests()
  let [first, middle, last]: [Smail?, Peer?, Smail?] = []
  const log = () => `${first?.log()}\n${middle?.log()}\n${last?.log()}`
  before(async () => {
    const ports = { first: await freePorts(), last: await freePorts() }
    middle = await startSendmail(scene, {
      domain: 'sendmail.test',
      ports: { clear: ports.first.clear, tls: ports.last.tls },
      more: "define(`confDELIVER_BY_MIN', `300')dnl",
    })
    const routers = { all: { smarthost: { hosts: `127.0.0.1:${middle.port}` } } }
    first = await startSmail(scene, { domain: 'clear.test', ports: ports.first, settings: { routers } })
    last = await startSmail(scene, {
      domain: 'tls.test',
      ports: ports.last,
      settings: { routers, ...(lastHasIt ? {} : { extensions: { deliverby: 'off' } }) },
    })
  })
  return {
    dialogue: () => middle?.log() ?? '',
    hand: (subject: string, by: string, to: string) =>
      handTo(first?.ports.clear ?? 0, {
        from: 'alice@clear.test',
        mail: ` BY=${by}`,
        to: [to],
        body: plainMail(subject),
      }),
    arrived: async (subject: string) => mailWith(last?.maildir('bob') ?? '', `Subject: ${subject}`, log),
    report: async (mark: string) => (await mailWith(first?.maildir('alice') ?? '', mark, log)).toString(),
  }
}

describe('DELIVERBY through Sendmail', { skip: lacking(SENDMAIL, true) }, () => {
  const { hand, arrived, report, dialogue } = chain(true)

  test('the time that is left goes from one to the other', async () => {
    await hand('in time', '600;R', 'bob@tls.test')
    await arrived('in time')
    const [, told = ''] = /<<< MAIL FROM:<alice@clear\.test>.* BY=(\d+);R/.exec(dialogue()) ?? []
    const [, passed = ''] = />>> MAIL From:<alice@clear\.test>.* BY=(\d+);R/.exec(dialogue()) ?? []
    for (const seconds of [told, passed]) assert.ok(Number(seconds) > 300 && Number(seconds) <= 600, dialogue())
    assert.ok(Number(passed) <= Number(told))
  })

  test('less time than it takes is not tried there, and the sender has it back', async () => {
    await hand('too soon', '200;R', 'bob@tls.test')
    const back = await report('Subject: too soon')
    assert.match(back, /^Status: 5\.3\.3\r?$/m)
    assert.match(back, /^Reporting-MTA: dns; mx\.clear\.test\r?$/m)
    assert.doesNotMatch(dialogue(), /BY=(?:200|1\d\d);R/)
  })

  test('each that passes it on tells so where a trace is asked for', async () => {
    await hand('traced', '900;NT', 'bob@tls.test')
    await arrived('traced')
    for (const host of ['clear', 'sendmail']) {
      const told = await report(`Reporting-MTA: dns; mx.${host}.test`)
      assert.ok(told.includes('elayed') || told.includes('5.3.3'), told)
    }
    assert.match(await report('Action: relayed'), /^Deliver-By-Date: /m)
  })
})

describe('DELIVERBY through Sendmail to one of us that lacks it', { skip: lacking(SENDMAIL, true) }, () => {
  const { hand, arrived, report, dialogue } = chain(false)

  test('what must be in time comes back from Sendmail, by us', async () => {
    await hand('promised', '600;R', 'bob@tls.test')
    const back = await report('Subject: promised')
    assert.match(back, /^Reporting-MTA: dns; mx\.sendmail\.test\r?$/im)
    assert.match(back, /^Action: failed\r?$/im)
  })

  test('what need not be goes on without a word of it', async () => {
    await hand('not promised', '600;N', 'bob@tls.test')
    await arrived('not promised')
    assert.match(dialogue(), />>> MAIL From:<alice@clear\.test>(?!.*BY=)/)
  })
})
