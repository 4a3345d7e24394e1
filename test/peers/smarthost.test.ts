import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { handTo } from './client.ts'
import { type Hop, makeHop } from './hop.ts'
import { mailIn, mailWith } from './maildir.ts'
import { plainMail } from './messages.ts'
import { freePort } from './ports.ts'
import { sceneForTests } from './scene.ts'
import { type Smail, startSmail } from './smail.ts'
import { until } from './until.ts'

const scene = sceneForTests()
let [hop, smail]: [Hop?, Smail?] = []

const RECIPIENTS = Array.from({ length: 500 }, (_, index) => `user${index}@domain${index % 300}.test`)
const isRefused = (address: string): boolean => /^user\d*7@/.test(address)

before(async () => {
  hop = makeHop(scene, await freePort(), {
    keywords: ['PIPELINING', 'SIZE 100000'],
    answer: (line) => (line.startsWith('RCPT') && isRefused(line.slice(9)) ? '550 Nobody of that name' : undefined),
  })
  await hop.listen()
  smail = await startSmail(scene, {
    settings: {
      routers: { all: { smarthost: { hosts: `127.0.0.1:${hop.port}` } } },
      transports: { local: { maildir: {} }, smtp: { smtp: { recipients: 1000 } } },
    },
  })
})

test('500 recipients in 300 domains go to a smarthost in one transaction, and one report tells of all who failed', async () => {
  assert.ok(hop && smail)
  const ours = smail
  await handTo(smail.ports.tls, { from: 'alice@ours.test', to: RECIPIENTS, body: plainMail('many') })
  const report = (await mailWith(smail.maildir('alice'), 'Action: failed', smail.log)).toString()
  assert.equal(hop.taken.length, 1)
  assert.deepEqual(
    hop.taken[0]?.to,
    RECIPIENTS.filter((one) => !isRefused(one)),
  )
  assert.equal(hop.lines.filter((line) => line.startsWith('MAIL')).length, 1)
  assert.equal(hop.lines.filter((line) => line.startsWith('EHLO')).length, 1)
  const named = [...report.matchAll(/^Final-Recipient: rfc822; ?(.*)$/gim)].map(([, address]) => address)
  assert.deepEqual(named.sort(), RECIPIENTS.filter(isRefused).sort())
  const isEmpty = async () => (await ours.command('queue', 'list', '--json')).trim() === ''
  await until(async () => (await isEmpty()) || undefined, smail.log)
  assert.equal((await mailIn(smail.maildir('alice'))).length, 1)
})
