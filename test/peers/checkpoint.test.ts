import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { type CuttingProxy, cuttingProxy } from './cutting-proxy.ts'
import { mailIn, mailWith, withoutTrace } from './maildir.ts'
import { largeMail } from './messages.ts'
import { freePort } from './ports.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'
import { until } from './until.ts'

const OCTETS = 900_000
/** Of each way of sending. */
const KILLS = Number(process.env['KILLS'] ?? 20) / 2
/** Who dies, in turn. */
const DEATHS = [['near'], ['far'], ['near', 'far']] as const

const checkpoint = { from: '1KiB', every: '4KiB' }

describe('A message that breaks off between us and us', () => {
  const scene = sceneForTests()
  let [near, far, proxy]: [Smail?, Smail?, CuttingProxy?] = []
  const log = () => `${near?.log()}\n${far?.log()}`

  before(async () => {
    const ports = await freePorts()
    proxy = await cuttingProxy(scene, await freePort(), () => ports.clear)
    const hosts = `127.0.0.1:${proxy.port}`
    const queue = { backoff: { min: '1s', max: '1s' } }
    const domains = ['far.test', 'data.test']
    far = await startSmail(scene, {
      domain: 'far.test',
      ports,
      settings: { domains, extensions: { checkpoint }, queue },
    })
    near = await startSmail(scene, {
      domain: 'near.test',
      settings: {
        queue,
        extensions: { checkpoint },
        routers: {
          data: { static: { transport: 'data', routes: { 'data.test': hosts } } },
          all: { smarthost: { hosts } },
        },
        transports: {
          local: { maildir: {} },
          smtp: { smtp: { tls: 'off' } },
          data: { smtp: { tls: 'off', extensions: { chunking: 'off' } } },
        },
      },
    })
  })

  for (const way of ['BDAT', 'DATA'] as const) {
    test(`killed again and again on either side, it arrives once and whole by ${way}`, async (t) => {
      assert.ok(near && far && proxy)
      const parties = { near, far }
      const body = largeMail(`by-${way}`, OCTETS)
      const [sent, resumed] = [proxy.octets, proxy.offsets.length]
      let cut = cutNext(0)
      await handTo(near.ports.clear, { to: [way === 'DATA' ? 'bob@data.test' : 'bob@far.test'], body })
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const victims = await cut
        if (kill < KILLS) cut = cutNext(kill)
        await Promise.all(victims.map((victim) => parties[victim].start()))
      }
      const arrived = await mailWith(far.maildir('bob'), `Subject: by-${way}`, log)
      assert.ok(withoutTrace(arrived).sent.equals(body), 'it is not what was sent')
      await until(
        async () => /empty/.test((await near?.command('queue', 'list')) ?? '') || undefined,
        () => `the queue should be empty\n${log()}`,
      )
      const copies = (await mailIn(far.maildir('bob'))).filter((mail) => mail.includes(`Subject: by-${way}`))
      assert.equal(copies.length, 1)
      const offsets = proxy.offsets.slice(resumed)
      t.diagnostic(`${KILLS} deaths, gone on at ${offsets.join(' ')}; ${proxy.octets - sent} octets for ${OCTETS}`)
      assert.ok(offsets.filter((offset) => offset > 0).length >= KILLS / 2, `gone on at ${offsets}`)
      assert.deepEqual(
        offsets,
        [...offsets].sort((a, b) => a - b),
      )

      async function cutNext(kill: number): Promise<readonly ('near' | 'far')[]> {
        const victims = DEATHS[kill % DEATHS.length] ?? []
        await proxy?.cutAfter(20_000 + 7919 * kill, async () => {
          await Promise.all(victims.map((victim) => parties[victim].kill()))
        })
        return victims
      }
    })
  }
})
