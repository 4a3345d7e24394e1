import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { withHop } from '../../test/doubles/outbound.ts'
import { playHop } from '../../test/doubles/scripted-hop.ts'
import { refuse } from '../mail/reply.ts'
import type { Channel } from '../net/channel.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import { TlsFailed } from '../net/tls.ts'
import { silentLog } from '../observe/log.ts'
import { HopUnusable } from './client-hello.ts'
import { type ClientConversation, openConversation } from './conversation.ts'
import { type ClientFacet, type Extension, RetryWithout } from './extension.ts'
import { createRegistry } from './registry.ts'

const toy = (keyword: string, client: ClientFacet, more: Partial<Extension> = {}): Extension => ({
  keyword,
  rfc: [],
  client,
  ...more,
})

const nothing = async (): Promise<void> => {}

/** The diagnosis with which the hop is given up. */
const unusable = async (script: string, extensions: readonly Extension[] = []) => {
  let why: unknown
  await withHop(script, extensions, nothing).catch((error: unknown) => {
    why = error
  })
  assert.ok(why instanceof HopUnusable, String(why))
  return why.diagnosis
}

const HELLO = 'S: 220 hop.test ready\nC: EHLO me.test\n'

describe('greetings', () => {
  test('EHLO, and what is on offer', async () => {
    await withHop(
      `S: 220-hop.test\nS: 220 ready\nC: EHLO me.test\nS: 250-hop.test SIZE\nS: 250-Size 100 x\nS: 250-X-Y  a\nS: 250-SIZE 2
       S: 250-X-OLD=a b\nS: 250-X-Y=old\nS: 250-X-OLD=c\nS: 250-=x\nS: 250 dsn`,
      [],
      async ({ conversation: { hop } }) => {
        assert.deepEqual(
          [...hop.offers],
          [
            ['X-OLD', ['a', 'b']],
            ['X-Y', ['a']],
            ['SIZE', ['100', 'x']],
            ['DSN', []],
          ],
        )
        assert.equal(hop.name, 'hop.test')
        assert.equal(hop.assurance, 'none')
      },
    )
  })

  for (const code of [500, 501, 502, 504]) {
    test(`HELO after ${code}, and then nothing is on offer`, async () => {
      await withHop(
        `${HELLO}S: ${code} what?\nC: HELO me.test\nS: 250-hop.test\nS: 250 SIZE`,
        [],
        async ({ conversation }) => {
          assert.equal(conversation.hop.offers.size, 0)
        },
      )
    })
  }

  for (const [what, script, code, status, by, phase] of [
    ['554 as a greeting', 'S: 554 no mail here', 554, '', 'smtp', 'greeting'],
    ['521 as a greeting', 'S: 521 5.3.2 never', 521, '5.3.2', 'smtp', 'greeting'],
    ['4yz as a greeting', 'S: 451 later', 451, '', 'smtp', 'greeting'],
    ['421 as a greeting', 'S: 421 4.3.2 closing', 421, '4.3.2', 'smtp', 'greeting'],
    ['3yz as a greeting', 'S: 354 go ahead', 451, '4.5.0', 'us', 'greeting'],
    ['another protocol', 'S: SSH-2.0-OpenSSH_9', 451, '4.5.0', 'us', 'greeting'],
    ['silence and an end', 'X: end', 451, '4.4.2', 'us', 'greeting'],
    ['half a greeting', 'S! 220-hop\\r\\n22\nX: cut', 451, '4.4.2', 'us', 'greeting'],
    ['a refused EHLO', `${HELLO}S: 550 not you`, 550, '', 'smtp', 'EHLO'],
    ['a deferred EHLO', `${HELLO}S: 450 not now`, 450, '', 'smtp', 'EHLO'],
    ['421 to EHLO', `${HELLO}S: 421 bye`, 421, '', 'smtp', 'EHLO'],
    ['a refused HELO', `${HELLO}S: 502 what\nC: HELO me.test\nS: 550 no`, 550, '', 'smtp', 'HELO'],
    ['3yz to EHLO', `${HELLO}S: 334 what`, 451, '4.5.0', 'us', 'EHLO'],
    ['a cut in the list of offers', `${HELLO}S: 250-hop\nS: 250-SIZE\nX: cut`, 451, '4.4.2', 'us', 'EHLO'],
  ] as const) {
    test(`given up: ${what}`, async () => {
      const said = await unusable(script)
      assert.deepEqual([said.code, said.status, said.by, said.phase], [code, status, by, phase])
      assert.deepEqual(said.remote, { name: 'hop.test', address: '' })
    })
  }

  for (const [what, script, ms] of [
    ['the greeting: 5 minutes', 'X: stall', 300_000],
    ['the reply to EHLO: 5 minutes', `${HELLO}X: stall`, 300_000],
  ] as const) {
    test(`waits for ${what}`, async () => {
      const clock = manualClock()
      const [here, there] = memoryChannels(clock)
      const played = playHop(there, script)
      const options = { registry: createRegistry([]), hostname: 'me.test', name: 'hop.test', clock, log: silentLog }
      const failed: unknown[] = []
      const opened = openConversation(here, options).catch((error: unknown) => failed.push(error))
      await clock.advance(ms - 1)
      assert.equal(failed.length, 0)
      await clock.advance(1)
      await opened
      const [why] = failed
      assert.ok(why instanceof HopUnusable)
      assert.deepEqual([why.diagnosis.code, why.diagnosis.status], [451, '4.4.2'])
      await played
    })
  }
})

