import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { startDovecot } from './dovecot.ts'
import { lacking } from './installed.ts'
import { mailIn, mailWith, withoutTrace } from './maildir.ts'
import { largeMail, MIB, plainMail, tryingMail, unendedMail } from './messages.ts'
import type { Peer } from './peer.ts'
import { sceneForTests } from './scene.ts'
import { type Smail, startSmail } from './smail.ts'

const LARGE = ['mail of 25 MiB', largeMail('large', 25 * MIB)] as const

const CASES: readonly (readonly [what: string, body: Buffer])[] = [
  ['mail with dots and 8-bit octets', tryingMail('trying')],
  ['mail without its last CRLF', unendedMail('unended')],
  ['mail of 0 octets', Buffer.alloc(0)],
]

describe('Dovecot', { skip: lacking(['dovecot'], true) }, () => {
  const scene = sceneForTests()
  let [dovecot, smail]: [Peer?, Smail?] = []
  const log = () => `${dovecot?.log()}\n${smail?.log()}`

  before(async () => {
    const started = await startDovecot(scene)
    dovecot = started
    smail = await startSmail(scene, {
      settings: {
        domains: ['ours.test', 'dovecot.test'],
        directors: {
          users: { users: { from: { names: ['alice'] }, root: 'mail', domains: ['ours.test'] } },
          port: { users: { from: { names: ['bob', 'dave'] }, transport: 'port', domains: ['dovecot.test'] } },
          socket: { users: { from: { names: ['carol'] }, transport: 'socket', domains: ['dovecot.test'] } },
        },
        transports: {
          local: { maildir: {} },
          smtp: { smtp: {} },
          port: { lmtp: { to: `127.0.0.1:${started.port}` } },
          socket: { lmtp: { to: `unix:${started.socket}` } },
        },
      },
    })
  })

  let count = 0
  for (const [way, user] of [
    ['a port', 'bob'],
    ['a socket', 'carol'],
  ] as const) {
    for (const [what, body] of way === 'a port' ? [...CASES, LARGE] : CASES) {
      test(`Dovecot has ${what} that we bring to ${way}`, async () => {
        assert.ok(dovecot && smail)
        count += 1
        const from = `sender${count}@origin.test`
        await handTo(smail.ports.clear, {
          from,
          to: [`${user}@dovecot.test`],
          body,
          mail: ' BODY=8BITMIME',
          chunks: 70_000,
        })
        const { sent } = withoutTrace(await mailWith(dovecot.maildir(user), `<${from}>`, log))
        assert.ok(sent.equals(body), `What is there is not what was sent, but\n${sent.toString('latin1', 0, 5000)}`)
      })
    }
  }

  test('what Dovecot has no room for is reported, and nothing else', async () => {
    assert.ok(dovecot && smail)
    const to = ['bob@dovecot.test', 'dave@dovecot.test']
    await handTo(smail.ports.tls, { from: 'alice@ours.test', to, body: largeMail('too-large', 10_000) })
    const report = (await mailWith(smail.maildir('alice'), 'Action: failed', log)).toString()
    assert.match(report, /^Final-Recipient: rfc822; ?dave@dovecot\.test$/im)
    assert.match(report, /Quota exceeded/)
    assert.doesNotMatch(report, /bob@dovecot/)
    await mailWith(dovecot.maildir('bob'), 'Subject: too-large', log)
    assert.deepEqual(await mailIn(dovecot.maildir('dave')), [])
  })

  test('who is told of success hears of delivery, for a store reports nothing itself', async () => {
    assert.ok(smail)
    const to = ['<bob@dovecot.test> NOTIFY=SUCCESS']
    await handTo(smail.ports.tls, { from: 'alice@ours.test', to, body: plainMail('success') })
    await mailWith(smail.maildir('alice'), 'Action: delivered', log)
  })
})
