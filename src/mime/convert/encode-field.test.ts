import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { TARGETS } from '../../../test/corpus/messages.ts'
import { readContentType } from '../content-type.ts'
import { encodeField } from './encode-field.ts'
import { type ConversionRules, Unconvertible } from './rules.ts'

const RULES: ConversionRules = TARGETS['7bit-headers']

/** Fields are given as text: `utf8` as they would be in UTF-8, `latin1` in ISO 8859-1. */
const utf8 = (field: string, rules: Partial<ConversionRules> = {}): string =>
  latin1(Buffer.from(field).toString('latin1'), rules)

const latin1 = (field: string, rules: Partial<ConversionRules> = {}): string => {
  const name = /^[!-9;-~]+(?=:)/.exec(field)?.[0] ?? ''
  return encodeField(name, `${field}\r\n`, { ...RULES, ...rules }).slice(0, -2)
}

const refusal = (field: string, rules: Partial<ConversionRules> = {}): string => {
  try {
    return `not refused: ${latin1(field, rules)}`
  } catch (error) {
    assert(error instanceof Unconvertible)
    return `${error.status} ${error.why}`
  }
}

/** The octets that encoded words in a text stand for, one character for each; white space between two words is none. */
const decoded = (text: string): string =>
  text
    .replace(/\r\n(?=[ \t])/g, '')
    .replace(/(=\?[\w-]+\?[BQ]\?[^? ]*\?=)[ \t]+(?==\?[\w-]+\?[BQ]\?[^? ]*\?=)/g, '$1')
    .replace(/=\?[\w-]+\?([BQ])\?([^? ]*)\?=/g, (_, how: string, said: string) =>
      how === 'B'
        ? Buffer.from(said, 'base64').toString('latin1')
        : said
            .replaceAll('_', ' ')
            .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    )

const unfold = (text: string): string => text.replace(/\r\n(?=[ \t])/g, '')

test('a field does not grow beyond measure: what is encoded in very many places is refused', () => {
  const why = '5.6.3 A header field would have to be encoded in more than 5000 places'
  for (const field of [
    `To: ${'\xe9,'.repeat(30_000)}`,
    `To: ${'(\xe9'.repeat(20_000)}`,
    `Keywords: ${'\xe9,'.repeat(30_000)}`,
    `X-A: ${'\xe9 a '.repeat(16_000)}`,
    `References: ${'<\xe9@x> '.repeat(8000)}`,
    `Content-Type: a/b; ${'\xe9 '.repeat(8000)}`,
  ])
    assert.equal(refusal(field), why, field.slice(0, 30))
  assert.ok(latin1(`To: ${'\xe9 <a@b>, '.repeat(4999)}`).length < 5000 * 50)
  assert.ok(latin1(`X-A: ${'\xe9 '.repeat(30_000)}`).length < 5 * 60_000)
})