describe('extensions and the greeting', () => {
  test('are asked in the order of the list, with their arguments', async () => {
    const asked: string[] = []
    const note = (name: string): ClientFacet => ({
      offered: (_, args) => void asked.push(`${name}+${args.join(',')}`),
      notOffered: () => void asked.push(`${name}-`),
    })
    const extensions = [
      toy('ONE', note('one')),
      toy('TWO', note('two'), { requires: ['ONE'] }),
      toy('THREE', note('three')),
      toy('FOUR', note('four'), { requires: ['THREE'] }),
      toy('FIVE', note('five'), { silent: true }),
      toy('SIX', note('six'), { requires: ['FIVE', 'TWO'] }),
      toy('SEVEN', note('seven'), { requires: ['FOUR'] }),
    ]
    const offers = 'S: 250-hop\nS: 250-SEVEN\nS: 250-SIX\nS: 250-FOUR\nS: 250-two a b\nS: 250 one'
    await withHop(HELLO + offers, extensions, nothing)
    assert.deepEqual(asked, ['one+', 'two+a,b', 'three-', 'four-', 'five+', 'six+', 'seven-'])
  })

  test('may speak, and may refuse the hop', async () => {
    const secret = toy('SECRET', {
      async offered({ command }) {
        const answer = await command('SECRET word')
        if (answer.code !== 235) refuse(535, '5.7.8', 'hop.test refused the word')
      },
    })
    await withHop(`${HELLO}S: 250-hop\nS: 250 SECRET\nC: SECRET word\nS: 235 fine`, [secret], nothing)
    const said = await unusable(`${HELLO}S: 250-hop\nS: 250 SECRET\nC: SECRET word\nS: 500 no\nC: QUIT`, [secret])
    assert.deepEqual([said.code, said.status, said.by, said.phase], [535, '5.7.8', 'us', 'EHLO'])
  })

  test('may insist on being offered', async () => {
    const needed = toy('NEEDED', { notOffered: () => refuse(451, '4.7.10', 'It is needed') })
    const said = await unusable(`${HELLO}S: 250 hop\nC: QUIT`, [needed])
    assert.deepEqual([said.code, said.status, said.by], [451, '4.7.10', 'us'])
  })

  const KEY = 'q83vASNFZ4k='
  const withKey = (answer: string) => {
    const keyed: Extension = toy('X-KEY', {
      offered: async ({ command }) => {
        const said = await command(`KEY ${KEY}`, [KEY, ''])
        return refuse(450, '4.7.0', said.lines.join(' '))
      },
    })
    return unusable(`${HELLO}S: 250-hop.test\nS: 250 X-KEY\nC: KEY ${KEY}\n${answer}`, [keyed])
  }
  for (const [what, answer, lines] of [
    ['a refusal', `S: 500-Unknown: KEY ${KEY}\nS: 500 (${KEY})`, ['Unknown: KEY [...] ([...])']],
    ['a refusal, in part', `S: 500 Unknown: KEY ${KEY.slice(0, 8)}...`, ['Unknown: KEY [...]...']],
    ['a last word', `S: 421 KEY ${KEY}, you say?`, ['KEY [...], you say?']],
    ['what is no reply', `S: KEY ${KEY}`, ['hop.test does not speak SMTP (EHLO): Not a reply']],
  ] as const) {
    test(`a secret that the hop repeats in ${what} is not told further`, async () => {
      assert.deepEqual((await withKey(answer)).lines, lines)
    })
  }

  test('may bring a dialect, for which there is no HELO', async () => {
    const dialect = toy('DIALECT', { greetsWith: 'LHLO' }, { silent: true })
    await withHop('S: 220 hop\nC: LHLO me.test\nS: 250 hop', [dialect], nothing)
    const said = await unusable('S: 220 hop\nC: LHLO me.test\nS: 500 what?\nC: QUIT', [dialect])
    assert.deepEqual([said.code, said.phase], [500, 'LHLO'])
  })

  test('a command of two lines is a fault of ours', async () => {
    const bad = toy('BAD', { offered: async ({ command }) => void (await command('NOOP\r\nMAIL FROM:<>')) })
    await assert.rejects(withHop(`${HELLO}S: 250-hop\nS: 250 BAD\nC: …closed`, [bad], nothing), /two lines/)
  })
})

