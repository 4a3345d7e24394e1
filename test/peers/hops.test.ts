import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { type Hop, type HopPlan, makeHop } from './hop.ts'
import { mailIn } from './maildir.ts'
import { plainMail, tryingMail } from './messages.ts'
import { freePort } from './ports.ts'
import { sceneForTests } from './scene.ts'
import { type Smail, startSmail } from './smail.ts'
import { until } from './until.ts'

/** What it says to a line when it meets it for the first time, the second, … */
const NONSENSE: Readonly<Record<string, readonly string[]>> = {
  MAIL: ['HELLO', '999 What'],
  RCPT: [`250 ${'x'.repeat(100_000)}`],
  DATA: ['250 You may go on'],
  '.': ['\0\xff\r'],
}

const PLANS: Readonly<Record<string, HopPlan>> = {
  down: {},
  greylisting: {
    answer: (line, nth) => (line.startsWith('RCPT') && nth < 3 ? '450 4.7.1 Come back later' : undefined),
  },
  cutting: { answer: (line, nth) => (line === '.' && nth === 1 ? 'cut' : undefined) },
  slow: {
    keywords: ['PIPELINING', 'ENHANCEDSTATUSCODES'],
    greeting: { slowly: '220-slow.test has much to say\r\n220 and says it' },
    answer: (line) => (/^[ER.]/.test(line) ? { slowly: '250 2.0.0 Well' } : undefined),
  },
  silent: { answer: (line, nth) => (line.startsWith('MAIL') && nth === 1 ? 'silence' : undefined) },
  nonsense: { answer: (line, nth) => NONSENSE[line.slice(0, 4)]?.[nth - 1] },
  mad: { greeting: 'I am not a mail server' },
  leaving: { greeting: '421 4.3.2 Not now' },
  full: { answer: (line, nth) => (line === '.' && nth === 1 ? '452 4.3.1 No room' : undefined) },
  eight: { keywords: ['8BITMIME'] },
}

const scene = sceneForTests()
const hops = new Map<string, Hop>()
let smail: Smail

const log = (): string => smail.log()

const hop = (name: string): Hop => hops.get(name) ?? assert.fail(name)

before(async () => {
  const routes: Record<string, string> = {}
  for (const [name, plan] of Object.entries(PLANS)) {
    const made = makeHop(scene, await freePort(), plan)
    hops.set(name, made)
    routes[`${name}.test`] = `127.0.0.1:${made.port}`
    if (name !== 'down') await made.listen()
  }
  smail = await startSmail(scene, {
    settings: {
      routers: { hops: { static: { routes } } },
      queue: { backoff: { min: '1s', max: '1s' }, lifetime: '1d' },
      timeouts: { mail: '1s' },
    },
  })
})

/** What the hop took of a mail sent by way of us. */
const arrives = async (name: string, body = plainMail(name)) => {
  await handTo(smail.ports.clear, { from: 'alice@ours.test', to: [`there@${name}.test`], body })
  return until(
    () => hop(name).taken[0],
    () => `${name} should have the mail\n${hop(name).lines.join('\n')}\n${smail.log()}`,
  )
}

/** A body as it came behind our trace field. */
const behindTrace = (body: Buffer): string => body.toString('latin1').replace(/^Received:.*\r\n(?:\t.*\r\n)*/, '')

const deferrals = (name: string): number =>
  smail.events('deferred').filter(({ to }) => String(to).endsWith(`@${name}.test>`)).length

test('mail for a hop that is down waits, also through a kill of ours, and is sent when it is back', async () => {
  await handTo(smail.ports.clear, { from: 'alice@ours.test', to: ['there@down.test'], body: plainMail('down') })
  await until(() => deferrals('down') > 0 || undefined, log)
  await smail.kill()
  await smail.start()
  await hop('down').listen()
  const { body, to } = await until(() => hop('down').taken[0], log)
  assert.deepEqual(to, ['there@down.test'])
  assert.equal(behindTrace(body), plainMail('down').toString('latin1'))
})

describe('hops of all kinds', { concurrency: true }, () => {
  test('a hop that greylists is asked again until it takes the mail', async () => {
    await arrives('greylisting')
    assert.equal(hop('greylisting').lines.filter((line) => line.startsWith('RCPT')).length, 3)
    assert.equal(deferrals('greylisting'), 2)
  })

  test('mail whose end a hop did not answer is sent again', async () => {
    await arrives('cutting')
    assert.equal(hop('cutting').lines.filter((line) => line === '.').length, 2)
  })

  test('a hop may answer slowly, octet by octet', async () => {
    const { body } = await arrives('slow')
    assert.equal(behindTrace(body), plainMail('slow').toString('latin1'))
  })

  test('a hop that says nothing is left, and tried again', async () => {
    await arrives('silent')
    assert.equal(deferrals('silent'), 1)
  })

  test('a hop that talks nonsense gets the mail once it does not', async () => {
    const { body } = await arrives('nonsense')
    assert.equal(behindTrace(body), plainMail('nonsense').toString('latin1'))
    assert.equal(deferrals('nonsense'), 5)
  })

  test('a hop that has no room for a message now gets it later', async () => {
    await arrives('full')
    assert.equal(hop('full').taken.length, 1)
  })

  test('a hop that takes 8-bit mail gets it octet by octet', async () => {
    const { body } = await arrives('eight', tryingMail('eight'))
    assert.equal(behindTrace(body), tryingMail('eight').toString('latin1'))
    assert.ok(hop('eight').lines.some((line) => line.includes('BODY=8BITMIME')))
  })

  for (const [name, reply] of [
    ['mad', /I am not a mail server/],
    ['leaving', /421 .*Not now/],
  ] as const) {
    test(`mail for a hop that greets with ${name === 'mad' ? 'nonsense' : '421'} waits`, async () => {
      await handTo(smail.ports.clear, { from: 'alice@ours.test', to: [`there@${name}.test`], body: plainMail(name) })
      await until(() => deferrals(name) > 0 || undefined, log)
      assert.match(await smail.command('queue', 'list', '--domain', `${name}.test`), reply)
    })
  }
})

test('nobody was told of anything, for nothing has failed', async () => {
  assert.deepEqual(await mailIn(smail.maildir('alice')), [])
})
