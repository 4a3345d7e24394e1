import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { outbound, withHop } from '../../test/doubles/outbound.ts'
import { refuse } from '../mail/reply.ts'
import type { ClientFacet, Extension } from './extension.ts'
import { flag } from './param.ts'

const toy = (keyword: string, client: ClientFacet, more: Partial<Extension> = {}): Extension => ({
  keyword,
  rfc: [],
  client,
  ...more,
})

const batches = toy('BATCH', { offered: ({ hop }) => void (hop.mayBatch = true) })
const perRecipient = toy('EACH', { offered: ({ hop }) => void (hop.closingReplyPerRecipient = true) })

const HELLO = 'S: 220 hop\nC: EHLO me.test\nS: 250 hop\n'
const BATCHES = 'S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250 BATCH\n'
const offering = (...keywords: readonly string[]): string =>
  `S: 220 hop\nC: EHLO me.test\nS: 250-hop\n${keywords.map((one, at) => `S: 250${at === keywords.length - 1 ? ' ' : '-'}${one}\n`).join('')}`

const MAIL = 'C: MAIL FROM:<me@here.test>\n'
const rcpt = (name: string): string => `C: RCPT TO:<${name}@there.test>\n`
const OK = 'S: 250 2.0.0 fine\n'
const GO = 'S: 354 go\n'
const TEXT = 'Subject: x\r\n\r\nHello.\r\n'
const three = outbound({ to: ['a@there.test', 'b@there.test', 'c@there.test'] })

describe('one step at a time', () => {
  test('each command waits for the reply before it', async () => {
    const { bodies } = await withHop(
      `${HELLO}${MAIL}X: alone\n${OK}${rcpt('a')}X: alone\n${OK}${rcpt('b')}X: alone\n${OK}C: DATA\nX: alone\n${GO}C: …body\n${OK}`,
      [],
      async ({ send, conversation }) => {
        assert.deepEqual(await send(outbound({ to: ['a@there.test', 'b@there.test'] })), [
          '10 250 2.0.0',
          '11 250 2.0.0',
        ])
        assert.equal(conversation.usable, true)
      },
    )
    assert.deepEqual(bodies, [TEXT])
  })

  test('the empty reverse-path, quoted local parts, postmaster, parameters', async () => {
    const extension = toy('P', {}, { params: { MAIL: [flag('XM')], RCPT: [flag('XR')] } })
    await withHop(
      `${offering('P')}C: MAIL FROM:<> XM\n${OK}C: RCPT TO:<"a b"@there.test> XR\n${OK}C: RCPT TO:<postmaster>\n${OK}C: DATA\n${GO}C: …body\n${OK}`,
      [extension],
      async ({ send }) => {
        const to = [['"a b"@there.test', { XR: true }], 'postmaster'] as const
        await send(outbound({ sender: null, params: { XM: true }, to }))
      },
    )
  })

  test('what depends on the time is said as it is when MAIL is, and may then be too late', async () => {
    const adds: ClientFacet['adds'] = ({ now }) =>
      now >= 1_767_225_607_000 ? refuse(554, '5.4.7', 'Too late') : { XT: `${now - 1_767_225_600_000}` }
    const extension = toy('T', { offered: ({ hop }) => void hop.limits.set('recipients', 1), adds })
    const once = (time: string, name: string) =>
      `${MAIL.trim()} XT=${time}\n${OK}${rcpt(name)}${OK}C: DATA\n${GO}C: …body\n${OK}`
    await withHop(`${offering('T')}${once('0', 'a')}${once('5000', 'b')}`, [extension], async ({ send, clock }) => {
      let sent = 0
      const content = async function* () {
        await clock.advance(sent++ === 0 ? 5000 : 3000)
        yield Buffer.from(TEXT)
      }
      assert.deepEqual(await send({ ...three, content }), ['10 250 2.0.0', '11 250 2.0.0', '12 554 5.4.7'])
    })
  })

  test('nobody taken: no DATA, and RSET before the next mail', async () => {
    await withHop(
      `${HELLO}${MAIL}${OK}${rcpt('a')}S: 550 5.1.1 no\n${rcpt('b')}S: 450 4.2.1 later\n${rcpt('c')}S: 550 no\nC: RSET\n${OK}${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n${GO}C: …body\n${OK}`,
      [],
      async ({ send }) => {
        assert.deepEqual(await send(three), ['10 550 5.1.1', '11 450 4.2.1', '12 550'])
        assert.deepEqual(await send(outbound()), ['10 250 2.0.0'])
      },
    )
  })

  test('MAIL refused: no RCPT', async () => {
    await withHop(`${HELLO}${MAIL}S: 553 5.1.8 bad sender\n`, [], async ({ send, conversation }) => {
      assert.deepEqual(await send(three), ['10 553 5.1.8', '11 553 5.1.8', '12 553 5.1.8'])
      assert.equal(conversation.usable, true)
    })
  })

  test('DATA refused: RSET comes next', async () => {
    await withHop(
      `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}C: DATA\nS: 451 4.3.0 no room\nC: RSET\n${OK}${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n${GO}C: …body\nS: 554 5.6.0 spam\n${MAIL}${OK}${rcpt('a')}S: 550 no`,
      [],
      async ({ send, conversation }) => {
        assert.deepEqual(await send(outbound()), ['10 451 4.3.0'])
        assert.deepEqual(await send(outbound()), ['10 554 5.6.0'])
        assert.deepEqual(await send(outbound()), ['10 550'])
        assert.equal(conversation.transactions, 3)
      },
    )
  })

  test('RSET by hand', async () => {
    await withHop(`${HELLO}C: RSET\n${OK}C: RSET\nS: 500 what\nC: …closed`, [], async ({ conversation }) => {
      assert.equal(await conversation.rset(), true)
      assert.equal(await conversation.rset(), false)
      assert.equal(conversation.usable, false)
    })
  })
})