describe('texts', () => {
  test('what is clean stays octet for octet', () => {
    for (const field of ['Subject: hello', 'Subject:hello ', 'X:', 'To: "a b" <c@d>,\r\n\te@f', 'no field at all']) {
      assert.equal(latin1(field), field)
    }
    assert.equal(latin1('Subject: gr\xfc\xdfe', { header: 'raw' }), 'Subject: gr\xfc\xdfe')
  })

  test('only words that need it are encoded, as UTF-8 or as nobody knows what', () => {
    assert.equal(utf8('Subject: Grüße aus Bonn'), 'Subject: =?utf-8?B?R3LDvMOfZQ==?= aus Bonn')
    assert.equal(latin1('Subject: Gr\xfc\xdfe aus Bonn'), 'Subject: =?unknown-8bit?Q?Gr=FC=DFe?= aus Bonn')
    assert.equal(utf8('Subject:größer'), 'Subject: =?utf-8?B?Z3LDtsOfZXI=?=')
  })

  test('white space between encoded words goes into one of them, for a reader does not see it', () => {
    assert.equal(latin1('X-A: \xe9  \xe8 b'), 'X-A: =?unknown-8bit?Q?=E9__=E8?= b')
    assert.equal(latin1('X-A: \xe9\r\n\t\xe8'), `X-A: =?unknown-8bit?Q?=E9=09=E8?=`)
    assert.equal(
      latin1('X-A: =?utf-8?Q?a?= \xe9 =?utf-8?Q?b?='),
      'X-A: =?utf-8?Q?a?= =?unknown-8bit?Q?_=E9_?= =?utf-8?Q?b?=',
    )
  })

  test('no character is cut, and in unknown charsets no pair of octets', () => {
    const russian = utf8(`Subject: ${'Привет'.repeat(20)}`)
    for (const [, said] of russian.matchAll(/\?B\?([^?]*)\?=/g)) {
      assert.ok(
        !Buffer.from(said ?? '', 'base64')
          .toString()
          .includes('\ufffd'),
      )
    }
    const chinese = latin1(`Subject: ${'\xbb\xe1\xd2\xe9'.repeat(30)}`)
    for (const [, said] of chinese.matchAll(/\?Q\?([^?]*)\?=/g)) assert.equal((said?.length ?? 0) % 6, 0)
  })

  test('lines with encoded words are of 76 characters at most, whatever the name', () => {
    for (const name of ['X', 'Subject', 'X-Quite-A-Long-Name-For-A-Field', `X-${'Long-'.repeat(13)}`]) {
      const lines = utf8(`${name}: ${'größere Wörter '.repeat(20)}`).split('\r\n')
      assert.ok(lines.length > 3)
      for (const line of lines) assert.ok(line.length <= 76, line)
    }
  })

  test('NUL and a CR alone cannot stay either, a LF alone is refused', () => {
    assert.equal(latin1('Subject: a\0b c'), 'Subject: =?us-ascii?Q?a=00b?= c')
    assert.equal(latin1('Subject: a\r', { header: 'raw' }), 'Subject: =?us-ascii?Q?a=0D?=')
    assert.equal(latin1('Subject: \xe9 a\rb', { header: 'raw' }), 'Subject: \xe9 =?us-ascii?Q?a=0Db?=')
    assert.equal(refusal('Subject: a\nBcc: b'), '5.6.3 A line feed without carriage return in the header')
  })

  test('in fields on which the meaning of the body depends, they are refused', () => {
    for (const field of [
      'Content-Type: text/plain\r',
      'content-disposition: a\0',
      'MIME-Version: 1.0\r',
      'Content-Transfer-Encoding: 8bit\r',
    ]) {
      assert.match(refusal(field, { header: 'raw' }), /^5\.6\.3 A control character in the header, field \S+$/, field)
    }
  })

  test('UTF-8 is refused where it is not to be encoded, octets of unknown meaning are not', () => {
    const rules = { utf8Headers: 'refuse' } as const
    assert.equal(refusal('Subject: \xc3\xa9', rules), '5.6.9 UTF-8 in the header, field Subject')
    assert.equal(refusal('To: \xc3\xa9@x, \xc3\xa9 <a@b>', rules), '5.6.9 An address in the header is not ASCII')
    assert.equal(refusal('To: a@\xc3\xa9', rules), '5.6.9 UTF-8 in the header, field To')
    assert.equal(latin1('Subject: \xe9', rules), 'Subject: =?unknown-8bit?Q?=E9?=')
    assert.equal(refusal('Subject: \xc3\xa9', { ...rules, header: 'raw' }), 'not refused: Subject: \xc3\xa9')
  })

  test('a line that is no field becomes none', () => {
    assert.equal(latin1('h\xe9llo: x', { utf8Headers: 'refuse' }), '=?unknown-8bit?Q?h=E9llo=3A_x?=')
    assert.equal(utf8('größer', { utf8Headers: 'refuse' }), '=?utf-8?B?Z3LDtsOfZXI=?=')
    assert.equal(latin1(' \xe9 : x\r\n y: \xe8'), ' =?unknown-8bit?Q?=E9_=3A_x?=\r\n =?unknown-8bit?Q?y=3A_=E8?=')
  })

  test('whatever words there are, they are read as they were written', () => {
    const word = fc.constantFrom(
      'a',
      'Grüße',
      '\xe9',
      '\xff\xfe',
      '=?x?=',
      '=?utf-8?Q?a=C3=A9?=',
      '\0',
      '(',
      '_',
      'x'.repeat(70),
    )
    const gap = fc.constantFrom(' ', '  ', '\t', '\r\n ', ' \r\n\t')
    const start = fc.constantFrom('Subject: ', 'X:', `X-${'y'.repeat(60)}: `)
    fc.assert(
      fc.property(start, fc.array(fc.tuple(word, gap), { maxLength: 30 }), (name, pairs) => {
        const field = `${name}${pairs.flat().join('')}z`
        const raw = Buffer.from(field, fc.sample(fc.boolean(), 1)[0] ? 'utf8' : 'latin1').toString('latin1')
        const written = latin1(raw)
        assert.match(written, /^[\x01-\x7f]*$/)
        assert.equal(decoded(written).replace(/^[^:]*:[ ]*/, ''), decoded(unfold(raw)).replace(/^[^:]*:[ ]*/, ''))
        assert.ok(written.split('\r\n').every((line) => line.length <= 76 || !line.includes('=?unknown')))
        assert.equal(latin1(written), written)
      }),
      { numRuns: 500 },
    )
  })
})

