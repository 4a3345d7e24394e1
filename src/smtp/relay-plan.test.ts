import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { factsOf, outbound } from '../../test/doubles/outbound.ts'
import type { BodyFacts } from '../mail/facts.ts'
import { Refusal, refuse, reply } from '../mail/reply.ts'
import { type Log, silentLog } from '../observe/log.ts'
import { GreetedHop } from './client-hop.ts'
import type { ClientFacet, ConversionTarget, Extension, Hop, Remedy } from './extension.ts'
import { flag, number, oneOf } from './param.ts'
import { createRegistry } from './registry.ts'
import type { Convert, RelayMail } from './relay-mail.ts'
import { planRelay, type RelayPlans } from './relay-plan.ts'

const NOBODY = { peer: { address: '192.0.2.1', port: 25 }, local: { address: '', port: 0 }, secured: undefined }

const hopWith = (offers: readonly string[], set: (hop: Hop) => void = () => {}): Hop => {
  const hop = new GreetedHop({ name: 'hop.test', channel: NOBODY }, new Map(offers.map((one) => [one, []])), 'none')
  set(hop)
  return hop
}

const toy = (keyword: string, client: ClientFacet, more: Partial<Extension> = {}): Extension => ({
  keyword,
  rfc: [],
  client,
  ...more,
})

const plan = (
  mail: RelayMail,
  hop: Hop,
  extensions: readonly Extension[],
  more: { readonly convert?: Convert; readonly log?: Log } = {},
): Promise<RelayPlans> => planRelay(mail, { hop, registry: createRegistry(extensions), log: silentLog, ...more })

const read = async (mail: { content(): AsyncIterable<Uint8Array> }): Promise<string> => {
  let text = ''
  for await (const chunk of mail.content()) text += Buffer.from(chunk).toString('latin1')
  return text
}

/** The only plan there is. */
const only = ({ plans, unsent }: RelayPlans) => {
  assert.deepEqual([plans.length, unsent.length], [1, 0])
  return plans[0] as (typeof plans)[number]
}

const refused = ({ unsent }: RelayPlans) =>
  unsent.map((one) => `${one.recipient.key} ${one.reply.code} ${one.reply.status} ${one.next}`)