describe('in batches', () => {
  test('MAIL, RCPT and DATA leave at once; replies are counted', async () => {
    const { bodies } = await withHop(
      `${BATCHES}${MAIL}X: batch\n${rcpt('a')}${rcpt('b')}${rcpt('c')}C: DATA\nX: alone\n${OK}S: 250-two\nS: 250 lines\nS: 550 5.1.1 354 go\n${OK}${GO}C: …body\n${OK}`,
      [batches],
      async ({ send }) => {
        assert.deepEqual(await send(three), ['11 550 5.1.1', '10 250 2.0.0', '12 250 2.0.0'])
      },
    )
    assert.deepEqual(bodies, [TEXT])
  })

  test('0yz lines are no replies', async () => {
    await withHop(
      `${BATCHES}${MAIL}${rcpt('a')}C: DATA\nS: 050 working\n${OK}S: 050-still\nS: 050 working\n${OK}${GO}C: …body\nS: 050 done\n${OK}`,
      [batches],
      async ({ send }) => assert.deepEqual(await send(outbound()), ['10 250 2.0.0']),
    )
  })

  test('354 with nobody taken: a lone dot, and nothing is delivered', async () => {
    const { bodies } = await withHop(
      `${BATCHES}${MAIL}${rcpt('a')}C: DATA\n${OK}S: 550 no\n${GO}C: …body\nS: 554 no valid recipients\n${MAIL}${rcpt('a')}C: DATA\n${OK}${OK}${GO}C: …body\n${OK}`,
      [batches],
      async ({ send }) => {
        assert.deepEqual(await send(outbound()), ['10 550'])
        assert.deepEqual(await send(outbound()), ['10 250 2.0.0'])
      },
    )
    assert.deepEqual(bodies, ['', TEXT])
  })

  test('MAIL refused, and 354 all the same: a lone dot', async () => {
    await withHop(
      `${BATCHES}${MAIL}${rcpt('a')}C: DATA\nS: 452 full\nS: 503 no MAIL\n${GO}C: …body\nS: 554 nobody\n`,
      [batches],
      async ({ send }) => assert.deepEqual(await send(outbound()), ['10 452']),
    )
  })

  test('MAIL refused, but a recipient taken: nobody gets an empty message', async () => {
    const { bodies } = await withHop(
      `${BATCHES}${MAIL}${rcpt('a')}C: DATA\nS: 503 nested MAIL\n${OK}${GO}C: …closed`,
      [batches],
      async ({ send, conversation }) => {
        assert.deepEqual(await send(outbound()), ['10 503'])
        assert.equal(conversation.usable, false)
      },
    )
    assert.deepEqual(bodies, [])
  })

  test('all refused, DATA too: RSET goes with the next batch', async () => {
    await withHop(
      `${BATCHES}${MAIL}${rcpt('a')}C: DATA\n${OK}S: 550 no\nS: 503 no recipients\nC: RSET\nX: batch\n${MAIL}${rcpt('a')}C: DATA\n${OK}${OK}${OK}${GO}C: …body\n${OK}`,
      [batches],
      async ({ send }) => {
        assert.deepEqual(await send(outbound()), ['10 550'])
        assert.deepEqual(await send(outbound()), ['10 250 2.0.0'])
      },
    )
  })

  test('a thousand recipients go in bounded portions, and neither end waits for the other', async () => {
    const names = Array.from({ length: 1000 }, (_, at) => `r${at}`)
    const replies = `S: 250 2.1.5 ${'taken '.repeat(60)}\n`
    const commands = names.map((name, at) => `${rcpt(name)}${at % 2 ? replies : 'S: 550 5.1.1 no\n'}`).join('')
    await withHop(`${BATCHES}${MAIL}${OK}${commands}C: DATA\n${GO}C: …body\n${OK}`, [batches], async ({ send }) => {
      const outcomes = await send(outbound({ to: names.map((name) => `${name}@there.test`) }))
      assert.equal(outcomes.length, 1000)
      assert.equal(outcomes.filter((one) => one.endsWith('550 5.1.1')).length, 500)
    })
  })

  test('a refused MAIL stops the portions that have not left', async () => {
    const names = Array.from({ length: 250 }, (_, at) => `r${at}`)
    const sent = names.slice(0, 99).map(rcpt).join('')
    await withHop(
      `${BATCHES}${MAIL}${sent}S: 550 no\n${'S: 503 no MAIL\n'.repeat(99)}`,
      [batches],
      async ({ send }) => {
        const outcomes = await send(outbound({ to: names.map((name) => `${name}@there.test`) }))
        assert.equal(outcomes.length, 250)
        assert.ok(outcomes.every((one) => one.endsWith(' 550')))
      },
    )
  })
})

