import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { makeCertificate } from './certificate.ts'
import { lacking } from './installed.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { largeMail, MIB, tryingMail, unendedMail } from './messages.ts'
import { CLIENTS, type Client, pythonByChunks, QUICK_CLIENTS } from './programs.ts'
import { sceneForTests } from './scene.ts'
import { type Smail, startSmail } from './smail.ts'

const NAME = 'mx.ours.test'

const skip = lacking(['openssl'])

describe('Programs that send mail', { skip, concurrency: 2 }, () => {
  const scene = sceneForTests()
  let smail: Smail | undefined
  let certificate = ''
  let count = 0

  before(async () => {
    const made = makeCertificate(scene.folder('certificate'), NAME)
    certificate = made.certificate
    smail = await startSmail(scene, { hostname: NAME, settings: { tls: made } })
  })

  const hands = async (client: Client, body: Buffer, secured: boolean): Promise<string> => {
    assert.ok(smail)
    count += 1
    const { ports } = smail
    const from = `sender${count}@origin.test`
    const errand = { port: ports.tls, from, to: 'alice@ours.test', body }
    await client.send(secured ? { ...errand, tls: { name: NAME, certificate } } : errand)
    const { trace, sent } = withoutTrace(await mailWith(smail.maildir('alice'), `<${from}>`, smail.log))
    assert.ok(sent.equals(body), `What arrived is not what was sent, but\n${sent.toString('latin1', 0, 5000)}`)
    return trace
  }

  for (const client of CLIENTS) {
    const { name, programs } = client
    test(`${name} sends us mail in clear`, { skip: lacking(programs) }, async () => {
      assert.match(await hands(client, tryingMail('clear'), false), /with ESMTP\s+id/)
    })

    test(`${name} sends us mail over STARTTLS`, { skip: lacking(programs) }, async () => {
      assert.match(await hands(client, tryingMail('secured'), true), /with ESMTPS/)
    })
  }

  for (const client of QUICK_CLIENTS) {
    test(`${client.name} sends us 25 MiB`, { skip: lacking(client.programs) }, async () => {
      await hands(client, largeMail('large', 25 * MIB), true)
    })
  }

  for (const [what, body] of [
    ['mail without its last CRLF', unendedMail('unended')],
    ['mail of 0 octets', Buffer.alloc(0)],
  ] as const) {
    test(`${what} stays what it is by BDAT`, { skip: lacking(pythonByChunks.programs) }, async () => {
      await hands(pythonByChunks, body, false)
    })
  }
})