describe('parameters', () => {
  const OWNERS = [
    toy('A', {}, { params: { MAIL: [flag('XA'), { ...flag('XEND'), endsHere: true }], RCPT: [number('XN', 3)] } }),
    toy('B', {}, { params: { MAIL: [oneOf('XWORD', ['RED'])] } }),
    toy('C', {}, { params: { MAIL: [oneOf('XWORD', ['BLUE'])] } }),
    toy('D', {}, { silent: true, params: { RCPT: [flag('XD')] } }),
  ]

  test('travel where their owner is in force, unless they end here', async () => {
    const mail = outbound({
      params: { XA: true, XEND: true, XWORD: 'red' },
      to: [['a@there.test', { XN: '12', XD: true }], 'b@there.test'],
    })
    const { params, recipientParams } = only(await plan(mail, hopWith(['A', 'B']), OWNERS))
    assert.deepEqual(params, { XA: true, XWORD: 'red' })
    assert.deepEqual(
      [...recipientParams],
      [
        [10, { XN: '12', XD: true }],
        [11, {}],
      ],
    )
    const lacking = only(await plan(mail, hopWith(['C']), OWNERS))
    assert.deepEqual(lacking.params, {})
    assert.deepEqual(lacking.recipientParams.get(10), { XD: true })
  })

  test('that nobody owns, or whose owner no longer reads them, are left out and logged', async () => {
    const log = keptLog()
    const mail = outbound({
      params: { XOLD: 'x', XWORD: 'green', XA: 'y' },
      to: [['a@there.test', { XN: '1234', XOTHER: true }]],
    })
    const { params, recipientParams } = only(await plan(mail, hopWith(['A', 'B', 'C']), OWNERS, { log }))
    assert.deepEqual([params, recipientParams.get(10)], [{}, {}])
    assert.deepEqual(
      log.events.map(({ event, fields }) => `${event} ${fields['verb']} ${fields['name']}`),
      [
        'parameter-unowned MAIL XOLD',
        'parameter-unowned MAIL XWORD',
        'parameter-malformed MAIL XA',
        'parameter-malformed RCPT XN',
        'parameter-unowned RCPT XOTHER',
      ],
    )
  })

  test('added ones win over those that travel, and later ones over earlier ones', async () => {
    const adds = (value: string): ClientFacet => ({
      adds: ({ facts }) => ({ XV: `${value}${facts.octets}`, [`X${value}`]: true }),
      forRecipient: ({ key }, { envelope }, { name }) => ({ XR: `${value}${key}${envelope.recipients.length}${name}` }),
    })
    const params = { MAIL: [number('XV', 3)], RCPT: [number('XR', 3)] }
    const extensions = [toy('A', adds('a'), { params }), toy('B', adds('b')), toy('C', adds('c'))]
    const mail = outbound({ text: 'x\r\n', params: { XV: '1' }, to: [['a@there.test', { XR: '2' }], 'b@there.test'] })
    const made = only(await plan(mail, hopWith(['A', 'B']), extensions))
    assert.deepEqual(made.params, { XV: 'b3', Xa: true, Xb: true })
    assert.deepEqual(made.recipientParams.get(10), { XR: 'b102hop.test' })
  })

  test('an extension may give up the mail, or one recipient', async () => {
    const whole = toy('A', { adds: () => refuse(552, '5.3.4', 'Too big') })
    assert.deepEqual(refused(await plan(outbound({ to: ['a@t.test', 'b@t.test'] }), hopWith(['A']), [whole])), [
      '10 552 5.3.4 never',
      '11 552 5.3.4 never',
    ])
    const one = toy('A', { forRecipient: ({ key }) => (key === 10 ? refuse(450, '4.7.0', 'Not now') : {}) })
    const some = await plan(outbound({ to: ['a@t.test', 'b@t.test'] }), hopWith(['A']), [one])
    assert.deepEqual(refused(some), ['10 450 4.7.0 later'])
    assert.deepEqual(
      some.plans[0]?.mail.recipients.map(({ key }) => key),
      [11],
    )
  })

  test('a fault of an extension is no refusal', async () => {
    const broken = toy('A', {
      adds: () => {
        throw new TypeError('a bug')
      },
    })
    await assert.rejects(plan(outbound(), hopWith(['A']), [broken]), TypeError)
  })

  test('beyond ASCII, an extension in force must make a path sayable', async () => {
    const utf8 = toy('U', { adds: () => ({ U: true }) }, { server: { grammar: (bag) => ({ utf8: 'U' in bag }) } })
    const mail = outbound({ to: ['a@t.test', 'ü@t.test'] })
    assert.equal(only(await plan(mail, hopWith(['U']), [utf8])).mail.recipients.length, 2)
    assert.deepEqual(refused(await plan(mail, hopWith([]), [utf8])), ['11 553 5.6.7 otherHost'])
    assert.deepEqual(refused(await plan(outbound({ sender: 'ü@h.test' }), hopWith([]), [])), ['10 553 5.6.7 otherHost'])
  })

  test('what must be answered before more is said', async () => {
    const A = toy('A', { awaits: ['MAIL'] }, { params: { MAIL: [flag('XA')] } })
    const B = toy('B', { awaits: ['RCPT'], concerns: ({ envelope }) => envelope.sender === null })
    const C = toy('C', { awaits: ['RCPT'] }, { params: { RCPT: [flag('XC')] } })
    const awaited = async (mail: RelayMail, offers: string) => [
      ...only(await plan(mail, hopWith(offers.split('')), [A, B, C])).awaits,
    ]
    assert.deepEqual(await awaited(outbound(), 'ABC'), [])
    assert.deepEqual(await awaited(outbound({ params: { XA: true } }), 'ABC'), ['MAIL'])
    assert.deepEqual(await awaited(outbound({ params: { XA: true } }), 'BC'), [])
    assert.deepEqual(await awaited(outbound({ sender: null }), 'B'), ['RCPT'])
    assert.deepEqual(await awaited(outbound({ to: ['a@t.test', ['b@t.test', { XC: true }]] }), 'C'), ['RCPT'])
  })
})

