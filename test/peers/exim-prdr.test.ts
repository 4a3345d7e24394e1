import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { createServer, extensions, type Reply, reply, type ServerOutcome, type Sink } from '../../src/index.ts'
import { handTo } from './client.ts'
import { startExim } from './exim.ts'
import { lacking } from './installed.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { tryingMail } from './messages.ts'
import type { Peer } from './peer.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'
import { until } from './until.ts'

const BODY = tryingMail('parted')

/** Refuses carol at the end of the data. */
const EXIM = `
prdr_enable = true
acl_smtp_data_prdr = \${if eq{$local_part}{carol}{deny message = carol is full}{accept}}
`

interface Taken {
  readonly to: readonly string[]
  readonly body: Buffer
}

/** Takes mail for each but dave, who is full for good, and erin, who is full for now. */
const sinkInto = (taken: Taken[]): Sink => ({
  open({ recipients }) {
    const chunks: Uint8Array[] = []
    return {
      write: (chunk) => void chunks.push(Uint8Array.from(chunk)),
      async *conclude(): AsyncGenerator<ServerOutcome, void> {
        taken.push({ to: recipients.map(({ address }) => address.local), body: Buffer.concat(chunks) })
        for (const [index, { address }] of recipients.entries()) yield { index, reply: answerTo(address.local) }
      },
      async abort() {},
    }
  },
})

const answerTo = (local: string): Reply => {
  if (local === 'dave') return reply(550, '5.2.2', 'dave is full')
  return local === 'erin' ? reply(450, '4.2.2', 'erin is full') : reply(250, '2.6.0', 'Taken')
}

describe('PRDR with Exim', { skip: lacking(['exim4'], true) }, () => {
  const scene = sceneForTests()
  const taken: Taken[] = []
  let [exim, smail]: [Peer?, Smail?] = []
  const log = () => `${exim?.log()}\n${smail?.log()}`

  before(async () => {
    const server = createServer({
      name: 'mx.clear.test',
      extensions: [extensions.pipelining(), extensions.prdr(), extensions.enhancedStatusCodes()],
      sink: sinkInto(taken),
    })
    const { address } = await server.listen({ host: '127.0.0.1', port: 0 })
    scene.atEnd(() => server.close())
    assert.ok('port' in address)
    exim = await startExim(scene, { domain: 'exim.test', ports: { clear: address.port, tls: 9 }, more: EXIM })
    smail = await startSmail(scene, {
      ports: await freePorts(),
      settings: {
        extensions: { prdr: {} },
        routers: { all: { smarthost: { hosts: `127.0.0.1:${exim.port}` } } },
      },
    })
  })

  test('what Exim refuses for one at the end comes back for that one, and the other gets it', async () => {
    assert.ok(exim && smail)
    await handTo(smail.ports.clear, {
      from: 'alice@ours.test',
      to: ['bob@exim.test', 'carol@exim.test'],
      body: BODY,
      mail: ' BODY=8BITMIME',
    })
    assert.deepEqual(withoutTrace(await mailWith(exim.maildir('bob'), 'Subject: parted', log)).sent, BODY)
    const report = (await mailWith(smail.maildir('alice'), 'Action: failed', log)).toString()
    assert.deepEqual(report.match(/^Final-Recipient: .*$/gim), ['Final-Recipient: rfc822; carol@exim.test'])
    assert.match(report, /^Diagnostic-Code: smtp; ?550 .*carol is full/im)
  })

  test('Exim asks us, bounces whom we refuse, tries again whom we put off, and is done with the rest', async () => {
    assert.ok(exim)
    const to = ['bob', 'dave', 'erin', 'frank'].map((local) => `${local}@clear.test`)
    await handTo(exim.port, { from: 'bob@exim.test', to, body: BODY, mail: ' BODY=8BITMIME' })
    const report = (await mailWith(exim.maildir('bob'), 'dave is full', log)).toString()
    assert.doesNotMatch(report, /^Final-Recipient: .*(?:bob|erin|frank)/im)
    const says = (what: RegExp) =>
      until(
        () => what.test(exim?.log() ?? '') || undefined,
        () => `${what}\n${log()}`,
      )
    await says(/=> bob@clear\.test .* PRDR /)
    await says(/[=-]> frank@clear\.test /)
    await says(/== erin@clear\.test .*erin is full/)
    await says(/\*\* dave@clear\.test .*dave is full/)
    assert.deepEqual(taken[0]?.to, ['bob', 'dave', 'erin', 'frank'])
    assert.deepEqual(taken[0]?.body.subarray(-BODY.length), BODY)
  })
})
