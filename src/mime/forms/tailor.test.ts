import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import iconv from 'iconv-lite'
import { Questions } from '../../mail/features/match-filter.ts'
import { readFilter } from '../../mail/features/read-filter.ts'
import { inspector } from '../inspect.ts'
import { charsetConverter } from './charset-converter.ts'
import { CannotConvert, type ContentConverter } from './content-converter.ts'
import { formOf } from './form.ts'
import { tailor } from './tailor.ts'

const NOW = Date.UTC(2001, 6, 3, 8, 52, 37)

const memory = () => {
  let octets = Buffer.alloc(0)
  return {
    async write(piece: Uint8Array, at: number) {
      assert.equal(at, octets.length)
      octets = Buffer.concat([octets, piece])
    },
    read: async (at: number, length: number) => octets.subarray(at, at + length),
  }
}

const collect = async (content: AsyncIterable<Uint8Array>): Promise<string> =>
  Buffer.concat(await Array.fromAsync(content)).toString('latin1')

/** What comes of a message, one character per octet. */
const tailored = async (
  text: string,
  capabilities: string,
  converters: readonly ContentConverter[] = [charsetConverter()],
  step = 7,
  questions = new Questions(),
): Promise<string> => {
  async function* content() {
    const octets = Buffer.from(text, 'latin1')
    for (let at = 0; at < octets.length; at += step) yield octets.subarray(at, at + step)
  }
  const options = { converters, scratch: memory(), by: 'relay.example.com', now: NOW, questions }
  const made = await tailor(content, readFilter(capabilities), options)
  if (made.is === 'impossible') return `impossible: ${made.why}`
  if (made.is === 'asIs') return 'as is'
  const result = await collect(made.content())
  assert.equal(await collect(made.content()), result, 'replayable')
  const look = inspector({ maxHeader: 65_536 })
  look.write(Buffer.from(result, 'latin1'))
  assert.deepEqual(made.facts, look.end().facts)
  return [...made.broken.map((domain) => `breaks ${domain}\r\n`), result].join('')
}

const utf8 = (text: string): string => Buffer.from(text).toString('latin1')
const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join('')

const GERMAN = lines(
  'DKIM-Signature: v=1; d=here.test; h=from; b=x',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; format=flowed; charset="UTF-8"',
  'Content-Transfer-Encoding: 8bit',
  'Content-Convert: ANY',
  'Content-Features: (charset=utf-8)',
  'Subject: x',
  '',
  utf8('Grüße'),
)

test('text is given a charset that the recipient takes, and what was done is recorded', async () => {
  assert.equal(
    await tailored(GERMAN, '(charset=[us-ascii,iso-8859-1])'),
    lines(
      'breaks here.test',
      'DKIM-Signature: v=1; d=here.test; h=from; b=x',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; format=flowed; charset=iso-8859-1',
      'Content-Convert: ANY',
      'Subject: x',
      'Content-Transfer-Encoding: 8bit',
      'Content-Previous: Date Tue, 3 Jul 2001 08:52:37 +0000;',
      ' By relay.example.com;',
      ' (&(type="text/plain")(charset=utf-8))',
      'Content-Features: (&(type="text/plain")(charset=iso-8859-1))',
      '',
      'Gr\xfc\xdfe',
    ),
  )
})

test('what the recipient takes stays as it is, octet for octet', async () => {
  for (const taken of ['(charset=[utf-8])', '(type=["text/plain","text/html"])', '(!(charset=koi8-r))']) {
    assert.equal(await tailored(GERMAN, taken), 'as is')
  }
  const ascii = lines('Subject: x', '', 'Hello')
  assert.equal(await tailored(ascii, '(charset=[utf-8])'), 'as is', 'ASCII is UTF-8, too')
  assert.equal(await tailored(ascii, '(charset=[iso-8859-5])'), 'as is')
  assert.match(await tailored(ascii, '(charset=[utf-16])'), /^impossible/)
})

