import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeText, encodeText } from './encoded-words.ts'

test('printable ASCII needs no encoding', () => {
  assert.equal(encodeText('Mail not delivered: 100 % = all?'), 'Mail not delivered: 100 % = all?')
  assert.equal(encodeText('é'), '=?UTF-8?B?w6k=?=')
})

test('encoded words are short, whole, and decode to what was said', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      const encoded = encodeText(text)
      assert.equal(decodeText(encoded), text)
      assert.match(encoded, /^[ -~]*$/)
      if (encoded === text) return
      for (const word of encoded.split(' ')) {
        assert.ok(word.length <= 75)
        assert.ok(Buffer.from(word.slice(10, -2), 'base64').toString().isWellFormed())
        assert.ok(!Buffer.from(word.slice(10, -2), 'base64').toString().includes('\ufffd') || text.includes('\ufffd'))
      }
    }),
    { numRuns: 300 },
  )
})

test('what others encoded is read, in their charset', () => {
  const octets = (text: string) => Buffer.from(text).toString('latin1')
  assert.equal(decodeText('=?UTF-8?Q?gr=C3=BCn_und?= =?utf-8*de?b?IHNjaMO2bg==?= !'), 'grün und schön !')
  assert.equal(decodeText('=?iso-8859-1?q?caf=E9?='), 'café')
  assert.equal(decodeText('=?koi8-r?B?8NLJ18XU?='), 'Привет')
  assert.equal(decodeText(octets('naïve')), 'naïve')
  assert.equal(decodeText('na\xefve'), 'na\ufffdve')
  for (const odd of ['=?x-none?q?a?=', '=?utf-8?x?a?=', '=?utf-8?q?a b?=', '=?=?=?', '=?utf-8?q?']) {
    assert.equal(decodeText(odd), odd)
  }
})

test('a long row of half encoded words is read in linear time', () => {
  const text = '=?utf-8?q?'.repeat(20_000)
  assert.equal(decodeText(text), text)
})
