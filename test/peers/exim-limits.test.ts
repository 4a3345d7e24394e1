import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { before, describe, test } from 'node:test'
import { createServer, type Extension, extensions, reply, type Sink } from '../../src/index.ts'
import { handTo } from './client.ts'
import { startExim } from './exim.ts'
import { lacking, program } from './installed.ts'
import { plainMail } from './messages.ts'
import type { Peer } from './peer.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'
import { until } from './until.ts'

/** Exim has LIMITS since 4.98, which may be later than what is installed. */
const lackingLimits = (): string | false => {
  const lacks = lacking(['exim4'], true)
  if (lacks !== false) return lacks
  const said = execFileSync(program('exim4'), ['-bV', '-C', '/dev/null'], { encoding: 'utf8', stdio: 'pipe' })
  return said.includes('ESMTP_Limits') ? false : `LIMITS came with Exim 4.98; this is ${said.split('\n')[0]}`
}

/** One recipient in a message, and two messages in a session, which Exim announces by these settings. */
const SPARING = 'recipients_max = 1\nsmtp_accept_max_per_connection = 2'

const logged = (peer: Peer, what: RegExp, times: number) =>
  until(
    () => (peer.log().match(what)?.length ?? 0) >= times || undefined,
    () => `${what}\n${peer.log()}`,
  )

describe('LIMITS of Exim', { skip: lackingLimits() }, () => {
  const scene = sceneForTests()
  let [exim, smail]: [Peer?, Smail?] = []

  before(async () => {
    exim = await startExim(scene, { domain: 'exim.test', ports: { clear: 9, tls: 9 }, more: SPARING })
    smail = await startSmail(scene, {
      ports: await freePorts(),
      settings: { routers: { all: { smarthost: { hosts: `127.0.0.1:${exim.port}` } } } },
    })
  })

  test('are kept to: four recipients are four messages in two sessions, and nothing is refused', async () => {
    assert.ok(exim && smail)
    const to = ['bob@exim.test', 'carol@exim.test', 'bob@clear.exim.test', 'carol@clear.exim.test']
    await handTo(smail.ports.clear, { from: 'alice@ours.test', to, body: plainMail('four times one') })
    await logged(exim, /=> \w+ <\w+@(?:clear\.)?exim\.test>/g, 4)
    assert.equal(exim.log().match(/<= alice@ours\.test /g)?.length, 4)
    assert.doesNotMatch(exim.log(), /too many|rejected/i)
    assert.doesNotMatch(smail.log(), /"event":"(?:deferred|failed)"/)
  })
})

describe('LIMITS of ours', { skip: lackingLimits() }, () => {
  const scene = sceneForTests()
  /** By the port that it came from, how many recipients each message had that Exim sent us. */
  const taken = new Map<number, number[]>()
  const refused: string[] = []
  const sink: Sink = {
    open({ recipients }, { channel: { peer } }) {
      taken.set(peer.port, [...(taken.get(peer.port) ?? []), recipients.length])
      return {
        write: () => {},
        async *conclude() {
          for (const index of recipients.keys()) yield { index, reply: reply(250, '2.6.0', 'Taken') }
        },
        async abort() {},
      }
    },
  }
  const noting: Extension = {
    keyword: 'X-NOTING',
    rfc: [],
    silent: true,
    server: {
      dress(said) {
        if (said.code >= 400) refused.push(said.lines.join(' '))
        return said
      },
    },
  }
  let exim: Peer | undefined

  before(async () => {
    const server = createServer({
      name: 'mx.clear.test',
      extensions: [extensions.limits(), extensions.pipelining(), extensions.enhancedStatusCodes(), noting],
      limits: { recipients: 2, transactions: 2 },
      sink,
    })
    const { address } = await server.listen({ host: '127.0.0.1', port: 0 })
    scene.atEnd(() => server.close())
    assert.ok('port' in address)
    exim = await startExim(scene, { domain: 'exim.test', ports: { clear: address.port, tls: 9 } })
  })

  test('are kept to by Exim: five recipients are three messages, two in a session, and nothing is refused', async () => {
    assert.ok(exim)
    const to = ['a', 'b', 'c', 'd', 'e'].map((local) => `${local}@clear.test`)
    await handTo(exim.port, { from: 'bob@exim.test', to, body: plainMail('two, two and one') })
    await logged(exim, /[=-]> \w@clear\.test /g, 5)
    assert.deepEqual([...taken.values()].flat().sort(), [1, 2, 2])
    assert.ok([...taken.values()].every((messages) => messages.length <= 2))
    assert.deepEqual(refused, [])
    assert.doesNotMatch(exim.log(), /== |\*\* /)
  })
})