test('nothing is converted that its originator does not permit to be', async () => {
  const with_ = (convert: string) => GERMAN.replace('Content-Convert: ANY\r\n', convert)
  const latin = '(charset=[iso-8859-1])'
  assert.equal(
    await tailored(with_(''), latin),
    'impossible: text/plain in utf-8: its originator does not say what may be made of it',
  )
  assert.equal(
    await tailored(with_('Content-Convert: none\r\n'), latin),
    'impossible: text/plain in utf-8: its originator permits no conversion',
  )
  assert.equal(
    await tailored(with_('Content-Convert: anything\r\n'), latin),
    'impossible: text/plain in utf-8: what its originator permits cannot be read',
  )
  assert.match(await tailored(with_('Content-Convert: ANY\r\nContent-Convert: ANY\r\n'), latin), /does not say/)
  assert.equal(
    await tailored(with_('Content-Convert: (charset=[utf-8,us-ascii])\r\n'), latin),
    'impossible: text/plain in utf-8: no form is known that it could be given and is permitted and taken',
  )
  assert.match(
    await tailored(with_('Content-Convert:\r\n (|(charset=us-ascii)\r\n  (charset=[iso-8859-1]))\r\n'), latin),
    /charset=iso-8859-1\r\n/,
  )
})

test('a character that a charset has not rules it out, and the next is tried', async () => {
  assert.equal(
    await tailored(GERMAN, '(charset=[us-ascii])'),
    'impossible: text/plain in utf-8: The text has characters that us-ascii has not',
  )
  const euro = GERMAN.replace(utf8('Grüße'), utf8('10 €'))
  assert.match(
    await tailored(euro, '(charset=[us-ascii,iso-8859-1,iso-8859-15])'),
    /charset=iso-8859-15\r\n[\s\S]*10 \xa4\r\n$/,
  )
  const wrong = GERMAN.replace(utf8('Grüße'), 'Gr\xfc\xdfe')
  assert.match(await tailored(wrong, '(charset=[iso-8859-1])'), /has octets that are none of it$/)
})

test('transfer encodings are undone and done anew', async () => {
  const quoted = GERMAN.replace('8bit', 'quoted-printable').replace(utf8('Grüße'), 'Gr=C3=BC=C3=9F=\r\ne')
  assert.match(
    await tailored(quoted, '(charset=iso-8859-1)'),
    /Encoding: quoted-printable\r\n[\s\S]*\r\n\r\nGr=FC=DFe\r\n$/,
  )
  const base64 = GERMAN.replace('8bit', 'BASE64').replace(utf8('Grüße'), Buffer.from('Привет\r\n').toString('base64'))
  assert.match(
    await tailored(base64, '(charset=koi8-r)'),
    new RegExp(`Encoding: base64\r\n[\\s\\S]*\r\n\r\n${iconv.encode('Привет\r\n', 'koi8-r').toString('base64')}\r\n$`),
  )
  const plain = GERMAN.replace(utf8('Grüße'), 'Hello')
  assert.match(await tailored(plain, '(charset=us-ascii)'), /Encoding: 7bit\r\n[\s\S]*\r\n\r\nHello\r\n$/)
  const japanese = GERMAN.replace('"UTF-8"', 'ISO-2022-JP')
    .replace('8bit', '7bit')
    .replace('(charset=utf-8)', '(charset=iso-2022-jp)')
    .replace(utf8('Grüße'), '\x1b$B$3$s\x1b(B')
  assert.match(await tailored(japanese, '(charset=utf-8)'), /quoted-printable|base64/)
  assert.match(
    await tailored(GERMAN.replace('8bit', 'x-uuencode'), '(charset=koi8-r)'),
    /its transfer encoding is not known$/,
  )
  assert.match(
    await tailored(
      GERMAN.replace('"UTF-8"', 'x-martian').replace('Features: (charset=utf-8)', 'Features: (x=1)'),
      '(charset=koi8-r)',
    ),
    /no form is known/,
  )
})

const PARTS = lines(
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Convert: ANY',
  '',
  'Hello',
  '--b',
  'Content-Type: text/html; charset=iso-8859-1',
  'Content-Transfer-Encoding: base64',
  'Content-Convert: (&(type="text/html")(charset=utf-8))',
  'Content-Previous: Date Tue, 3 Jul 2001 08:52:37 +0000; By before.test; (charset=koi8-r)',
  '',
  Buffer.from('<p>fünf', 'latin1').toString('base64'),
  '--b--',
)