describe('what a reply means', () => {
  test('552 for one recipient too many: the rest follows in another transaction', async () => {
    for (const said of ['552', '552 5.5.3 enough', '452 4.5.3 enough']) {
      const { bodies } = await withHop(
        `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}S: ${said}\n${rcpt('c')}S: ${said}\nC: DATA\n${GO}C: …body\n${OK}` +
          `${MAIL}${OK}${rcpt('b')}${OK}${rcpt('c')}${OK}C: DATA\n${GO}C: …body\n${OK}`,
        [],
        async ({ send }) => {
          assert.deepEqual(await send(three), ['10 250 2.0.0', '11 250 2.0.0', '12 250 2.0.0'])
        },
      )
      assert.equal(bodies.length, 2)
    }
  })

  test('552 for another reason, or for the first, stands', async () => {
    await withHop(
      `${HELLO}${MAIL}${OK}${rcpt('a')}S: 552 full\n${rcpt('b')}${OK}${rcpt('c')}S: 552 5.2.2 mailbox full\nC: DATA\n${GO}C: …body\n${OK}`,
      [],
      async ({ send }) => assert.deepEqual(await send(three), ['10 552', '12 552 5.2.2', '11 250 2.0.0']),
    )
  })

  const meaning = (onReply: ClientFacet['onReply'], awaits: ClientFacet['awaits'] = []): Extension =>
    toy('M', { ...(onReply ? { onReply } : {}), awaits, concerns: () => true })

  test('skipTo after MAIL: no RCPT, the rest of the body', async () => {
    const resumes = meaning((verb, { code, lines }) =>
      verb === 'MAIL' && code === 355 ? { skipTo: Number(lines[0]?.split(' ')[0]) } : undefined,
    )
    const { bodies } = await withHop(
      `${offering('M')}${MAIL}S: 355 12 octets are here\nC: DATA\n${GO}C: …body\n${OK}`,
      [resumes],
      async ({ send }) => assert.deepEqual(await send(three), ['10 250 2.0.0', '11 250 2.0.0', '12 250 2.0.0']),
    )
    assert.deepEqual(bodies, [TEXT.slice(12)])
  })

  test('skipTo with awaits: nothing is batched behind MAIL', async () => {
    const resumes = meaning(
      (verb, { code }) => (verb === 'MAIL' && code === 355 ? { skipTo: 22 } : undefined),
      ['MAIL'],
    )
    const { bodies } = await withHop(
      `${offering('M', 'BATCH')}${MAIL}X: alone\nS: 355 22\nC: DATA\n${GO}C: …body\n${OK}` +
        `${MAIL}X: alone\n${OK}${rcpt('a')}X: batch\nC: DATA\n${OK}${GO}C: …body\n${OK}`,
      [batches, resumes],
      async ({ send }) => {
        assert.deepEqual(await send(outbound()), ['10 250 2.0.0'])
        assert.deepEqual(await send(outbound()), ['10 250 2.0.0'])
      },
    )
    assert.deepEqual(bodies, ['', TEXT])
  })

  test('skipTo without awaits, in a batch: what is said to RCPT means nothing', async () => {
    const resumes = meaning((verb) => (verb === 'MAIL' ? { skipTo: 20 } : undefined))
    const { bodies } = await withHop(
      `${offering('M', 'BATCH')}${MAIL}${rcpt('a')}C: DATA\nS: 355 20\nS: 503 no\n${GO}C: …body\n${OK}`,
      [batches, resumes],
      async ({ send }) => assert.deepEqual(await send(outbound()), ['10 250 2.0.0']),
    )
    assert.deepEqual(bodies, [TEXT.slice(20)])
  })

  test('skipTo beyond the end is nonsense', async () => {
    const resumes = meaning((verb) => (verb === 'MAIL' ? { skipTo: 1000 } : undefined))
    await withHop(`${offering('M')}${MAIL}S: 355 1000\nC: DATA\n${GO}C: …closed`, [resumes], async ({ send }) => {
      assert.deepEqual(await send(outbound()), ['10 451 4.5.0 otherHost'])
    })
  })

  const many = (closingReplies: 'perRecipient' | 'perRecipientAndOne') =>
    meaning((verb, { code }) => (verb === 'body' && code === 353 ? { closingReplies } : undefined))
  const TO_353 = `${offering('M')}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}S: 550 no\n${rcpt('c')}${OK}C: DATA\n${GO}C: …body\nS: 353 wait\n`

  test('closing replies per recipient', async () => {
    await withHop(`${TO_353}S: 250 a\nS: 452 c\n`, [many('perRecipient')], async ({ send }) => {
      assert.deepEqual(await send(three), ['11 550', '10 250', '12 452'])
    })
  })

  test('closing replies per recipient and one for all', async () => {
    await withHop(`${TO_353}S: 250 a\nS: 550 c\n${OK}`, [many('perRecipientAndOne')], async ({ send }) => {
      assert.deepEqual(await send(three), ['11 550', '10 250', '12 550'])
    })
    await withHop(`${TO_353}S: 250 a\nS: 550 c\nS: 451 4.3.0 no`, [many('perRecipientAndOne')], async ({ send }) => {
      assert.deepEqual(await send(three), ['11 550', '10 451 4.3.0', '12 550'])
    })
    await withHop(`${TO_353}S: 250 a\nS: 550 c\nX: cut`, [many('perRecipientAndOne')], async ({ send }) => {
      assert.deepEqual(await send(three), ['11 550', '10 451 4.4.2', '12 451 4.4.2'])
    })
  })

  test('the same without 353: one reply for all', async () => {
    await withHop(
      `${offering('M')}${MAIL}${OK}${rcpt('a')}${OK}C: DATA\n${GO}C: …body\n${OK}`,
      [many('perRecipientAndOne')],
      async ({ send }) => assert.deepEqual(await send(outbound()), ['10 250 2.0.0']),
    )
  })

  test('split at RCPT, refused: it goes in another transaction', async () => {
    const splits = meaning((verb, { code }) => (verb === 'RCPT' && code === 450 ? { split: 'recipient' } : undefined))
    await withHop(
      `${offering('M')}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}S: 450 alone\n${rcpt('c')}${OK}C: DATA\n${GO}C: …body\n${OK}` +
        `${MAIL}${OK}${rcpt('b')}S: 450 alone\n`,
      [splits],
      async ({ send }) => assert.deepEqual(await send(three), ['10 250 2.0.0', '12 250 2.0.0', '11 450']),
    )
  })

  test('split at RCPT, taken: the transaction is begun anew without it', async () => {
    const splits = meaning(
      (verb, { lines }, { accepted }) =>
        verb === 'RCPT' && lines[0] === 'other' && accepted.length > 1 ? { split: 'recipient' } : undefined,
      ['RCPT'],
    )
    await withHop(
      `${offering('M', 'BATCH')}${MAIL}X: batch\n${rcpt('a')}${rcpt('b')}${rcpt('c')}X: alone\n${OK}${OK}S: 250 other\n${OK}` +
        `C: RSET\n${MAIL}${rcpt('a')}${rcpt('c')}X: alone\n${OK}${OK}${OK}${OK}C: DATA\n${GO}C: …body\n${OK}` +
        `${MAIL}${rcpt('b')}X: alone\n${OK}S: 250 other\nC: DATA\n${GO}C: …body\n${OK}`,
      [batches, splits],
      async ({ send }) => assert.deepEqual(await send(three), ['10 250 2.0.0', '12 250 2.0.0', '11 250 2.0.0']),
    )
  })

  test('split at MAIL: everybody alone, and for one alone it stands', async () => {
    const splits = meaning((verb, { code }) => (verb === 'MAIL' && code === 451 ? { split: 'recipient' } : undefined))
    const alone = (name: string) => `${MAIL}${OK}${rcpt(name)}${OK}C: DATA\n${GO}C: …body\n${OK}`
    await withHop(
      `${offering('M')}${MAIL}S: 451 one by one\n${alone('a')}${MAIL}S: 451 one by one\n${alone('c')}`,
      [splits],
      async ({ send }) => assert.deepEqual(await send(three), ['10 250 2.0.0', '11 451', '12 250 2.0.0']),
    )
  })

  test('split at the body: everybody taken, alone', async () => {
    const splits = meaning((verb, { code }) => (verb === 'body' && code === 554 ? { split: 'recipient' } : undefined))
    const alone = (name: string, end: string) => `${MAIL}${OK}${rcpt(name)}${OK}C: DATA\n${GO}C: …body\n${end}`
    await withHop(
      `${offering('M')}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}S: 550 no\n${rcpt('c')}${OK}C: DATA\n${GO}C: …body\nS: 554 they differ\n` +
        `${alone('a', OK)}${alone('c', 'S: 554 not you\n')}`,
      [splits],
      async ({ send }) => assert.deepEqual(await send(three), ['11 550', '10 250 2.0.0', '12 554']),
    )
  })
})