describe('addresses', () => {
  test('phrases and comments are encoded, with white space around', () => {
    assert.equal(
      latin1('From: "M\xfcller, \\"Max\\"" <m@x>, Zo\xeb<z@x> (B\xfcro (\xe9)), plain <p@x>'),
      'From: =?unknown-8bit?Q?M=FCller=2C_=22Max=22?= <m@x>,\r\n =?unknown-8bit?Q?Zo=EB?= <z@x> ' +
        '(=?unknown-8bit?Q?B=FCro?=\r\n (=?unknown-8bit?Q?=E9?=)), plain <p@x>',
    )
    assert.equal(
      latin1('To: K\xfcche: a@b, \xc4 <c@d>;'),
      'To: =?unknown-8bit?Q?K=FCche?= : a@b, =?unknown-8bit?Q?=C4?= <c@d>;',
    )
    assert.equal(latin1('Reply-To: J.\xe9. "\xe8 x" y <a@b>'), 'Reply-To: =?unknown-8bit?Q?J=2E=E9=2E_=E8_x?= y <a@b>')
    assert.equal(latin1('Cc: J\xfcrgen'), 'Cc: =?unknown-8bit?Q?J=FCrgen?=')
    assert.equal(latin1('Keywords: \xd6l, gut'), 'Keywords: =?unknown-8bit?Q?=D6l?= , gut')
    assert.equal(latin1('List-Id: \xd6l <l.x>'), 'List-Id: =?unknown-8bit?Q?=D6l?= <l.x>')
  })

  test('a domain in U-labels has A-labels, and what is around it stays', () => {
    assert.equal(
      latin1('To: A <a@\xc3\xa9.x>, g: b (c) @ B\xc3\x9cCHER.x;, "q\\"@q"@x'),
      'To: A <a@xn--9ca.x>, g: b (c) @ xn--bcher-kva.x;, "q\\"@q"@x',
    )
  })

  test('an address that is not ASCII is refused, be it UTF-8 or not', () => {
    for (const value of [
      '\xe9@x',
      'a@\xe9',
      '<\xe9@x>',
      'a <"\xe9"@x>',
      '<a@[\xe9]>',
      'a <\xe9>',
      'g: \xe9@x;',
      '\xc3\xa9 (\xe9) @x',
      'a@\xe2\x98\x83.x',
    ]) {
      assert.equal(refusal(`To: ${value}`), '5.6.9 An address in the header is not ASCII', value)
    }
    assert.equal(refusal('To: a@b\r'), '5.6.3 A control character among addresses in the header')
    assert.equal(refusal('To: a\0 <a@b>', { header: 'raw' }), '5.6.3 A control character among addresses in the header')
  })

  test('in trace and identifiers, where there are no encoded words, they stand for tokens', () => {
    assert.equal(
      latin1('Received: from b\xfcro ([1.2.3.4] (\xe9)) by x'),
      'Received: from =?unknown-8bit?Q?b=FCro?= ([1.2.3.4]\r\n (=?unknown-8bit?Q?=E9?=)) by x',
    )
    assert.equal(latin1('References: <\xe9@x>'), 'References: <=?unknown-8bit?Q?=E9?=@x>')
  })

  test('however names and comments are put together, the addresses are the same', () => {
    const name = fc.constantFrom(
      'a',
      '"b c"',
      '\xe9',
      '"\xe9, \\"x"',
      'J.',
      '(c \xe9)',
      '(\\) (\xff))',
      ' ',
      '\r\n\t',
      '=?utf-8?Q?a?=',
    )
    const mailbox = fc
      .tuple(fc.array(name, { maxLength: 6 }), fc.constantFrom('<a@b.c>', ' <"x y"@z>', ''))
      .map(([names, address]) =>
        address === '' ? `d@e (${names.filter((one) => !/[()"]/.test(one)).join('')})` : names.join('') + address,
      )
    const addresses = (text: string) => text.match(/<[^>]*>|d@e/g)
    fc.assert(
      fc.property(fc.array(mailbox, { minLength: 1, maxLength: 5 }), (mailboxes) => {
        const field = `To: ${mailboxes.join(', ')}`
        const written = latin1(field)
        assert.match(written, /^[\x01-\x7f]*$/)
        assert.deepEqual(addresses(unfold(written)), addresses(unfold(field)))
        assert.equal(latin1(written), written)
      }),
      { numRuns: 500 },
    )
  })
})

