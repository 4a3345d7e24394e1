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
let [store, smail]: [Hop?, Smail?] = []
let hasRoom = false

const answer = (line: string): string | undefined => {
  if (line === '. full@store.test') return hasRoom ? undefined : '452 4.2.2 The mailbox is full'
  return line === '. gone@store.test' ? '550 5.2.1 The mailbox is closed' : undefined
}

before(async () => {
  store = makeHop(scene, await freePort(), { lmtp: true, keywords: ['PIPELINING', 'ENHANCEDSTATUSCODES'], answer })
  await store.listen()
  smail = await startSmail(scene, {
    settings: {
      routers: { store: { static: { transport: 'store', routes: { 'store.test': `127.0.0.1:${store.port}` } } } },
      transports: { local: { maildir: {} }, store: { lmtp: {} } },
      queue: { backoff: { min: '1s', max: '1s' } },
    },
  })
})

test('of three recipients of a mail store one has the mail, one waits for it, and one is reported', async () => {
  assert.ok(store && smail)
  const { taken, lines } = store
  const to = ['well@store.test', 'full@store.test', 'gone@store.test']
  await handTo(smail.ports.clear, { from: 'alice@ours.test', to, body: plainMail('three') })
  const report = (await mailWith(smail.maildir('alice'), 'Action: failed', smail.log)).toString()
  assert.match(report, /^Final-Recipient: rfc822; ?gone@store\.test$/im)
  assert.match(report, /^Diagnostic-Code: smtp; 550 5\.2\.1 The mailbox is closed$/im)
  assert.doesNotMatch(report, /well@store|full@store/)
  assert.deepEqual(taken[0]?.to, ['well@store.test'])
  assert.match(await smail.command('queue', 'list'), /full@store\.test waiting/)
  hasRoom = true
  await until(() => taken[1], smail.log)
  assert.deepEqual(taken[1]?.to, ['full@store.test'])
  const of = (recipient: string) => lines.filter((line) => line.startsWith('RCPT') && line.includes(recipient)).length
  assert.deepEqual([of('well'), of('gone')], [1, 1])
  assert.ok(of('full') > 1)
  assert.equal((await mailIn(smail.maildir('alice'))).length, 1)
})
