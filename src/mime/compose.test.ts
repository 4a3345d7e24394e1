import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chooseBoundary, formatFields, messageId, multipart, quotedPrintable } from './compose.ts'
import { encodeText } from './encoded-words.ts'
import { readHeader } from './fields.ts'

const collect = async (source: AsyncIterable<Uint8Array>) =>
  Buffer.concat(await Array.fromAsync(source)).toString('latin1')

const decodeQuotedPrintable = (text: string): string =>
  text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

test('fields are folded, and text beyond ASCII goes out as UTF-8', () => {
  const fields = formatFields([
    ['To', 'jürgen@bücher.example'],
    ['Subject', 'word '.repeat(30)],
  ])
  assert.match(fields, /^To: jürgen@bücher\.example\r\nSubject: word /)
  assert.ok(fields.split('\r\n').every((line) => line.length <= 78))
  assert.throws(() => formatFields([['Subject', 'a\r\nBcc: b']]))
})

test('quoted-printable keeps every octet within 76 columns', () => {
  const piece = fc.constantFrom(
    'a',
    'word ',
    '=',
    ' ',
    '\t',
    '\r\n',
    '\r',
    '\n',
    '\0',
    '\xe9',
    '\xff',
    '.',
    'x'.repeat(70),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const octets = pieces.join('')
      const encoded = quotedPrintable(octets)
      assert.equal(decodeQuotedPrintable(encoded), octets)
      for (const line of encoded.split('\r\n')) {
        assert.ok(line.length <= 76)
        assert.match(line, /^[\t -~]*$/)
        assert.doesNotMatch(line, /[ \t]$/)
        assert.doesNotMatch(line, /=(?![0-9A-F]{2}|$)/)
      }
    }),
    { numRuns: 500 },
  )
})

test('a boundary never occurs in the texts it is chosen for', () => {
  const drawn = ['one', 'two', 'three'].values()
  const boundary = chooseBoundary(['x --=_one', 'y =_two'], () => drawn.next().value ?? 'none')
  assert.equal(boundary, '=_three')
  assert.match(chooseBoundary([]), /^=_[\w-]{24}$/)
})

test('message ids differ', () => {
  const one = messageId('ID1', 'mx.example.org')
  assert.match(one, /^<ID1\.[0-9a-f]{18}@mx\.example\.org>$/)
  assert.notEqual(one, messageId('ID1', 'mx.example.org'))
})

test('a streamed part keeps its octets, final line end or not', async () => {
  async function* streamed() {
    yield Buffer.from('\xe9 no ', 'latin1')
    yield Buffer.from('end', 'latin1')
  }
  const parts = [
    { fields: [['Content-Type', 'text/plain'] as const], content: 'hello\r\n' },
    { fields: [], content: streamed() },
  ]
  assert.equal(
    await collect(multipart('B', parts)),
    '--B\r\nContent-Type: text/plain\r\n\r\nhello\r\n\r\n--B\r\n\r\n\xe9 no end\r\n--B--\r\n',
  )
})

test('what is composed reads back', () => {
  const fields = formatFields([
    ['From', 'a@b'],
    ['Subject', encodeText('grün')],
  ])
  assert.deepEqual(readHeader(Buffer.from(fields)).values('subject'), ['=?UTF-8?B?Z3LDvG4=?='])
})
