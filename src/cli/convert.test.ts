import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { withLf } from '../mime/line-ends.ts'
import { openMessage } from './convert-input.ts'
import { main } from './main.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-convert-'))
after(() => rmSync(folder, { recursive: true }))

interface Ended {
  readonly code: number
  /** One character per octet. */
  readonly out: string
  readonly err: string
}

const convert = async (argv: readonly string[], input = ''): Promise<Ended> => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const stdin = Readable.from(input === '' ? [] : [Buffer.from(input, 'latin1')])
  const texts = [stdout, stderr].map(async (stream) => Buffer.concat(await stream.toArray()).toString('latin1'))
  const code = await main('smail', ['convert', ...argv], { stdin, stdout, stderr, env: {} })
  stdout.end()
  stderr.end()
  const [out = '', err = ''] = await Promise.all(texts)
  return { code, out, err }
}

const LABEL = 'MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n'
const LATIN = `Subject: x\n${LABEL}\ncaf\xe9\n`
const SEVEN = LATIN.replace('8bit', 'quoted-printable').replace('\xe9', '=E9')
const SIGNED = [
  'MIME-Version: 1.0',
  'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b',
  '',
  '--b',
  'Content-Transfer-Encoding: 8bit',
  '',
  'caf\xe9',
  '--b',
  'Content-Type: application/pgp-signature',
  '',
  'x',
  '--b--',
  '',
].join('\n')
const crlf = (text: string) => text.replaceAll('\n', '\r\n')

describe('lines end as they did', () => {
  for (const [what, input, wanted] of [
    ['LF', LATIN, SEVEN],
    ['CRLF', crlf(LATIN), crlf(SEVEN)],
    ['no last one', LATIN.slice(0, -1), SEVEN.slice(0, -1)],
    ['CRLF within a file of LF is text of that file', LATIN.replace('\xe9', '\xe9\r'), SEVEN.replace('=E9', '=E9=0D')],
    ['LF within a file of CRLF likewise', `${crlf(LATIN)}a\nb`, `${crlf(SEVEN)}a=0Ab`],
  ] as const) {
    test(what, async () => assert.deepEqual(await convert(['--to', '7bit'], input), { code: 0, out: wanted, err: '' }))
  }

  test('a first line end cut in two', async () => {
    // What is copied is read again in pieces of 64 KiB.
    const text = `A:${' x'.repeat(32_766)}x\r\n\r\n`
    assert.equal(text.indexOf('\n'), 65_536)
    await using message = await openMessage(Readable.from([Buffer.from(text)]))
    assert.equal(message.lineEnds, 'CRLF')
  })

  test('what needs nothing comes out as it went in, whatever it is', async () => {
    const words = fc.constantFrom('a', '\r', '\n', '\r\n', '\0', '\xe9', 'Subject: x\n')
    await fc.assert(
      fc.asyncProperty(fc.array(words, { maxLength: 20 }), fc.array(fc.nat(30)), async (parts, cuts) => {
        const text = parts.join('')
        const borders = [0, ...cuts.map((at) => at % (text.length + 1)).sort((a, b) => a - b), text.length]
        const pieces = borders.slice(1).map((end, at) => Buffer.from(text.slice(borders[at], end), 'latin1'))
        await using message = await openMessage(Readable.from(pieces))
        const back: Uint8Array[] = []
        const content = message.content()
        for await (const piece of message.lineEnds === 'LF' ? withLf(content) : content) back.push(Buffer.from(piece))
        assert.equal(Buffer.concat(back).toString('latin1'), text)
        const lf = text.indexOf('\n')
        assert.equal(message.lineEnds, lf >= 0 && text[lf - 1] !== '\r' ? 'LF' : 'CRLF')
      }),
    )
  })
})

test('from a file, from standard input by its name, from what can be read but once', async () => {
  const file = join(folder, 'latin.eml')
  writeFileSync(file, LATIN, 'latin1')
  assert.equal((await convert(['--to', '7bit', file])).out, SEVEN)
  assert.equal((await convert(['--to', '7bit', '-'], LATIN)).out, SEVEN)
  assert.equal((await convert(['--to', '7bit'], '')).out, '')
  const large = `${LATIN}${'\xe9'.repeat(70)}\n`.repeat(3000)
  writeFileSync(file, large, 'latin1')
  assert.equal((await convert(['--to', '7bit', file])).out, (await convert(['--to', '7bit'], large)).out)
})