test('each part has its own say, and its history is added to', async () => {
  assert.equal(
    await tailored(PARTS, '(charset=[us-ascii,utf-8])'),
    PARTS.replace('iso-8859-1', 'utf-8')
      .replace('Content-Transfer-Encoding: base64\r\n', '')
      .replace(
        'koi8-r)\r\n',
        lines(
          'koi8-r)',
          'Content-Transfer-Encoding: quoted-printable',
          'Content-Previous: Date Tue, 3 Jul 2001 08:52:37 +0000;',
          ' By relay.example.com;',
          ' (&(type="text/html")(charset=iso-8859-1))',
          'Content-Features: (&(type="text/html")(charset=utf-8))',
        ),
      )
      .replace(Buffer.from('<p>fünf', 'latin1').toString('base64'), '<p>f=C3=BCnf'),
  )
})

test('signed and encrypted parts, and enclosed messages, are never converted', async () => {
  const inside = (type: string, part: string) =>
    lines('MIME-Version: 1.0', `Content-Type: ${type}; boundary=b`, '', '--b', part, '--b--')
  const latin = '(charset=iso-8859-1)'
  assert.match(await tailored(inside('multipart/signed', GERMAN), latin), /: it is signed or encrypted$/)
  assert.match(await tailored(inside('multipart/encrypted', GERMAN), latin), /: it is signed or encrypted$/)
  const enclosed = inside('multipart/mixed', `Content-Type: message/rfc822\r\n\r\n${GERMAN}`)
  assert.match(await tailored(enclosed, latin), /: it belongs to an enclosed message$/)
  const closed = inside('multipart/mixed; x=y\r\nContent-Convert: NONE\r\nX-Y: z', GERMAN)
  assert.match(
    await tailored(closed.replace('X-Y: z; boundary=b\r\n', '').replace('x=y', 'boundary=b'), latin),
    /permits no conversion of what it is in$/,
  )
  const smime = lines('Content-Type: application/pkcs7-mime', 'Content-Convert: ANY', '', 'x')
  assert.match(await tailored(smime, '(type="text/plain")'), /^impossible: application\/pkcs7-mime: it is signed/)
})

test('a message without MIME fields becomes one that has them', async () => {
  const bare = lines('Subject: x', 'Content-Convert: ANY', '', 'Hello')
  const made = await tailored(bare, '(&(charset=utf-16)(charset=us-ascii))')
  assert.match(made, /^impossible/)
  const upper = await tailored(bare, '(type="text/loud")', [loud()])
  assert.equal(
    upper,
    lines(
      'Subject: x',
      'Content-Convert: ANY',
      'Content-Type: text/loud',
      'MIME-Version: 1.0',
      'Content-Transfer-Encoding: 7bit',
      'Content-Previous: Date Tue, 3 Jul 2001 08:52:37 +0000;',
      ' By relay.example.com;',
      ' (&(type="text/plain")(charset=us-ascii))',
      'Content-Features: (&(charset=us-ascii)(type="text/loud"))',
      '',
      'HELLO',
    ),
  )
})

/** A converter as a plug-in would be one: it waits, it may fail, and it is told when it is over. */
const loud = (closed: string[] = [], fails = ''): ContentConverter => ({
  name: 'loud',
  targets: () =>
    ['text/loud', 'text/louder'].map((type) => formOf(type, undefined, type, readFilter(`(type="${type}")`))),
  open: (_from, to) => ({
    write: async (octets) => {
      if (to.type === fails) throw new CannotConvert('too quiet')
      return Buffer.from(Buffer.from(octets).toString('latin1').toUpperCase(), 'latin1')
    },
    end: async () => Buffer.from(to.type === 'text/louder' ? '!\r\n' : ''),
    close: () => void closed.push(to.type),
  }),
})

test('a converter from elsewhere may wait and fail, and is always told when it is over', async () => {
  const closed: string[] = []
  const both = '(type=["text/loud","text/louder"])'
  assert.match(
    await tailored(GERMAN.replace(utf8('Grüße'), 'hello'), both, [loud(closed, 'text/loud')]),
    /HELLO\r\n!\r\n$/,
  )
  assert.deepEqual(closed, ['text/loud', 'text/louder', 'text/louder'])
  await assert.rejects(
    tailored(GERMAN, both, [
      {
        ...loud(),
        open: () => ({
          write: () => {
            throw new TypeError('a fault')
          },
          end: () => Buffer.alloc(0),
        }),
      },
    ]),
    TypeError,
  )
})

