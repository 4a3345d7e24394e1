import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Channel, Closed } from '../../src/net/channel.ts'
import { memoryChannels } from '../../src/net/memory-channel.ts'
import { systemClock } from '../../src/observe/clock.ts'
import { silentLog } from '../../src/observe/log.ts'
import { HopUnusable } from '../../src/smtp/client-hello.ts'
import type { SendOutcome } from '../../src/smtp/client-outcomes.ts'
import { openConversation } from '../../src/smtp/conversation.ts'
import type { Extension, OutboundRecipient } from '../../src/smtp/extension.ts'
import { createRegistry } from '../../src/smtp/registry.ts'
import { outbound } from '../doubles/outbound.ts'
import { randomFrom, runs } from './runs.ts'

const toy = (keyword: string, client: NonNullable<Extension['client']>): Extension => ({ keyword, rfc: [], client })

/** Every setting of a hop and every meaning of a reply, on offer or not as the hop pleases. */
const EXTENSIONS: readonly Extension[] = [
  toy('BATCH', { offered: ({ hop }) => void (hop.mayBatch = true) }),
  toy('EACH', { offered: ({ hop }) => void (hop.closingReplyPerRecipient = true) }),
  toy('LIMIT', { offered: ({ hop }) => void hop.limits.set('recipients', 2) }),
  toy('ONCE', { offered: ({ hop }) => void hop.limits.set('transactions', 2) }),
  toy('SKIP', { onReply: (verb, { code }) => (verb === 'MAIL' && code === 355 ? { skipTo: 5 } : undefined) }),
  toy('BLOCK', {
    onReply: (verb, { code }) =>
      verb === 'body' && code === 353 ? { closingReplies: 'perRecipientAndOne' } : undefined,
  }),
  toy('SPLIT', {
    concerns: () => true,
    awaits: ['RCPT'],
    onReply: (_, { code }) => (code === 252 ? { split: 'recipient' } : undefined),
  }),
]

const REPLIES = [
  ...Array.from({ length: 12 }, () => '250 2.0.0 ok'),
  ...Array.from({ length: 4 }, () => '354 go'),
  '252 maybe',
  '353 wait',
  '355 5',
  '421 bye',
  '450 4.2.1 later',
  '452 4.5.3 enough',
  '552 too many',
  '550 5.1.1 no',
  '554 no',
  '250-two\r\n250 lines',
  '050 so it goes',
  '250-a\r\n550 b',
  '2',
  'HELO',
  '\xff\xfe',
  '250 bare\nLF',
]

/** A channel to a hop that says the next thing when it is listened to, and one more now and then. */
const toHop = (here: Channel, there: Channel, said: readonly string[], tooMuch: () => boolean): Channel => {
  const left = [...said]
  const say = (): void => {
    const reply = left.shift()
    if (reply === undefined) void there.end(5_000)
    else there.write(Buffer.from(`${reply}\r\n`, 'latin1'))
    there.flush(5_000).catch((error: unknown) => assert.ok(error instanceof Closed, String(error)))
  }
  const listened: Pick<Channel, 'line'> = {
    line(...given) {
      if (!here.pending()) {
        say()
        if (left.length > 0 && tooMuch()) say()
      }
      return here.line(...given)
    },
  }
  return new Proxy(here, {
    get(_, name) {
      if (name === 'line') return listened.line
      const value = Reflect.get(here, name)
      return typeof value === 'function' ? value.bind(here) : value
    },
  })
}

const pick = (random: (below: number) => number, of: readonly string[]): string => of[random(of.length)] ?? ''

test('whatever a hop says, each recipient has one outcome or is handed back', async () => {
  const random = randomFrom(2821)
  const clock = systemClock()
  const registry = createRegistry(EXTENSIONS)
  let taken = 0
  for (let n = Math.min(runs(600), 100_000); n > 0; n -= 1) {
    const offers = EXTENSIONS.filter(() => random(3) === 0).map(({ keyword }) => `250-${keyword}`)
    const said = [
      '220 hop',
      ['250-hop', ...offers, '250 X'].join('\r\n'),
      ...Array.from({ length: random(30) }, () => pick(random, REPLIES)),
    ]
    const [here, there] = memoryChannels(clock)
    const channel = toHop(here, there, said, () => random(40) === 0)
    const options = { registry, hostname: 'me.test', name: 'hop.test', clock, log: silentLog }
    const conversation = await openConversation(channel, options).catch((error: unknown) => {
      assert.ok(error instanceof HopUnusable, String(error))
    })
    if (!conversation) continue
    for (let mails = 1 + random(2); mails > 0; mails -= 1) {
      const mail = outbound({ to: ['a@x.test', 'b@x.test', 'c@y.test', 'd@x.test'].slice(random(4)) })
      const outcomes: SendOutcome[] = []
      const back: readonly OutboundRecipient[] = await conversation.send(mail, (outcome) => outcomes.push(outcome))
      const keys: readonly number[] = [...outcomes.map(({ of }) => of), ...back.map(({ key }) => key)].sort()
      assert.deepEqual(
        keys,
        mail.recipients.map(({ key }) => key),
        said.join('\n'),
      )
      for (const { diagnosis, next } of outcomes) {
        assert.ok([2, 4, 5].includes(Math.floor(diagnosis.code / 100)), said.join('\n'))
        assert.ok(
          diagnosis.code >= 400 || (diagnosis.by === 'smtp' && next === undefined && diagnosis.phase === 'body'),
        )
        if (diagnosis.code < 300) taken += 1
      }
    }
    conversation.stop()
    there.destroy()
  }
  assert.ok(taken > 0)
})