test('text without a header is sent behind one, and so it is converted', async () => {
  const added = SEVEN.slice(SEVEN.indexOf('MIME'), SEVEN.indexOf('caf')).replace('iso-8859-1', 'unknown-8bit')
  for (const text of ['caf\xe9\n', ' caf\xe9\n', '\ncaf\xe9\n', '\xef\xbb\xbfSubject: x\n\ncaf\xe9\n']) {
    const { code, out } = await convert(['--to', '7bit'], text)
    assert.deepEqual([code, out.slice(0, added.length)], [0, added])
    assert.match(out, /caf=E9\n$/)
    assert.equal((await convert(['--to', '7bit'], out)).out, out)
  }
  assert.equal((await convert(['--to', '7bit'], 'no header\n')).out, 'no header\n')
})

test('to 8bit: only what is binary, too long, or UTF-8 in a header', async () => {
  assert.equal((await convert(['--to', '8bit'], LATIN)).out, LATIN)
  const raw = LATIN.replace('x', '\xe9')
  assert.equal((await convert(['--to', '8bit'], raw)).out, raw)
  assert.match((await convert(['--to', '8bit'], LATIN.replace('\xe9', '\0'))).out, /^caf=00$/m)
  const utf8 = LATIN.replace('x', '\xc3\xa9')
  const refused = await convert(['--to', '8bit'], utf8)
  assert.deepEqual([refused.code, refused.out], [65, ''])
  assert.match(refused.err, /^smail: 5\.6\.9 /)
  const encoded = await convert(['--to', '8bit', '--headers', 'encode'], utf8)
  assert.match(encoded.out, /^Subject: =\?utf-8\?/im)
  assert.match(encoded.out, /^caf\xe9$/m)
})

test('signed mail: refused with its reason, unless signatures may break', async () => {
  const refused = await convert(['--to', '7bit'], SIGNED)
  assert.deepEqual([refused.code, refused.out], [65, ''])
  assert.match(refused.err, /^smail: 5\.6\.3 .*signed/)
  assert.equal((await convert(['--to', '7bit', '--signed', 'convert'], SIGNED)).code, 0)
})

test('--explain: each part in a line, and what the whole becomes', async () => {
  const text = [
    'DKIM-Signature: v=1; d=a.test; s=s; h=from; bh=x; b=y',
    'Subject: \xe9',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Transfer-Encoding: 8bit',
    '',
    'pre\xe9',
    '--b',
    'Content-Type: text/plain',
    'Content-Transfer-Encoding: 8bit',
    '',
    'caf\xe9',
    '--b',
    'Content-Type: image/png',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--b--',
    '',
  ].join('\n')
  const { code, out, err } = await convert(['--to', '7bit', '--explain'], text)
  assert.deepEqual([code, err], [0, ''])
  assert.deepEqual(out.replace(/\d+ octets/g, 'N octets').split('\n'), [
    'multipart/mixed, 8bit: kept; labelled 7bit; header fields encoded or folded: Subject',
    '  preamble of multipart/mixed, N octets: quoted; octets above 127',
    '  text/plain, 8bit, N octets: quoted-printable; octets above 127',
    '  image/png, base64, N octets: kept',
    'It has N octets then, with CRLF at line ends; breaks the signatures of a.test.',
    '',
  ])
  assert.equal(
    (await convert(['--to', '8bit', '--explain'], LATIN)).out,
    'text/plain, 8bit, 6 octets: kept\nIt can go as it is.\n',
  )
  const refused = await convert(['--to', '7bit', '--explain'], SIGNED)
  assert.equal(refused.code, 65)
  assert.match(refused.out, /: refused; .*signed.*\n$/)
  assert.match(refused.err, /^smail: 5\.6\.3 /)
})

test('nothing of a message reaches the terminal but its own octets when they are asked for', async () => {
  const text = 'MIME-Version: 1.0\nContent-Type: text/pl\x1bain\nContent-Transfer-Encoding: x-\x1b[2J\n\n\xe9\n'
  for (const argv of [
    ['--to', '7bit', '--explain'],
    ['--to', '7bit'],
  ]) {
    const { out, err } = await convert(argv, text)
    assert.doesNotMatch(out + err, /\x1b/)
  }
})

for (const [what, argv, code, told] of [
  ['no target', [], 64, /--to is missing/],
  ['a target that is none', ['--to', '9bit'], 64, /--to is '9bit'; expected one of 7bit, 8bit/],
  ['a word of another option', ['--to', '7bit', '--signed', 'refuse'], 64, /expected one of bounce, convert/],
  ['two files', ['--to', '7bit', 'a', 'b'], 64, /one file at a time/],
  ['a file that is not there', ['--to', '7bit', '/nowhere/x'], 66, /nowhere/],
  ['a folder', ['--to', '7bit', '/'], 74, /: it is a folder/],
] as const) {
  test(`${what}: said, exit ${code}`, async () => {
    const ended = await convert(argv)
    assert.deepEqual([ended.code, ended.out], [code, ''])
    assert.match(ended.err, told)
  })
}
