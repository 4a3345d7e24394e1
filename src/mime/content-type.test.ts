import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readContentType, readTransferEncoding } from './content-type.ts'

const read = (value: string) => {
  const { type, parameters } = readContentType(value)
  return [type, Object.fromEntries(parameters)]
}
const boundary = (value: string) => readContentType(`multipart/mixed;${value}`).parameters.get('boundary')

test('types and parameters, in any case, folded, with comments (RFC 2045 5.1)', () => {
  assert.deepEqual(read(' text/plain; charset=us-ascii (Plain text)\r\n'), ['text/plain', { charset: 'us-ascii' }])
  assert.deepEqual(read(' TEXT/Plain; CharSet="US-ASCII"'), ['text/plain', { charset: 'US-ASCII' }])
  assert.deepEqual(read(' multipart/mixed;\r\n\tboundary="a\r\n b" ;\r\n x=y'), [
    'multipart/mixed',
    { boundary: 'a b', x: 'y' },
  ])
  assert.deepEqual(read('(a (b) \\) c) message (;) / (=) rfc822 (x); (y) a (z) = (") b (")'), [
    'message/rfc822',
    { a: 'b' },
  ])
  assert.equal(readContentType('Multipart/Mix@d; x').type, 'multipart/mix@d')
  assert.deepEqual(read('image/svg+xml;;a=b;'), ['image/svg+xml', { a: 'b' }])
})

test('what cannot be read is text/plain (RFC 2045 5.2), its parameters are read all the same', () => {
  for (const odd of [
    '',
    ' ',
    'text',
    'text/',
    '/plain',
    'text/plain/x',
    'te xt/plain',
    'text/pl ain',
    'te"xt/plain',
    '(text/html',
    '"text/html"',
  ]) {
    assert.equal(readContentType(odd).type, 'text/plain', odd)
  }
  assert.deepEqual(read('multipart; boundary=x'), ['text/plain', { boundary: 'x' }])
})

test('boundaries as they are met', () => {
  assert.equal(boundary('boundary=simple'), 'simple')
  assert.equal(boundary(' BOUNDARY = "gc0pJq0M:08jU534c0p"'), 'gc0pJq0M:08jU534c0p')
  // Unquoted, though its characters ask for quotes.
  assert.equal(boundary('boundary=----=_Part_1.2:3/4?'), '----=_Part_1.2:3/4?')
  assert.equal(boundary('boundary=two words ; x=y'), 'two words')
  assert.equal(boundary('boundary=abc(a comment)'), 'abc')
  assert.equal(boundary('boundary="a\\"b\\\\c;d(e)"; x=y'), 'a"b\\c;d(e)')
  assert.equal(boundary('boundary="without end; x=y'), 'without end; x=y')
  assert.equal(boundary('boundary="without end\\'), 'without end')
  assert.equal(boundary('boundary="quoted"more; x=y'), 'quoted')
  assert.equal(boundary('boundary=first; boundary=second'), 'first')
  assert.equal(boundary('boundary=""'), '')
  assert.equal(boundary('boundary='), '')
  assert.equal(boundary('boundary'), undefined)
  assert.equal(boundary('x="a; boundary=b"'), undefined)
  assert.equal(boundary('boundary=voil\xc3\xa0'), 'voil\xc3\xa0')
})

test('parameters in sections, and encoded (RFC 2231)', () => {
  assert.equal(boundary('boundary*0=one; boundary*1="two"'), 'onetwo')
  assert.equal(boundary('boundary*1=two; boundary*0=one'), 'onetwo')
  assert.equal(boundary("boundary*=us-ascii'en'a%20b%C3%a9"), 'a b\xc3\xa9')
  assert.equal(boundary("boundary*0*=''a%3D; boundary*1=%3D; boundary*2*=%3d'x"), "a=%3D='x")
  assert.equal(boundary('boundary*0=a; boundary*2=c'), 'a')
  assert.equal(boundary('boundary*1=b'), '')
  assert.equal(boundary('boundary*0=sections; boundary=plain'), 'plain')
  assert.equal(boundary("boundary*=''%zz%4"), '%zz%4')
  assert.equal(boundary('boundary*=%41'), 'A')
})

test('the first word, without comments', () => {
  assert.equal(readTransferEncoding(' Quoted-Printable (why not)\r\n'), 'quoted-printable')
  assert.equal(readTransferEncoding(' (8bit) 7bit'), '7bit')
  assert.equal(readTransferEncoding('\r\n\t8BIT;x'), '8bit')
  assert.equal(readTransferEncoding('(never ends 7bit'), '')
  assert.equal(readTransferEncoding(''), '')
})

test('labels that are none but can mean nothing else mean 8bit or 7bit, others stay what they are', () => {
  for (const label of ['"8bit"', '8-bit', '8 bit', '8BITS', 'utf-8', 'UTF8', '"utf-8"', 'iso-8859-1', 'us-ascii'])
    assert.equal(readTransferEncoding(` ${label}\r\n`), '8bit', label)
  assert.equal(readTransferEncoding('7-bit (of course)'), '7bit')
  for (const label of ['x-uuencode', '"base64"', '8bitter', '16bit', 'utf-8x'])
    assert.equal(readTransferEncoding(label), label)
})

test('an octet above 127 is no white space, nor the end of a name', () => {
  assert.deepEqual(read('a/b; x\xa0y=1; boundary=z'), ['a/b', { 'x\xa0y': '1', boundary: 'z' }])
})

test('names like those of Object are just names', () => {
  assert.equal(readContentType('a/b; __proto__=c').parameters.get('__proto__'), 'c')
})

test('any text is read in linear time', () => {
  for (const one of [
    '(',
    ')',
    ';',
    '"',
    '\\',
    'a=',
    ';a=',
    '";',
    '(;',
    ' ',
    ';a*0=',
    '\\"',
    '"a" ',
    '()',
    '; a*0*=%41%',
  ]) {
    readContentType(`multipart/mixed;${one.repeat(65_536)}`)
    readContentType(`multipart/mixed;x=${one.repeat(65_536)}`)
    readTransferEncoding(one.repeat(65_536))
  }
})

test('a quoted boundary reads back, whatever characters it has', () => {
  const character = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code))
  const text = fc.string({ unit: character.filter((one) => !'\r\n'.includes(one)), maxLength: 80 })
  fc.assert(
    fc.property(text, (wanted) => {
      assert.equal(boundary(` boundary="${wanted.replace(/["\\]/g, '\\$&')}"; a=b`), wanted)
    }),
  )
})

test('of a thousand parameters more are not read, and that is told', () => {
  const many = (count: number) => readContentType(`multipart/mixed${';a=b'.repeat(count)}; boundary=b`)
  assert.deepEqual([many(999).parameters.get('boundary'), many(999).cut], ['b', false])
  assert.deepEqual([many(1000).parameters.get('boundary'), many(1000).cut], [undefined, true])
})
