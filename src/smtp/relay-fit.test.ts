import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { factsOf, outbound, type Talk, withHop } from '../../test/doubles/outbound.ts'
import { hopWith, only, plan, read, refused, toy } from '../../test/doubles/relay-plans.ts'
import type { BodyFacts, RawHeaders } from '../mail/facts.ts'
import { reply } from '../mail/reply.ts'
import type { ConversionTarget, Hop } from './extension.ts'
import { type Conversion, type Convert, type Converted, convertedFields, type RelayMail } from './relay-mail.ts'

describe('conversion', () => {
  const EIGHT = 'Subject: x\r\n\r\n\xe9\r\n'
  const asked: ConversionTarget[] = []
  /** Says what it was asked for, in the body. */
  const converter: Convert = (target, mail) => {
    asked.push(target)
    const text = `Subject: x\r\n\r\n${target.encoding} ${target.maxLine} ${target.header} of ${mail.facts.encoding}\r\n`
    const facts: BodyFacts = {
      ...factsOf(text),
      encoding: target.encoding,
      eightBitHeader: target.header === 'raw' && mail.facts.eightBitHeader,
    }
    return {
      facts,
      broken: [],
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
  const takesAny = (hop: Hop): Hop => {
    hop.encodings.add('binary')
    hop.sendBody = async () => {}
    return hop
  }

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
    assert.match(await read(half.mail), /8bit 998 raw of binary/)
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
    ['a converter that cannot', () => reply(554, '5.6.3', 'It is sealed')],
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
    only(await plan(mail, hopWith([], takesAny), []))
    const made = only(await plan(mail, hopWith([]), [], { convert: converter }))
    assert.match(await read(made.mail), /7bit/)
  })

  test('lines that are too long are converted, unless the hop takes them as binary mail', async () => {
    const long = (octets: number) => outbound({ text: `Subject: x\r\n\r\n${'x'.repeat(octets)}\r\n` })
    const to = async (octets: number, set?: (hop: Hop) => unknown) =>
      /\d\w+ \d+ \w+ of|x+(?=\r\n$)/.exec(
        await read(only(await plan(long(octets), hopWith([], set), [], { convert: converter })).mail),
      )?.[0]
    assert.equal((await to(998))?.length, 998)
    assert.equal(await to(999), '7bit 998 ascii of')
    assert.equal(await to(999, takes8), '7bit 998 ascii of')
    assert.equal((await to(5000, takesAny))?.length, 5000)
    const short = (hop: Hop) => void hop.limits.set('line', 1000)
    assert.equal((await to(1000, short))?.length, 1000)
    assert.equal(await to(1001, short), '7bit 1000 ascii of')
    assert.equal(await to(1001, (hop) => short(takesAny(hop))), '7bit 1000 ascii of')
    // Without a converter they are tried, unless the hop said what it takes.
    assert.equal(only(await plan(long(2000), hopWith([]), [])).mail.facts.longestLine, 2000)
    assert.deepEqual(refused(await plan(long(1001), hopWith([], short), [])), ['10 554 5.6.3 otherHost'])
  })

  test('any octets: as they are where the hop takes binary bodies by their count', async () => {
    const mail = outbound({ text: 'Subject: x\r\n\r\na\0\r\xe9\n' })
    const made = only(await plan(mail, hopWith([], takesAny), [], { convert: converter }))
    assert.equal(await read(made.mail), await read(mail))
    const uncounted = (hop: Hop) => void hop.encodings.add('binary')
    assert.match(await read(only(await plan(mail, hopWith([], uncounted), [], { convert: converter })).mail), /7bit/)
    // Who takes any octets takes 8-bit ones.
    only(await plan(outbound({ text: EIGHT }), hopWith([], takesAny), []))
  })

  describe('header fields', () => {
    const utf8 = { utf8: true, unknown: false, fields: [{ name: 'Subject', depth: 0 }] }
    const unknown = { ...utf8, utf8: false, unknown: true }
    const both = { ...utf8, unknown: true }
    const withRaw = (rawHeaders?: RawHeaders): RelayMail => {
      const mail = outbound({ text: 'Subject: \xe9\r\n\r\nx\r\n' })
      const { rawHeaders: _own, ...facts } = mail.facts
      return { ...mail, facts: { ...facts, ...(rawHeaders ? { rawHeaders } : {}) } }
    }
    const takesUtf8 = (hop: Hop) => {
      takes8(hop)
      hop.takesUtf8Headers = true
    }

    for (const [what, raw, set, wanted] of [
      ['UTF-8 goes raw to who takes it', utf8, takesUtf8, undefined],
      ['UTF-8 is converted for an 8-bit hop', utf8, takes8, '8bit 998 ascii'],
      ['UTF-8 is converted for a hop of binary bodies', utf8, takesAny, '8bit Infinity ascii'],
      ['UTF-8 is converted for a 7-bit hop', utf8, () => {}, '7bit 998 ascii'],
      ['other octets go raw to an 8-bit hop', unknown, takes8, undefined],
      ['other octets are converted for a 7-bit hop', unknown, () => {}, '7bit 998 ascii'],
      ['UTF-8 beside other octets counts as UTF-8', both, takes8, '8bit 998 ascii'],
      ['what is there in mail without these facts goes raw to an 8-bit hop', undefined, takes8, undefined],
      ['what is there in mail without these facts is converted for a 7-bit hop', undefined, () => {}, '7bit 998 ascii'],
    ] as const) {
      test(what, async () => {
        asked.length = 0
        only(await plan(withRaw(raw), hopWith([], set), [], { convert: converter }))
        const targets = asked.map(({ encoding, maxLine, header }) => `${encoding} ${maxLine} ${header}`)
        assert.deepEqual(targets, wanted === undefined ? [] : [wanted])
      })
    }

    test('what cannot be done is told in the words of the converter', async () => {
      const convert = () => reply(554, '5.6.9', 'Raw UTF-8 in Subject')
      const made = await plan(withRaw(utf8), hopWith([], takes8), [], { convert })
      assert.deepEqual(refused(made), ['10 554 5.6.9 otherHost'])
      assert.match(made.unsent[0]?.reply.lines.join() ?? '', /^hop\.test does not take .*: Raw UTF-8 in Subject$/)
      assert.deepEqual(refused(await plan(withRaw(utf8), hopWith([], takes8), [])), ['10 554 5.6.9 otherHost'])
    })
  })

  test('lets go of what it holds when the mail was sent, or refused', async () => {
    const events: string[] = []
    const holding: Convert = async (target, mail, scope) => {
      scope.defer(async () => void events.push('let go'))
      const converted = (await converter(target, mail, scope)) as Converted
      return {
        ...converted,
        async *content() {
          yield* converted.content()
          events.push('read')
        },
      }
    }
    const script = (...lines: string[]) => ['S: 220 hop', 'C: EHLO me.test', 'S: 250 hop', ...lines].join('\n')
    const mail = outbound({ text: EIGHT })
    const send = async ({ send: one }: Talk) => {
      events.push(...(await one(mail)))
    }
    const transaction = [
      'C: MAIL FROM:<me@here.test>',
      'S: 250 ok',
      'C: RCPT TO:<a@there.test>',
      'S: 250 ok',
      'C: DATA',
    ]
    await withHop(script(...transaction, 'S: 354 go', 'C: …body', 'S: 250 ok'), [], send, { convert: holding })
    await withHop(script('C: MAIL FROM:<me@here.test>', 'S: 550 no'), [], send, { convert: holding })
    assert.deepEqual(events, ['read', 'let go', '10 250', 'let go', '10 550'])
  })

  test('is logged with the signatures it breaks, once for what is sent', async () => {
    const breaking: Convert = async (target, mail, scope) => ({
      ...((await converter(target, mail, scope)) as Converted),
      broken: ['a.test', 'b.test'],
    })
    const log = keptLog()
    await plan(outbound({ text: EIGHT }), hopWith(['EIGHT'], takes8), [eightBit], { convert: breaking, log })
    assert.deepEqual(log.events, [])
    await plan(outbound({ text: EIGHT }), hopWith([]), [eightBit], { convert: breaking, log })
    await plan(outbound({ text: EIGHT }), hopWith([]), [eightBit], { convert: converter, log })
    assert.deepEqual(
      log.events.map(({ event, fields }) => Object.assign({ event }, fields)),
      [
        {
          event: 'converted',
          id: 'ID1',
          hop: 'hop.test',
          port: 25,
          to: '7bit',
          'broken-signatures': ['a.test', 'b.test'],
        },
        { event: 'converted', id: 'ID1', hop: 'hop.test', port: 25, to: '7bit' },
      ],
    )
  })

  test('the log says what had to change, and nothing else', () => {
    const to = { encoding: '7bit', maxLine: 998, header: 'ascii' } as const
    const told = (text: string, done: Partial<Conversion> = {}) => {
      const { id: _, ...said } = convertedFields('ID1', {}, { of: factsOf(text), to, broken: [], ...done })
      return said
    }
    assert.deepEqual(told(`A: b\r\n\r\n${'x'.repeat(999)}\r\n`), { lines: 998 })
    assert.deepEqual(told(EIGHT), { to: '7bit' })
    assert.deepEqual(told(EIGHT, { headers: true, unsealed: true }), { to: '7bit', header: 'ascii', sealed: 'broken' })
    assert.deepEqual(told(EIGHT, { to: { ...to, encoding: '8bit' }, headers: true }), { header: 'ascii' })
  })

  test('larger than the hop takes: 5.3.4, after conversion and edits', async () => {
    const least = (octets: number) => (hop: Hop) => void hop.limits.set('octets', octets)
    const mail = outbound({ text: 'A: b\r\n\r\n12345\r\n' })
    only(await plan(mail, hopWith([], least(15)), []))
    assert.deepEqual(refused(await plan(mail, hopWith([], least(14)), [])), ['10 552 5.3.4 otherHost'])
    const extension = toy('L', { concerns: () => true, without: () => [{ do: 'prepend', field: ['X', 'y'] }] })
    assert.deepEqual(refused(await plan(mail, hopWith([], least(15)), [extension])), ['10 552 5.3.4 otherHost'])
    const { unsent } = await plan(outbound({ text: EIGHT }), hopWith([], least(14)), [eightBit], { convert: converter })
    assert.match(
      unsent[0]?.reply.lines[0] ?? '',
      /^hop\.test takes at most 14 octets, and the message has \d+ once it is converted$/,
    )
  })
})