describe('parameters', () => {
  test('values become extended ones (RFC 2231)', () => {
    assert.equal(
      utf8('Content-Disposition: attachment; filename="Grö\\"ße (1).pdf"; size=4'),
      "Content-Disposition: attachment;\r\n filename*=utf-8''Gr%C3%B6%22%C3%9Fe%20%281%29.pdf; size=4",
    )
    assert.equal(
      latin1('Content-Type: a/b; (\xe9) name=gr\xf6\xdfe'),
      "Content-Type: a/b; (=?unknown-8bit?Q?=E9?=) name*=unknown-8bit''gr%F6%DFe",
    )
    // Unquoted, though it should be.
    assert.equal(
      latin1('Content-Type: a/b; name=C:\\die \xe9 (2).txt ; x=y'),
      "Content-Type: a/b; name*=unknown-8bit''C%3A%5Cdie%20%E9%20%282%29.txt ; x=y",
    )
  })

  test('what is junk in a field and would become a parameter that counts is refused', () => {
    const why = '5.6.3 The field Content-Type would say something else once its octets above 127 are encoded'
    assert.equal(refusal('Content-Type: multipart/mixed; boundary \xe9; boundary=b'), why)
    assert.equal(refusal('Content-Type: multipart/mixed; \xe9"="x; boundary=y"; boundary=z'), why)
    assert.equal(refusal('Content-Type: text/plain; charset \xe9; charset=utf-8'), why)
    assert.equal(
      refusal('Content-Type: multipart/mixed; boundary="abc; name=\xe9'),
      '5.6.3 The boundary of a multipart is not ASCII',
    )
    assert.equal(
      refusal('Content-Transfer-Encoding: \xe9 base64'),
      'not refused: Content-Transfer-Encoding: =?unknown-8bit?Q?=E9?= base64',
    )
  })

  test('a comment behind a value is none of it', () => {
    assert.equal(
      latin1('Content-Type: text/plain; charset=utf-8 (\xe9) ; x=y'),
      'Content-Type: text/plain; charset=utf-8 (=?unknown-8bit?Q?=E9?=) ; x=y',
    )
    assert.equal(
      latin1('Content-Type: multipart/mixed; boundary=b(\xe9)'),
      'Content-Type: multipart/mixed; boundary=b(=?unknown-8bit?Q?=E9?=)',
    )
  })

  test('whatever a Content-Type is made of, what counts is read from it as before, or it is refused', () => {
    const piece = fc.constantFrom(
      ...['multipart/mixed', 'text/plain', ';', '; ', ' ', '\r\n ', '\t', 'boundary', '=', '"', 'b', 'boundary=b'],
      ...[
        'boundary="b c"',
        '\xe9',
        '\xa0',
        '\\',
        '(',
        ')',
        'charset',
        '*',
        '*0',
        '*1',
        "us-ascii''",
        '%41',
        '/',
        '[',
        '?',
      ],
    )
    const values = fc.array(piece, { maxLength: 14 }).map((pieces) => `multipart/mixed;${pieces.join('')}`)
    fc.assert(
      fc.property(values, (value) => {
        const field = `Content-Type: ${value}`
        if (refusal(field).startsWith('5.')) return
        const [before, after] = [value, latin1(field).slice(13)].map((text) => readContentType(text))
        for (const name of ['boundary', 'charset']) {
          assert.equal(after?.parameters.get(name), before?.parameters.get(name))
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('a name that is too long for sections is not repeated', () => {
    const name = 'n'.repeat(60)
    assert.equal(latin1(`Content-Type: a/b; ${name}=\xe9\xe9`), `Content-Type: a/b;\r\n ${name}*=unknown-8bit''%E9%E9`)
    const why = '5.6.3 A parameter in the header is not ASCII, and its name too long for RFC 2231'
    assert.equal(refusal(`Content-Type: a/b; ${name}=${'\xe9'.repeat(300)}`), why)
    assert.equal(refusal(`Content-Disposition: a; ${'n'.repeat(900)}=${'\xe9'.repeat(60_000)}`), why)
    const shorter = latin1(`Content-Type: a/b; ${'n'.repeat(34)}=${'\xe9'.repeat(60_000)}`)
    assert.ok(shorter.length < 8 * 60_000)
  })

  test('long ones are continued, all of a continued one is extended', () => {
    const name = 'ä'.repeat(60)
    const written = utf8(`Content-Type: application/pdf; name="${name}"`)
    for (const line of written.split('\r\n')) assert.ok(line.length <= 76)
    assert.equal(readContentType(written.slice(13)).parameters.get('name'), Buffer.from(name).toString('latin1'))
    assert.equal(
      latin1('Content-Type: a/b; name*0="ab c"; name*1="\xe9"; name*2*=%20x'),
      "Content-Type: a/b; name*0*=unknown-8bit''ab%20c; name*1*=%E9; name*2*=%20x",
    )
    assert.equal(latin1("Content-Type: a/b; name*=iso-8859-1''\xe9%20"), "Content-Type: a/b; name*=iso-8859-1''%E9%20")
  })

  test('what is no parameter stays none, and a boundary is refused', () => {
    assert.equal(
      latin1('Content-Type: text/pl\xe4n; charset=x'),
      'Content-Type: text/=?unknown-8bit?Q?pl=E4n?=; charset=x',
    )
    assert.equal(latin1('Content-Type: text/plain; \xe9=x'), 'Content-Type: text/plain; =?unknown-8bit?Q?=E9=3Dx?=')
    for (const boundary of ['boundary="\xe9"', "boundary*=x''\xe9", 'BOUNDARY*1=\xe9']) {
      assert.equal(
        refusal(`Content-Type: multipart/mixed; ${boundary}`),
        '5.6.3 The boundary of a multipart is not ASCII',
      )
    }
  })

  test('type and parameters are read as before', () => {
    const token = fc.constantFrom('name', 'filename', 'x', 'charset')
    const value = fc.constantFrom(
      'a',
      '"b; c"',
      '"\xe9"',
      '\xe9\xff',
      '"x \\" \xe9"',
      `"${'\xe4'.repeat(50)}"`,
      "a'b%41\xe9",
      '"[\xe9"',
      '[\xe9;',
    )
    const gap = fc.constantFrom('', ' ', '\r\n\t', ' (c) ', '(\xe9)')
    // One name twice is nobody's to understand.
    const all = fc.uniqueArray(fc.tuple(gap, token, value), { selector: ([, name]) => name })
    fc.assert(
      fc.property(all, (parameters) => {
        const field = `Content-Type: image/png${parameters.map(([space, name, said]) => `;${space}${name}=${said}`).join('')}; z=end`
        const written = latin1(field)
        const [before, after] = [readContentType(field.slice(13)), readContentType(written.slice(13))]
        assert.match(written, /^[\x01-\x7f]*$/)
        assert.equal(after.type, before.type)
        assert.deepEqual(new Map([...after.parameters].sort()), new Map([...before.parameters].sort()))
        assert.equal(latin1(written), written)
      }),
      { numRuns: 500 },
    )
  })
})