describe('a hop that answers once for each recipient', () => {
  const TO_BODY = `${offering('EACH')}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${OK}${rcpt('c')}${OK}C: DATA\n${GO}C: …body\n`

  test('has an outcome for each, as they come', async () => {
    await withHop(
      `${TO_BODY}${OK}S: 452-4.2.2 mailbox\nS: 452 4.2.2 full\nS: 550 5.2.0 no`,
      [perRecipient],
      async ({ send }) => assert.deepEqual(await send(three), ['10 250 2.0.0', '11 452 4.2.2', '12 550 5.2.0']),
    )
  })

  test('the same address twice: two replies', async () => {
    await withHop(
      `${offering('EACH')}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('a')}${OK}C: DATA\n${GO}C: …body\n${OK}S: 550 no\n`,
      [perRecipient],
      async ({ send }) =>
        assert.deepEqual(await send(outbound({ to: ['a@there.test', 'a@there.test'] })), ['10 250 2.0.0', '11 550']),
    )
  })

  test('that is cut keeps what was told', async () => {
    await withHop(`${TO_BODY}${OK}S! 250 ok\nX: cut`, [perRecipient], async ({ send }) =>
      assert.deepEqual(await send(three), ['10 250 2.0.0', '11 451 4.4.2', '12 451 4.4.2']),
    )
    await withHop(`${TO_BODY}${OK}S: 421 4.3.2 bye`, [perRecipient], async ({ send }) =>
      assert.deepEqual(await send(three), ['10 250 2.0.0', '11 421 4.3.2', '12 421 4.3.2']),
    )
  })

  test('refuses DATA once for all', async () => {
    await withHop(
      `${offering('EACH')}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${OK}${rcpt('c')}${OK}C: DATA\nS: 451 no\n`,
      [perRecipient],
      async ({ send }) => assert.deepEqual(await send(three), ['10 451', '11 451', '12 451']),
    )
  })

  test('wants no lone dot, for nobody knows what follows it', async () => {
    await withHop(
      `${offering('EACH', 'BATCH')}${MAIL}${rcpt('a')}C: DATA\n${OK}S: 550 no\n${GO}C: …closed`,
      [batches, perRecipient],
      async ({ send }) => assert.deepEqual(await send(outbound()), ['10 550']),
    )
  })
})

