import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asUtf8Xtext, fromUnitext, toUtf8Xtext } from './utf8-address.ts'

test('the three forms of an address (RFC 6533 section 3)', () => {
  assert.equal(
    toUtf8Xtext('用户+a=b\\c d@例え.jp'),
    '\\x{7528}\\x{6237}\\x{2B}a\\x{3D}b\\x{5C}c\\x{20}d@\\x{4F8B}\\x{3048}.jp',
  )
  assert.equal(fromUnitext('\\x{7528}户\\x{2b}a@例え.jp'), '用户+a@例え.jp')
  assert.equal(fromUnitext('用户@例え.jp'), '用户@例え.jp')
  assert.equal(fromUnitext('\\x{1F600}\\x{10FFFD}\\x{E9}@x'), '😀\u{10fffd}é@x')
  assert.equal(asUtf8Xtext('用\\x{6237}@x'), '\\x{7528}\\x{6237}@x')
})

test('what is none of them is left as it is, but for what is not ASCII', () => {
  // In order: characters that must be embedded, no code points, halves of pairs, ASCII that needs no embedding, controls.
  for (const text of [
    'a+b@x',
    'a=b@x',
    'a b',
    '\\x{}',
    '\\xE9',
    '\\x{110000}',
    '\\x{D800}',
    '\\x{41}',
    '\\x{0D}',
    '\\x{7F}',
    '\\x{85}',
    '"a\\b"@x',
  ]) {
    assert.equal(fromUnitext(text), undefined, text)
    assert.equal(asUtf8Xtext(text), text, text)
  }
  assert.equal(asUtf8Xtext('"a\\b"@例え.jp'), '"a\\b"@\\x{4F8B}\\x{3048}.jp')
})

test('property: every text without controls comes back from its ASCII form', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((one) => !/[\p{Cc}\p{Cs}]/u.test(one))
  fc.assert(
    fc.property(text, (address) => {
      const xtext = toUtf8Xtext(address)
      assert.match(xtext, /^[!-*,-<>-~]+$/)
      assert.equal(fromUnitext(xtext), address)
      assert.equal(asUtf8Xtext(xtext), xtext)
    }),
  )
})