/** Another channel over the same octets, as TLS would be. */
const dressed = (channel: Channel): Channel =>
  Object.create(channel, {
    ...Object.fromEntries(
      (['line', 'write', 'flush', 'pending', 'discardPending', 'end', 'destroy', 'onClosed'] as const).map((name) => [
        name,
        { value: (channel[name] as (...args: unknown[]) => unknown).bind(channel) },
      ]),
    ),
    peer: { value: channel.peer },
    secured: { value: { protocol: 'TLSv1.3', cipher: 'X', verified: true } },
  })

describe('a channel that changes', () => {
  const cloak = (found: string[]): Extension =>
    toy('CLOAK', {
      async offered(talk) {
        assert.equal((await talk.command('CLOAK')).code, 220)
        talk.hop.limits.set('recipients', 1)
        talk.hop.notes.set('CLOAK', 'put on')
        talk.hop.mayBatch = true
        await talk.replaceChannel(async (channel) => dressed(channel))
        return 'greetAgain' as const
      },
      notOffered({ hop }) {
        found.push(
          `${hop.assurance} ${hop.limits.size} ${hop.notes.size} ${hop.mayBatch} ${hop.channel.secured?.protocol}`,
        )
      },
    })

  test('greetAgain: everything is forgotten but how sure we are of the hop', async () => {
    const found: string[] = []
    const script = `${HELLO}S: 250-hop\nS: 250-X-OLD\nS: 250 CLOAK\nC: CLOAK\nS: 220 go\nC: EHLO me.test\nS: 250-hop\nS: 250 X-NEW`
    await withHop(script, [cloak(found)], async ({ conversation: { hop } }) => {
      assert.deepEqual([...hop.offers.keys()], ['X-NEW'])
      assert.equal(hop.assurance, 'verified')
    })
    assert.deepEqual(found, ['verified 0 0 undefined TLSv1.3'])
  })

  test('what the hop said before the new channel was there is thrown away', async () => {
    const log = keptLog()
    const script = `${HELLO}S: 250-hop\nS: 250 CLOAK\nC: CLOAK\nS! 220 go\\r\\n250-evil\\r\\n250 X-EVIL\\r\\n\nC: EHLO me.test\nS: 250 hop`
    await withHop(script, [cloak([])], async ({ conversation: { hop } }) => assert.equal(hop.offers.size, 0), { log })
    assert.deepEqual(log.named('hop-spoke-early'), [{ hop: 'hop.test', octets: 22 }])
  })

  test('that cannot be replaced is the end of it', async () => {
    const broken = toy('CLOAK', {
      async offered(talk) {
        await talk.command('CLOAK')
        await talk.replaceChannel(() => Promise.reject(new TlsFailed('no common cipher')))
      },
    })
    const said = await unusable(`${HELLO}S: 250-hop\nS: 250 CLOAK\nC: CLOAK\nS: 220 go\nC: …closed`, [broken])
    assert.deepEqual([said.code, said.status], [451, '4.4.2'])
    assert.match(said.lines[0] ?? '', /no common cipher/)
  })

  test('may be worth another try without the extension', async () => {
    const spoilt = toy('CLOAK', { offered: () => Promise.reject(new RetryWithout('CLOAK', 'torn')) })
    await assert.rejects(withHop(`${HELLO}S: 250-hop\nS: 250 CLOAK\nC: …closed`, [spoilt], nothing), RetryWithout)
  })

  test('greeted for ever, it is given up', async () => {
    const again = toy('AGAIN', { offered: async () => 'greetAgain' as const })
    const script = `S: 220 hop\n${'C: EHLO me.test\nS: 250-hop\nS: 250 AGAIN\n'.repeat(8)}C: …closed`
    assert.equal((await unusable(script, [again])).status, '4.5.0')
  })

  const turning = (then: Awaited<ReturnType<NonNullable<ClientFacet['offered']>>>): Extension =>
    toy('TURN', { offered: async () => then })
  const OFFER = `${HELLO}S: 250-hop\nS: 250 TURN\n`

  test('close', async () => {
    await withHop(`${OFFER}C: QUIT\nC: …closed`, [turning({ channel: 'close' })], async ({ conversation, send }) => {
      assert.equal(conversation.ended, 'closed')
      assert.equal(conversation.usable, false)
      void send
    })
  })

  test('replace, and be greeted by whoever is there now', async () => {
    let times = 0
    const proxied = toy('TURN', {
      async offered() {
        if (times++ > 0) return undefined
        const through = async (channel: Channel): Promise<Channel> => {
          channel.write('THROUGH\r\n')
          await channel.flush(1000)
          return dressed(channel)
        }
        return { channel: 'replace', with: through, greet: true }
      },
    })
    const script = `${OFFER}C: THROUGH\nS: 220 another\nC: EHLO me.test\nS: 250-another\nS: 250 TURN`
    await withHop(script, [proxied], async ({ conversation }) => {
      assert.equal(conversation.hop.assurance, 'verified')
      assert.equal(conversation.usable, true)
    })
    times = 0
    const said = await unusable(`${OFFER}C: THROUGH\nS: 554 nobody\nC: QUIT`, [proxied])
    assert.deepEqual([said.code, said.phase], [554, 'greeting'])
  })

  test('replace without a greeting', async () => {
    let times = 0
    const quiet = toy('TURN', {
      offered: async () =>
        times++ > 0 ? undefined : { channel: 'replace', with: async (channel) => dressed(channel) },
    })
    await withHop(`${OFFER}C: EHLO me.test\nS: 250 hop`, [quiet], async ({ conversation }) => {
      assert.equal(conversation.hop.assurance, 'verified')
    })
  })

  test('hand over: we become the server, and the conversation is over', async () => {
    const to = async (channel: Channel): Promise<void> => {
      channel.write('220 now I serve\r\n')
      await channel.flush(1000)
      assert.equal(await channel.line(100, 1000), 'EHLO customer.test')
      await channel.end(1000)
    }
    let kept: ClientConversation | undefined
    const script = `${OFFER}C: 220 now I serve\nS: EHLO customer.test\nC: …closed\nX: cut`
    await withHop(script, [turning({ channel: 'handOver', to })], async ({ conversation }) => {
      kept = conversation
    })
    assert.equal(kept?.ended, 'handedOver')
    assert.equal(kept?.usable, false)
  })
})