describe('a body sender of an extension', () => {
  const counted = (more: Partial<ClientFacet> = {}): Extension =>
    toy('COUNTED', {
      offered({ hop }) {
        hop.sendBody = async (body, wire) => {
          assert.equal((await wire.command(`PUT ${wire.octets} FOR ${wire.hop.name}`)).code, 250)
          for await (const chunk of body) {
            wire.raw(chunk)
            await wire.flush()
          }
          wire.line('END')
        }
      },
      ...more,
    })

  test('replaces DATA, and sends what it likes', async () => {
    const { bodies } = await withHop(
      `${offering('COUNTED', 'BATCH')}${MAIL}X: batch\n${rcpt('a')}X: alone\n${OK}${OK}C: PUT 22 FOR hop.test\n${OK}C: …octets 22\nC: END\n${OK}`,
      [batches, counted()],
      async ({ send }) => assert.deepEqual(await send(outbound()), ['10 250 2.0.0']),
    )
    assert.deepEqual(bodies, [TEXT])
  })

  test('with each recipient answered for', async () => {
    await withHop(
      `${offering('COUNTED', 'EACH')}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}${OK}C: PUT 22 FOR hop.test\n${OK}C: …octets 22\nC: END\n${OK}S: 550 no`,
      [perRecipient, counted()],
      async ({ send }) =>
        assert.deepEqual(await send(outbound({ to: ['a@there.test', 'b@there.test'] })), ['10 250 2.0.0', '11 550']),
    )
  })

  test('skips what the hop has', async () => {
    const { bodies } = await withHop(
      `${offering('COUNTED')}${MAIL}S: 355 20\nC: PUT 2 FOR hop.test\n${OK}C: …octets 2\nC: END\n${OK}`,
      [counted({ onReply: (verb) => (verb === 'MAIL' ? { skipTo: 20 } : undefined) })],
      async ({ send }) => assert.deepEqual(await send(outbound()), ['10 250 2.0.0']),
    )
    assert.deepEqual(bodies, [TEXT.slice(20)])
  })
})