describe('what is done about what the hop lacks', () => {
  const lack = (...remedies: readonly Remedy[]): Extension =>
    toy('L', { concerns: () => true, without: () => remedies })
  const two = outbound({ text: 'A: 1\r\nB: 2\r\n\r\nx\r\n', to: ['a@t.test', 'b@t.test'] })

  test('nothing where it is on offer, or the mail makes no use of it', async () => {
    const asked: string[] = []
    const without = () => {
      asked.push('asked')
      return []
    }
    const extension = toy('L', { without }, { params: { MAIL: [flag('XL')], RCPT: [oneOf('XR', ['ONE'])] } })
    only(await plan(outbound({ params: { XL: true } }), hopWith(['L']), [extension]))
    only(await plan(outbound({ params: { XOTHER: true } }), hopWith([]), [extension]))
    only(await plan(outbound({ to: [['a@t.test', { XR: 'TWO' }]] }), hopWith([]), [extension]))
    assert.deepEqual(asked, [])
    only(await plan(outbound({ params: { XL: true } }), hopWith([]), [extension]))
    assert.notDeepEqual(asked, [])
    asked.length = 0
    only(await plan(outbound({ to: ['b@t.test', ['a@t.test', { XR: 'one' }]] }), hopWith([]), [extension]))
    assert.notDeepEqual(asked, [])
  })

  for (const [next, code, status] of [
    ['otherHost', 554, '5.7.0'],
    ['later', 454, '4.7.0'],
    ['never', 554, '5.7.0'],
  ] as const) {
    test(`refuse: ${next}`, async () => {
      const all = await plan(two, hopWith([]), [lack({ do: 'refuse', reply: reply(554, '5.7.0', 'No'), next })])
      assert.deepEqual(refused(all), [`10 ${code} ${status} ${next}`, `11 ${code} ${status} ${next}`])
      assert.deepEqual(all.plans, [])
      const remedy = { do: 'refuse', reply: reply(554, '5.7.0', 'No'), next, of: [11] } as const
      const some = await plan(two, hopWith([]), [lack(remedy)])
      assert.deepEqual(refused(some), [`11 ${code} ${status} ${next}`])
      assert.deepEqual(
        some.plans[0]?.mail.recipients.map(({ key }) => key),
        [10],
      )
    })
  }

  test('a 4yz that means never becomes a 5yz', async () => {
    const remedy = { do: 'refuse', reply: reply(450, '4.7.0', 'No'), next: 'never' } as const
    assert.deepEqual(refused(await plan(outbound(), hopWith([]), [lack(remedy)])), ['10 550 5.7.0 never'])
  })

  test('prepend, replaceField, removeField: content, facts and parameters agree', async () => {
    const edits = lack(
      { do: 'prepend', field: ['X-First', 'one'] },
      { do: 'prepend', field: ['X-Second', 'two'] },
      { do: 'replaceField', field: ['B', 'new'] },
      { do: 'replaceField', field: ['C', 'added'] },
      { do: 'removeField', name: 'a' },
    )
    const size = toy('SIZE', { adds: ({ facts }) => ({ SIZE: String(facts.octets) }) })
    const { mail, params } = only(await plan(two, hopWith(['SIZE']), [edits, size]))
    const text = await read(mail)
    assert.equal(text.split('\r\n').sort().join(), ',,B: new,C: added,X-First: one,X-Second: two,x')
    assert.equal(await read(mail), text, 'content can be read again')
    assert.deepEqual(mail.facts, factsOf(text))
    assert.deepEqual(params, { SIZE: String(text.length) })
  })

  test('prepend alone does not read the content', async () => {
    const unread: RelayMail = {
      ...two,
      content() {
        throw new Error('read')
      },
    }
    const { mail } = only(await plan(unread, hopWith([]), [lack({ do: 'prepend', field: ['X', 'y'] })]))
    assert.deepEqual(mail.facts, {
      ...two.facts,
      octets: two.facts.octets + 6,
      headerOctets: two.facts.headerOctets + 6,
    })
  })

  test('report: those keys', async () => {
    const made = only(await plan(two, hopWith([]), [lack({ do: 'report', event: 'relayed', of: [11] })]))
    assert.deepEqual([...made.relayed], [11])
  })

  test('recipients that need other content get a plan of their own', async () => {
    const extension = toy(
      'L',
      { without: () => [{ do: 'prepend', field: ['X-L', 'y'] }] },
      { params: { RCPT: [flag('XL')] } },
    )
    const mail = outbound({ to: ['a@t.test', ['b@t.test', { XL: true }], 'c@t.test'] })
    const { plans, unsent } = await plan(mail, hopWith([]), [extension])
    assert.deepEqual(
      plans.map((one) => [one.mail.recipients.map(({ key }) => key), one.mail.facts.octets - mail.facts.octets]),
      [
        [[11], 8],
        [[10, 12], 0],
      ],
    )
    assert.equal(unsent.length, 0)
    for (const one of plans) assert.deepEqual(one.mail.envelope.recipients, one.mail.recipients)
  })

  test('nothing is done for the sake of recipients that do not go', async () => {
    const hard = toy('L', {
      concerns: ({ envelope }) => envelope.recipients.some(({ address }) => address.local === 'b'),
      without: (_mail, _hop, all) => [
        { do: 'refuse', reply: reply(550, '5.7.0', 'No'), next: 'never', of: all.slice(1).map(({ key }) => key) },
        { do: 'report', event: 'relayed', of: [10] },
      ],
    })
    const made = await plan(two, hopWith([]), [hard])
    assert.deepEqual(refused(made), ['11 550 5.7.0 never'])
    assert.deepEqual([...(made.plans[0]?.relayed ?? [1])], [])
  })
})

