import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { factsOf, outbound, withHop } from '../../test/doubles/outbound.ts'
import { hopWith, only, plan, read, refused, toy } from '../../test/doubles/relay-plans.ts'
import { Refusal, refuse, reply } from '../mail/reply.ts'
import type { ClientFacet, Extension, Hop, Remedy } from './extension.ts'
import { flag, number, oneOf } from './param.ts'
import type { Convert, RelayMail, Sign } from './relay-mail.ts'

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

  test('added ones are those of the moment, if they depend on it', async () => {
    const clock = toy('A', { adds: ({ now }) => (now > 2000 ? refuse(554, '5.4.7', 'Too late') : { XT: `${now}` }) })
    const { params, paramsAt } = only(await plan({ ...outbound(), now: 1000 }, hopWith(['A']), [clock]))
    assert.deepEqual([params, paramsAt(2000)], [{ XT: '1000' }, { XT: '2000' }])
    assert.throws(() => paramsAt(2001), Refusal)
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

  test('a hop that lacks an extension is told addresses as it can be told; outcomes know the recipient by its key', async () => {
    const elsewhere = toy('E', { readdress: ({ local }) => (local === 'x' ? undefined : { local, domain: 'e.test' }) })
    const mail = outbound({ sender: 'me@here.test', to: ['a@t.test', 'x@t.test'] })
    const said = async (offers: string[]) => {
      const { mail: sent } = only(await plan(mail, hopWith(offers), [elsewhere]))
      const all = [sent.envelope.sender, ...sent.recipients.map(({ address }) => address)]
      assert.deepEqual(sent.envelope.recipients, sent.recipients)
      assert.deepEqual(
        sent.recipients.map(({ key }) => key),
        [10, 11],
      )
      return all.map((one) => one?.domain).join(' ')
    }
    assert.equal(await said(['E']), 'here.test t.test t.test')
    assert.equal(await said([]), 'e.test e.test t.test')
    const report = outbound({ sender: null })
    assert.equal(only(await plan(report, hopWith([]), [elsewhere])).mail.envelope.sender, null)
  })

  test('beyond ASCII, an extension in force must make a path sayable', async () => {
    const utf8 = toy('U', { adds: () => ({ U: true }) }, { server: { grammar: (bag) => ({ utf8: 'U' in bag }) } })
    const mail = outbound({ to: ['a@t.test', 'ü@t.test'] })
    assert.equal(only(await plan(mail, hopWith(['U']), [utf8])).mail.recipients.length, 2)
    assert.deepEqual(refused(await plan(mail, hopWith([]), [utf8])), ['11 553 5.6.7 otherHost'])
    assert.deepEqual(refused(await plan(outbound({ sender: 'ü@h.test' }), hopWith([]), [])), ['10 550 5.6.7 otherHost'])
  })

  test('where the envelope cannot be said either, that is why, whatever the content is', async () => {
    const text = 'Subject: \u00c3\u00bc\r\n\r\n'
    const mail = outbound({ text, to: ['a@t.test', 'ü@t.test'] })
    const eight = hopWith([], (hop) => hop.encodings.add('8bit'))
    assert.deepEqual(refused(await plan(mail, eight, [])), ['10 554 5.6.9 otherHost', '11 553 5.6.7 otherHost'])
    const sender = outbound({ text, sender: 'ü@h.test' })
    assert.deepEqual(refused(await plan(sender, eight, [])), ['10 550 5.6.7 otherHost'])
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

describe('what is done about a hop that has it', () => {
  const has = (...remedies: readonly Remedy[]): Extension =>
    toy('H', { with: () => remedies, without: () => assert.fail() }, { params: { MAIL: [flag('XH')] } })
  const mail = outbound({ params: { XH: true }, to: ['a@t.test', 'b@t.test'] })

  test('nothing if the mail makes no use of it; else what the extension says, as for one that lacks it', async () => {
    const refusing = has({ do: 'refuse', reply: reply(554, '5.3.3', 'Not enough'), next: 'otherHost', of: [10] })
    only(await plan(outbound(), hopWith(['H']), [refusing]))
    assert.deepEqual(refused(await plan(mail, hopWith(['H']), [refusing])), ['10 554 5.3.3 otherHost'])
    const made = only(await plan(mail, hopWith(['H']), [has({ do: 'report', event: 'relayed', of: [11] })]))
    assert.deepEqual([...made.relayed], [11])
  })

  test('parameters of others go where those are in force, and divide no mail', async () => {
    const adding = has({ do: 'addParams', params: { XWORD: 'BLUE' }, of: [11] })
    const owner = toy('O', {}, { params: { RCPT: [oneOf('XWORD', ['RED', 'BLUE'])] } })
    const made = only(await plan(mail, hopWith(['H', 'O']), [adding, owner]))
    assert.deepEqual([...made.recipientParams.values()], [{}, { XWORD: 'BLUE' }])
    const without = only(await plan(mail, hopWith(['H']), [adding, owner]))
    assert.deepEqual([...without.recipientParams.values()], [{}, {}])
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

  test('a 4yz that means never becomes a 5yz, and a 2yz is no refusal', async () => {
    const remedy = { do: 'refuse', reply: reply(450, '4.7.0', 'No'), next: 'never' } as const
    assert.deepEqual(refused(await plan(outbound(), hopWith([]), [lack(remedy)])), ['10 550 5.7.0 never'])
    const none = { do: 'refuse', reply: reply(250, '2.0.0', 'Fine'), next: 'otherHost' } as const
    assert.deepEqual(refused(await plan(outbound(), hopWith([]), [lack(none)])), ['10 450 4.0.0 otherHost'])
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

describe('a signature', () => {
  /** The sum of the octets, on top: what it signs is what is sent. */
  const summing: Sign = async (mail, hop) => {
    const text = await read(mail)
    assert.equal(mail.facts.octets, text.length)
    return Buffer.from(`X-Sum: ${sum(text)}\r\n\tfor ${hop.name}\r\n`)
  }
  const sum = (text: string): number => [...text].reduce((all, char) => (all + char.charCodeAt(0)) % 65_536, 0)
  const SIGNED = /^X-Sum: (\d+)\r\n\tfor hop\.test\r\n(.*)$/s
  const size = toy('SIZE', { adds: ({ facts }) => ({ SIZE: String(facts.octets) }) })

  test('is made of the final content, and counts in parameters and facts', async () => {
    const edit = toy('L', { concerns: () => true, without: () => [{ do: 'prepend', field: ['X', 'y'] }] })
    const convert: Convert = () => ({
      facts: factsOf('A: b\r\n\r\n=E9\r\n'),
      broken: [],
      async *content() {
        yield Buffer.from('A: b\r\n\r\n=E9\r\n')
      },
    })
    const mail = outbound({ text: 'A: b\r\n\r\n\xe9\r\n' })
    const made = only(await plan(mail, hopWith(['SIZE']), [size, edit], { convert, sign: summing }))
    const text = await read(made.mail)
    const [, said, signed = ''] = SIGNED.exec(text) ?? []
    assert.equal(signed, 'X: y\r\nA: b\r\n\r\n=E9\r\n')
    assert.equal(said, String(sum(signed)))
    assert.deepEqual(made.mail.facts, factsOf(text))
    assert.deepEqual(made.params, { SIZE: String(text.length) })
    assert.equal(await read(made.mail), text, 'content can be read again')
  })

  test('goes to the hop, where a conversation was given a signer', async () => {
    const script = [
      'S: 220 hop.test',
      'C: EHLO me.test',
      'S: 250 hop.test',
      'C: MAIL FROM:<me@here.test>',
      'S: 250 ok',
      'C: RCPT TO:<a@there.test>',
      'S: 250 ok',
      'C: DATA',
      'S: 354 go',
      'C: …body',
      'S: 250 2.0.0 taken',
    ].join('\n')
    const { bodies } = await withHop(
      script,
      [],
      async ({ send }) => assert.deepEqual(await send(outbound()), ['10 250 2.0.0']),
      { sign: summing },
    )
    assert.match(bodies[0] ?? '', SIGNED)
  })

  test('counts in what is too large for the hop', async () => {
    const small = (hop: Hop) => void hop.limits.set('octets', outbound().facts.octets)
    assert.deepEqual(refused(await plan(outbound(), hopWith([], small), [], { sign: summing })), [
      '10 552 5.3.4 otherHost',
    ])
    only(await plan(outbound(), hopWith([], small), [], { sign: async () => undefined }))
  })

  test('that cannot be made is a fault of ours', async () => {
    const sign = async () => Promise.reject(new TypeError('no key'))
    await assert.rejects(plan(outbound(), hopWith([]), [], { sign }), TypeError)
  })
})

test('the smallest limit holds, and what is no limit is not one', () => {
  const { limits } = hopWith([])
  for (const value of [100, 200, 50, 0, -1, Number.NaN]) limits.set('recipients', value)
  assert.deepEqual([...limits], [['recipients', 50]])
  assert.throws(() => refuse(500, '5.0.0', ''), Refusal)
})
