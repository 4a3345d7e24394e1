import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { mailWith } from './maildir.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

const OFF = Object.fromEntries(
  [
    'mt-priority',
    'rrvs',
    'no-soliciting',
    'deliverby',
    'dsn',
    'smtputf8',
    'checkpoint',
    'conperm',
    'limits',
    'size',
  ].map((name) => [name, 'off']),
)

describe('three of us, each a process, the last without extensions', () => {
  const scene = sceneForTests()
  let [first, middle, last]: [Smail?, Smail?, Smail?] = []
  const log = () => `${first?.log()}\n${middle?.log()}\n${last?.log()}`

  before(async () => {
    const ports = { first: await freePorts(), middle: await freePorts(), last: await freePorts() }
    const to = (routes: object, extensions: object = {}) => ({
      routers: { all: { static: { routes } } },
      extensions: { 'mt-priority': { networks: ['127.0.0.0/8'] }, ...extensions },
    })
    first = await startSmail(scene, {
      domain: 'first.test',
      ports: ports.first,
      settings: to({ 'last.test': `127.0.0.1:${ports.middle.tls}` }),
    })
    middle = await startSmail(scene, {
      domain: 'middle.test',
      ports: ports.middle,
      settings: to({ 'last.test': `127.0.0.1:${ports.last.tls}`, 'first.test': `127.0.0.1:${ports.first.tls}` }),
    })
    last = await startSmail(scene, { domain: 'last.test', ports: ports.last, settings: to({}, OFF) })
  })

  const hand = (subject: string, mail: string, to: string, header = '') =>
    handTo(first?.ports.clear ?? 0, {
      from: 'alice@first.test',
      mail,
      to: [to],
      body: Buffer.from(`${header}Subject: ${subject}\r\n\r\nHello.\r\n`),
    })
  const arrived = async (subject: string) =>
    (await mailWith(last?.maildir('bob') ?? '', `Subject: ${subject}`, log)).toString()
  const report = async (mark: string) => (await mailWith(first?.maildir('alice') ?? '', mark, log)).toString()

  test('the priority goes on in the header, in place of what stood there', async () => {
    await hand('urgent', ' MT-PRIORITY=4', '<bob@last.test>', 'MT-Priority: -3 (said long ago)\r\n')
    const mail = await arrived('urgent')
    assert.deepEqual(mail.match(/^MT-Priority: .*$/gim), ['MT-Priority: 4'])
    assert.match(mail, /by mx\.middle\.test[^;]*PRIORITY 4/i)
  })

  test('the classes of solicitation stay in the header, and in the trace of both that know them', async () => {
    await hand('soliciting', ' SOLICIT=com.example:ADV', '<bob@last.test>', 'Solicitation: com.example:ADV\r\n')
    const mail = await arrived('soliciting')
    assert.match(mail, /^Solicitation: com\.example:ADV\r?$/m)
    assert.equal(mail.match(/\(SOLICIT=com\.example:ADV\)/g)?.length, 2)
  })

  test('for whoever had the address then: it comes back from the second, or goes on if that was said', async () => {
    await hand('for the owner', '', '<bob@last.test> RRVS=2014-07-01T00:00:00Z')
    const back = await report('Subject: for the owner')
    assert.match(back, /^Status: 5\.7\.19\r?$/m)
    assert.match(back, /^Reporting-MTA: dns; mx\.middle\.test\r?$/m)
    await hand('for anybody', '', '<bob@last.test> RRVS=2014-07-01T00:00:00Z;C')
    assert.doesNotMatch(await arrived('for anybody'), /Require-Recipient/)
  })

  test('in time or back: it comes back from the second, at once', async () => {
    await hand('in time', ' BY=600;R', '<bob@last.test>')
    const back = await report('Subject: in time')
    assert.match(back, /^Status: 5\.3\.3\r?$/m)
    assert.match(back, /^Reporting-MTA: dns; mx\.middle\.test\r?$/m)
    assert.match(back, /^Deliver-By-Date: /m)
  })

  test('what may be converted by permission only is not sent there', async () => {
    await hand('as it is', ' CONPERM', '<bob@last.test>')
    const back = await report('Subject: as it is')
    assert.match(back, /^Status: 5\.6\.3\r?$/m)
    assert.match(back, /^Reporting-MTA: dns; mx\.middle\.test\r?$/m)
  })

  test('an address of a local part in UTF-8 comes back from the second, who reports for all that asked', async () => {
    await hand('beyond', ' SMTPUTF8', '<bøb@last.test>')
    const back = await report('bøb@last.test')
    assert.match(back, /^Status: 5\.6\.7\r?$/m)
    assert.match(back, /^Reporting-MTA: dns; mx\.middle\.test\r?$/m)
    await hand('told', '', '<bob@last.test> NOTIFY=SUCCESS ORCPT=rfc822;Bob+2Bx@Elsewhere.test')
    await arrived('told')
    const told = await report('Action: relayed')
    assert.match(told, /^Original-Recipient: rfc822; ?Bob\+x@Elsewhere\.test\r?$/m)
    assert.match(told, /^Reporting-MTA: dns; mx\.middle\.test\r?$/m)
  })
})
