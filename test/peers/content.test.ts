import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

const bodyOf = (subject: string, convert: string): Buffer =>
  Buffer.from(
    [
      `Subject: ${subject}`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      `Content-Convert: ${convert}`,
      'Content-Features: (charset=utf-8)',
      '',
      'Grüße aus Köln',
      '',
    ].join('\r\n'),
  )

describe('A chain of three of us, the last of which says what its mailboxes take', () => {
  const scene = sceneForTests()
  let [first, middle, last, plain]: [Smail?, Smail?, Smail?, Smail?] = []
  const log = () => [first, middle, last, plain].map((one) => one?.log()).join('\n')

  before(async () => {
    const via = (port: number) => ({ smarthost: { hosts: `127.0.0.1:${port}` } })
    const ports = { first: await freePorts(), middle: await freePorts() }
    last = await startSmail(scene, {
      domain: 'last.test',
      settings: {
        extensions: {
          conneg: { capabilities: { 'alice@last.test': '(charset=[us-ascii,iso-8859-1])', '*': '(charset=koi8-r)' } },
        },
        routers: { back: via(ports.middle.clear) },
      },
    })
    plain = await startSmail(scene, {
      domain: 'plain.test',
      settings: { extensions: { conperm: 'off' }, routers: { back: via(ports.middle.clear) } },
    })
    middle = await startSmail(scene, {
      domain: 'middle.test',
      ports: ports.middle,
      settings: {
        routers: {
          last: { static: { routes: { 'last.test': `127.0.0.1:${last.ports.clear}` } } },
          plain: { static: { routes: { 'plain.test': `127.0.0.1:${plain.ports.clear}` } } },
          first: via(ports.first.clear),
        },
      },
    })
    first = await startSmail(scene, {
      domain: 'first.test',
      ports: ports.first,
      settings: { routers: { all: via(ports.middle.clear) } },
    })
  })

  test('what arrives has the charset that its recipient takes, octet by octet', async () => {
    assert.ok(first && last)
    await handTo(first.ports.clear, {
      from: 'alice@first.test',
      mail: ' BODY=8BITMIME CONPERM',
      to: ['alice@last.test'],
      body: bodyOf('fitting', '(charset=[iso-8859-1,us-ascii])'),
    })
    const { sent } = withoutTrace(await mailWith(last.maildir('alice'), 'Subject: fitting', log))
    assert.match(
      sent.toString('latin1').replace(/(?<=Date )\w{3}, [^;]+(?=;)/, 'NOW'),
      /^(?!.*utf-8)Subject: fitting\r\nMIME-Version: 1\.0\r\nContent-Type: text\/plain; charset=iso-8859-1\r\nContent-Convert: \(charset=\[iso-8859-1,us-ascii\]\)\r\nContent-Transfer-Encoding: 8bit\r\nContent-Previous: Date NOW;\r\n By mx\.middle\.test;\r\n \(&\(type="text\/plain"\)\(charset=utf-8\)\)\r\nContent-Features: \(&\(type="text\/plain"\)\(charset=iso-8859-1\)\)\r\n\r\nGr\xfc\xdfe aus K\xf6ln\r\n$/,
    )
  })

  test('what no host can give such a form comes back under CONPERM, and without it arrives as it is', async () => {
    assert.ok(first && last)
    const body = bodyOf('unfit', 'ANY')
    const mail = { from: 'alice@first.test', to: ['bob@last.test'], body }
    await handTo(first.ports.clear, { ...mail, mail: ' BODY=8BITMIME' })
    const { sent } = withoutTrace(await mailWith(last.maildir('bob'), 'Subject: unfit', log))
    assert.deepEqual(sent, body)
    await handTo(first.ports.clear, { ...mail, mail: ' BODY=8BITMIME CONPERM' })
    const report = (await mailWith(first.maildir('alice'), 'Status: 5.6.5', log)).toString()
    // Whoever could not do it handed it on to whoever had to.
    assert.match(report, /^Reporting-MTA: dns; ?mx\.last\.test$/im)
    assert.match(report, /^Final-Recipient: rfc822; ?bob@last\.test$/im)
  })

  test('a host that has neither extension gets nothing under CONPERM, and the sender a report', async () => {
    assert.ok(first && plain)
    await handTo(first.ports.clear, {
      from: 'alice@first.test',
      mail: ' BODY=8BITMIME CONPERM RET=FULL',
      to: ['alice@plain.test'],
      body: bodyOf('refused', 'ANY'),
    })
    const report = (await mailWith(first.maildir('alice'), 'Status: 5.6.3', log)).toString()
    assert.match(report, /^Reporting-MTA: dns; ?mx\.middle\.test$/im)
    assert.match(report, /^Final-Recipient: rfc822; ?alice@plain\.test$/im)
    assert.match(report, /Grüße aus Köln/)
    const advice = bodyOf('advice', 'ANY')
    await handTo(first.ports.clear, {
      from: 'alice@first.test',
      mail: ' BODY=8BITMIME',
      to: ['alice@plain.test'],
      body: advice,
    })
    const { sent } = withoutTrace(await mailWith(plain.maildir('alice'), 'Subject: advice', log))
    assert.deepEqual(sent, advice)
    assert.ok(!plain.log().includes('refused'))
  })

  test('of mail that was converted its sender gets all back who asks for it', async () => {
    assert.ok(first)
    await handTo(first.ports.clear, {
      from: 'bob@first.test',
      mail: ' BODY=8BITMIME CONPERM RET=FULL',
      to: ['<alice@last.test> NOTIFY=SUCCESS'],
      body: bodyOf('inspected', 'ANY'),
    })
    const report = (await mailWith(first.maildir('bob'), 'Action: delivered', log)).toString('latin1')
    assert.match(report, /Content-Type: text\/plain; charset=iso-8859-1\r?\n/)
    assert.match(report, /Gr\xfc\xdfe aus K\xf6ln/)
  })
})