test('a report is owed for those the hop takes, and only for them', async () => {
  const reports = toy('R', {
    concerns: () => true,
    without: () => [{ do: 'report', event: 'relayed', of: [10, 11] }],
  })
  await withHop(
    `${HELLO}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('b')}S: 550 no\n${rcpt('c')}${OK}C: DATA\n${GO}C: …body\n${OK}`,
    [reports],
    async ({ send }) => assert.deepEqual(await send(three), ['11 550', '10 250 2.0.0 relayed', '12 250 2.0.0']),
  )
})

test('statuses are part of the text unless the hop said that it gives them', async () => {
  const statuses = toy('S', { offered: ({ hop }) => void (hop.givesStatuses = true) })
  for (const [offers, lines] of [
    [offering('S'), ['no']],
    [offering('T'), ['5.7.1 no']],
  ] as const) {
    await withHop(`${offers}${MAIL}S: 550 5.7.1 no`, [statuses], async ({ conversation }) => {
      await conversation.send(outbound(), ({ diagnosis }) => {
        assert.deepEqual(diagnosis, {
          code: 550,
          status: '5.7.1',
          lines,
          by: 'smtp',
          remote: { name: 'hop.test', address: '' },
          phase: 'MAIL',
          at: 1_767_225_600_000,
        })
      })
    })
  }
})

test('each plan goes in a transaction of its own', async () => {
  const extra = toy(
    'L',
    { without: () => [{ do: 'prepend', field: ['X-For', 'b'] }] },
    { params: { RCPT: [flag('XL')] } },
  )
  const { bodies } = await withHop(
    `${HELLO}${MAIL}${OK}${rcpt('b')}${OK}C: DATA\n${GO}C: …body\n${OK}${MAIL}${OK}${rcpt('a')}${OK}${rcpt('c')}${OK}C: DATA\n${GO}C: …body\n${OK}`,
    [extra],
    async ({ send }) => {
      await send(outbound({ to: ['a@there.test', ['b@there.test', { XL: true }], 'c@there.test'] }))
    },
  )
  assert.deepEqual(bodies, [`X-For: b\r\n${TEXT}`, TEXT])
})
