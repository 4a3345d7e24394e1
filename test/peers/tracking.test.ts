import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { newTracking } from '../../src/mtqp/secret.ts'
import { handTo } from './client.ts'
import { mailWith } from './maildir.ts'
import { plainMail } from './messages.ts'
import { freePort } from './ports.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

describe('A chain of three of our own, the last of which tracks nothing', () => {
  const scene = sceneForTests()
  const { envid, secret, certifier } = newTracking('mx.first.test')
  let [first, middle, last]: [Smail?, Smail?, Smail?] = []
  const query = { first: 0, middle: 0 }
  const log = () => `${first?.log()}\n${middle?.log()}\n${last?.log()}`
  const listen = (ports: { clear: number }, asked?: number) => ({
    mx: { smtp: `127.0.0.1:${ports.clear}` },
    ...(asked === undefined ? {} : { track: { mtqp: `127.0.0.1:${asked}` } }),
  })
  const to = (port: number) => ({ all: { smarthost: { hosts: `127.0.0.1:${port}` } } })

  before(async () => {
    const ports = { first: await freePorts(), middle: await freePorts(), last: await freePorts() }
    query.first = await freePort()
    query.middle = await freePort()
    last = await startSmail(scene, { domain: 'last.test', ports: ports.last, settings: { listen: listen(ports.last) } })
    middle = await startSmail(scene, {
      domain: 'middle.test',
      ports: ports.middle,
      settings: { listen: listen(ports.middle, query.middle), routers: to(ports.last.clear) },
    })
    first = await startSmail(scene, {
      domain: 'first.test',
      ports: ports.first,
      settings: { listen: listen(ports.first, query.first), routers: to(ports.middle.clear) },
    })
  })

  const ask = async (smail: Smail | undefined, port: number): Promise<string> => {
    assert.ok(smail)
    return smail.command('track', '--only', envid, '--secret', secret, `127.0.0.1:${port}`)
  }

  test('each hop tells what it did, and still does after it was killed', async () => {
    assert.ok(first && middle && last)
    const mail = ` ENVID=${envid} MTRK=${certifier}:3600`
    await handTo(first.ports.clear, { to: ['alice@last.test'], body: plainMail('tracked'), mail })
    await mailWith(last.maildir('alice'), 'Subject: tracked', log)
    for (const restarted of [false, true]) {
      assert.match(await ask(first, query.first), /alice@last\.test: passed on \(2\.6\.0; to \[127\.0\.0\.1\]; /)
      assert.match(
        await ask(middle, query.middle),
        /alice@last\.test: passed on to a host that tells nothing of it \(2\.1\.9; /,
      )
      if (restarted) break
      await first.kill()
      await middle.stop()
      await first.start()
      await middle.start()
    }
  })
})
