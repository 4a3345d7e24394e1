import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { saslPrep } from './saslprep.ts'

test('the examples of RFC 4013 section 3', () => {
  assert.equal(saslPrep('I\u00adX'), 'IX')
  assert.equal(saslPrep('user'), 'user')
  assert.equal(saslPrep('USER'), 'USER')
  assert.equal(saslPrep('\u00aa'), 'a')
  assert.equal(saslPrep('\u2168'), 'IX')
  assert.equal(saslPrep('\u0007'), undefined)
  assert.equal(saslPrep('\u06271'), undefined)
})

test('spaces are spaces, some characters are nothing, and composed is decomposed', () => {
  assert.equal(saslPrep('a\u00a0b\u3000c'), 'a b c')
  assert.equal(saslPrep('\u00ad\ufeff'), undefined)
  assert.equal(saslPrep('bu\u0308ro'), 'büro')
  assert.equal(saslPrep('ＡＢＣ'), 'ABC')
})

test('what has no place in a name or a password', () => {
  const prohibited = [
    '\0',
    'a\r\nb',
    '\u007f',
    '\u0085',
    '\u200e',
    '\u2028',
    '\ue000',
    '\ud800',
    '\ufffd',
    '\ufdd0',
    '\u{f0000}',
  ]
  for (const text of prohibited) assert.equal(saslPrep(text), undefined, JSON.stringify(text))
})

test('letters from right to left stand at both ends, and by themselves', () => {
  assert.equal(saslPrep('\u05d0\u05d1'), '\u05d0\u05d1')
  assert.equal(saslPrep('\u05d01\u05d1'), '\u05d01\u05d1')
  for (const text of ['\u05d0x\u05d1', 'x\u05d0', '\u05d01', '1\u05d0', '\u0627\u0967\u0627']) {
    assert.equal(saslPrep(text), undefined, text)
  }
})

test('characters younger than Unicode 3.2 are taken', () => {
  assert.equal(saslPrep('pass 🔑'), 'pass 🔑')
  assert.equal(saslPrep('\u0627\u08a0\u0627'), '\u0627\u08a0\u0627')
})

test('what was prepared stays as it is, and ASCII that can be typed is untouched', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const prepared = saslPrep(text)
      if (prepared !== undefined) assert.equal(saslPrep(prepared), prepared)
    }),
  )
  fc.assert(fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => assert.equal(saslPrep(text), text)))
})