test('charsets there and back lose nothing, however the text is cut', async () => {
  const charsets = fc.constantFrom(
    'iso-8859-1',
    'windows-1251',
    'koi8-r',
    'gb18030',
    'shift_jis',
    'euc-kr',
    'big5',
    'utf-8',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme' }),
      charsets,
      fc.integer({ min: 1, max: 50 }),
      async (text, charset, step) => {
        const body = text.replace(/[\r\n\0\ufffd\ufeff]/g, '')
        const encoded = iconv.encode(body, charset)
        const possible = iconv.decode(encoded, charset) === body
        const mail = (octets: Buffer, from: string) =>
          lines(
            'MIME-Version: 1.0',
            `Content-Type: text/plain; charset=${from}`,
            'Content-Transfer-Encoding: base64',
            'Content-Convert: ANY',
            '',
            octets.toString('base64'),
          )
        if (charset === 'utf-8') return
        const made = await tailored(mail(Buffer.from(body), 'utf-8'), `(charset="${charset}")`, undefined, step)
        assert.equal(!made.startsWith('impossible'), possible, made)
        if (!possible) return
        const result = made.slice(made.indexOf('\r\n\r\n') + 4)
        const label = /Encoding: (\S+)/.exec(made)?.[1]
        const octets =
          label === 'base64'
            ? Buffer.from(result, 'base64')
            : Buffer.from(
                label === '7bit'
                  ? result
                  : result
                      .replace(/=\r\n/g, '')
                      .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
                'latin1',
              )
        assert.deepEqual(octets, encoded)
      },
    ),
    { numRuns: 60 },
  )
})

test('a long text passes in pieces, and more parts than are worth it are left alone', async () => {
  const long = lines(...Array.from({ length: 20_000 }, (_, at) => utf8(`Zeile ${at}: Grüße`)))
  const made = await tailored(GERMAN.replace(`${utf8('Grüße')}\r\n`, long), '(charset=iso-8859-1)', undefined, 10_000)
  const body = made.slice(made.indexOf('\r\n\r\n') + 4)
  assert.equal(body, iconv.encode(Buffer.from(long, 'latin1').toString(), 'iso-8859-1').toString('latin1'))
  const part = lines('--b', 'Content-Type: text/plain; charset=utf-8', 'Content-Convert: ANY', '', utf8('ü'))
  const many = `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(1001)}--b--\r\n`
  assert.match(await tailored(many, '(charset=iso-8859-1)', undefined, 10_000), /^impossible: Too many parts/)
})

test('a filter that is hard to satisfy is looked into once for each form, and not for ever', async () => {
  const part = (at: number) =>
    lines('--b', `Content-Type: text/x-${at}; charset=utf-8`, 'Content-Convert: ANY', '', 'x')
  const message = (parts: readonly string[]) =>
    lines('MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b', '', `${parts.join('')}--b--`)
  // Some 1,000 ways lead nowhere before the last is found to be open.
  const pairs = Array.from({ length: 9 }, (_, at) => `(|(a${at}=1)(a${at}=2))`).join('')
  const hard = `(|(&${pairs}(b=[0,1])(!(b=0))(!(b=1)))(c=1))`
  const same = new Questions()
  const alike = message(Array.from({ length: 200 }, () => part(0)))
  assert.equal(await tailored(alike, hard, undefined, 10_000, same), 'as is')
  assert.ok(same.steps <= 20_000, String(same.steps))
  const all = new Questions()
  const unlike = message(Array.from({ length: 200 }, (_, at) => part(at)))
  assert.equal(
    await tailored(unlike, hard, undefined, 10_000, all),
    'impossible: What its parts would have to become is too hard to find out',
  )
  assert.equal(all.steps, 100_000)
})

test('no more than some names of charsets are looked up', async () => {
  const names = (count: number) => Array.from({ length: count }, (_, at) => `x-${at},`).join('')
  assert.match(await tailored(GERMAN, `(charset=[${names(60)}koi8-u,iso-8859-15])`), /^impossible.*koi8-u has not$/)
  assert.match(await tailored(GERMAN, `(charset=[${names(59)}koi8-u,iso-8859-15])`), /charset=iso-8859-15/)
  assert.match(await tailored(GERMAN, `(charset=[${names(61)}koi8-u])`), /^impossible.*no form is known/)
})