describe('conversion', () => {
  const EIGHT = 'Subject: x\r\n\r\n\xe9\r\n'
  const asked: ConversionTarget[] = []
  /** Says what it was asked for, in the body. */
  const converter: Convert = (target, mail) => {
    asked.push(target)
    const text = `Subject: x\r\n\r\n${target.encoding} ${target.maxLine} ${target.header} of ${mail.facts.encoding}\r\n`
    const facts: BodyFacts = { ...factsOf(text), encoding: target.encoding, eightBitHeader: target.header === 'utf8' }
    return {
      facts,
      async *content() {
        yield Buffer.from(text)
      },
    }
  }
  const eightBit = toy('EIGHT', {
    concerns: ({ facts }) => facts.encoding === '8bit',
    without: () => [{ do: 'convert', into: { encoding: '7bit' } }],
    adds: () => ({ BODY: '8BIT' }),
  })
  const binary = toy('BIN', {
    concerns: ({ facts }) => facts.encoding === 'binary',
    without: () => [{ do: 'convert', into: { encoding: '8bit' } }],
  })
  const takes8 = (hop: Hop) => void hop.encodings.add('8bit')

  test('not where the hop takes the body as it is', async () => {
    const mail = outbound({ text: EIGHT })
    const made = only(await plan(mail, hopWith(['EIGHT'], takes8), [eightBit], { convert: converter }))
    assert.equal(await read(made.mail), EIGHT)
    assert.deepEqual(made.params, { BODY: '8BIT' })
  })

  test('to 7bit, parameters on the result', async () => {
    const size = toy('SIZE', { adds: ({ facts }) => ({ SIZE: String(facts.octets) }) })
    const mail = outbound({ text: EIGHT })
    const made = only(await plan(mail, hopWith(['SIZE']), [eightBit, size], { convert: converter }))
    assert.match(await read(made.mail), /7bit 998 ascii of 8bit/)
    assert.deepEqual(made.params, { SIZE: String(made.mail.facts.octets) })
  })

  test('to a fixed point, always from the original', async () => {
    const mail = outbound({ text: 'Subject: x\r\n\r\na\0b\r\n' })
    asked.length = 0
    const once = toy('ONCE', { concerns: () => true, without: () => [{ do: 'prepend', field: ['X', 'y'] }] })
    const made = only(await plan(mail, hopWith([]), [once, binary, eightBit], { convert: converter }))
    assert.match(await read(made.mail), /^X: y\r\nSubject: x\r\n\r\n7bit 998 ascii of binary\r\n$/)
    assert.deepEqual(
      asked.map(({ encoding }) => encoding),
      ['7bit'],
    )
    asked.length = 0
    const half = only(await plan(mail, hopWith(['EIGHT'], takes8), [binary, eightBit], { convert: converter }))
    assert.match(await read(half.mail), /8bit 998 ascii of binary/)
  })

  test('cascades where one conversion makes another necessary', async () => {
    const header = toy('HEADER', {
      concerns: ({ facts }) => facts.eightBitHeader,
      without: () => [{ do: 'convert', into: { header: 'ascii' } }],
    })
    const longer = toy('LINES', {
      // Only the converted body is found wanting.
      concerns: ({ facts }) => !facts.eightBitHeader,
      without: () => [{ do: 'convert', into: { maxLine: 70 } }],
    })
    asked.length = 0
    const mail = outbound({ text: 'Subject: \xc3\xa9\r\n\r\nx\r\n' })
    const made = only(await plan(mail, hopWith([], takes8), [header, longer], { convert: converter }))
    assert.match(await read(made.mail), /8bit 70 ascii of 8bit/)
    assert.equal(asked.length, 2)
  })

  test('satisfied already: the converter is not troubled', async () => {
    asked.length = 0
    const eager = toy('EAGER', { concerns: () => true, without: () => [{ do: 'convert', into: { encoding: '7bit' } }] })
    only(await plan(outbound(), hopWith([]), [eager], { convert: converter }))
    assert.deepEqual(asked, [])
  })

  for (const [what, convert] of [
    ['no converter', undefined],
    ['a converter that cannot', () => undefined],
  ] as const) {
    test(`${what}: 5.6.3, and another host may do better`, async () => {
      const made = await plan(outbound({ text: EIGHT }), hopWith([]), [eightBit], convert ? { convert } : {})
      assert.deepEqual(refused(made), ['10 554 5.6.3 otherHost'])
    })
  }

  test('8-bit octets are never sent raw, even where no extension cares', async () => {
    assert.deepEqual(refused(await plan(outbound({ text: EIGHT }), hopWith([]), [])), ['10 554 5.6.3 otherHost'])
    only(await plan(outbound({ text: EIGHT }), hopWith([], takes8), []))
  })

  test('a bare CR or LF: 5.6.0 unless the body is counted, and the hop takes binary', async () => {
    const mail = outbound({ text: 'Subject: x\r\n\r\na\nb\r\n' })
    assert.deepEqual(refused(await plan(mail, hopWith([], takes8), [])), ['10 554 5.6.0 otherHost'])
    const counted = (hop: Hop) => {
      hop.encodings.add('binary')
      hop.sendBody = async () => {}
    }
    only(await plan(mail, hopWith([], counted), []))
    const made = only(await plan(mail, hopWith([]), [], { convert: converter }))
    assert.match(await read(made.mail), /7bit/)
  })

  test('long lines are tried, unless the hop said what it takes', async () => {
    const mail = outbound({ text: `Subject: x\r\n\r\n${'x'.repeat(2000)}\r\n` })
    assert.equal(only(await plan(mail, hopWith([]), [])).mail.facts.longestLine, 2000)
    const short = (hop: Hop) => void hop.limits.set('line', 1000)
    assert.deepEqual(refused(await plan(mail, hopWith([], short), [])), ['10 554 5.6.3 otherHost'])
    const shorter = only(await plan(mail, hopWith([], short), [], { convert: converter }))
    assert.match(await read(shorter.mail), /7bit 1000 ascii/)
  })

  test('larger than the hop takes: 5.3.4, after conversion and edits', async () => {
    const least = (octets: number) => (hop: Hop) => void hop.limits.set('octets', octets)
    const mail = outbound({ text: 'A: b\r\n\r\n12345\r\n' })
    only(await plan(mail, hopWith([], least(15)), []))
    assert.deepEqual(refused(await plan(mail, hopWith([], least(14)), [])), ['10 552 5.3.4 otherHost'])
    const extension = toy('L', { concerns: () => true, without: () => [{ do: 'prepend', field: ['X', 'y'] }] })
    assert.deepEqual(refused(await plan(mail, hopWith([], least(15)), [extension])), ['10 552 5.3.4 otherHost'])
  })
})

test('the smallest limit holds, and what is no limit is not one', () => {
  const { limits } = hopWith([])
  for (const value of [100, 200, 50, 0, -1, Number.NaN]) limits.set('recipients', value)
  assert.deepEqual([...limits], [['recipients', 50]])
  assert.throws(() => refuse(500, '5.0.0', ''), Refusal)
})
