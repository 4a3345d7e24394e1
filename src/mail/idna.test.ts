import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { aLabels, domainKey } from './idna.ts'

test('U-labels become A-labels, in lower case, composed', () => {
  const cases = {
    'Example.ORG': 'example.org',
    '例え.jp': 'xn--r8jz45g.jp',
    'BÜCHER.example': 'xn--bcher-kva.example',
    'bu\u0308cher.example': 'xn--bcher-kva.example',
    'faß.de': 'xn--fa-hia.de',
    'ИКС.рф': 'xn--h1aev.xn--p1ai',
    'אב.example': 'xn--4dbc.example',
    'क्‍ष.example': 'xn--11b2ezcw70k.example',
    'col·lecció.cat': 'xn--collecci-ioa91d.cat',
    '日本・x.jp': 'xn--x-hjur54rncb.jp',
    'ı.example': 'xn--cfa.example',
    '例え。jp': 'xn--r8jz45g.jp',
  }
  for (const [given, expected] of Object.entries(cases)) assert.equal(aLabels(given), expected, given)
})

test('what RFC 5892 allows in no label is refused, and nothing is mapped to something else', () => {
  const cases = {
    symbols: ['☃.net', '😀.example', '℀.example'],
    unassigned: ['a\u0378b.example'],
    compatibility: ['ﬀ.example', '１２７.0.0.1', 'ſ.example', 'a／b.example'],
    invisible: ['ü\u00adx.example', '\u00a0x.example', 'ü\u200b.example'],
    context: [
      'a·b.example',
      'x・y.example',
      '\u0375a.example',
      'ה\u0660\u06f0.example',
      'a\u200db.example',
      'x\u05f3.example',
    ],
    direction: ['א1a.example'],
    marks: ['\u0301a.example'],
    hyphens: ['-ü.example', 'ü-.example', 'ab--ü.example', 'xn--ü.example'],
    lengths: [`${'ü'.repeat(60)}.example`, 'ü..example', 'ü.example.'],
    jamo: ['\u1100\u1161\u11a8\u11aa.example'],
  }
  for (const [why, names] of Object.entries(cases)) {
    for (const name of names) assert.equal(aLabels(name), undefined, `${why}: ${JSON.stringify(name)}`)
  }
})

test('property: A-labels come out of themselves, and both spellings have one key', () => {
  const name = fc.oneof(
    fc.domain(),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom('例え.jp', 'faß.de'),
  )
  fc.assert(
    fc.property(name, (given) => {
      const ascii = aLabels(given)
      if (ascii === undefined) return
      assert.match(ascii, /^[\x00-\x7f]*$/)
      assert.equal(aLabels(ascii), ascii)
      assert.equal(domainKey(given), domainKey(ascii))
    }),
  )
})
