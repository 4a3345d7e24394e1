import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sizeText, spanText, table } from './columns.ts'

test('sizes for people', () => {
  const sizes: [number, string][] = [
    [0, '0'],
    [1023, '1023'],
    [1024, '1.0K'],
    [4300, '4.2K'],
    [26_214_400, '25M'],
    [2 ** 50, '1024T'],
  ]
  for (const [octets, text] of sizes) assert.equal(sizeText(octets), text)
})

test('spans for people', () => {
  const spans: [number, string][] = [
    [-5, '0s'],
    [400, '0s'],
    [12_000, '12s'],
    [3_600_000, '1h'],
    [273_600_000, '3d 4h'],
    [86_460_000, '1d'],
  ]
  for (const [ms, text] of spans) assert.equal(spanText(ms), text)
})

test('columns line up, and no line ends with spaces', () => {
  assert.equal(table([['A', 'LONG', 'X'], ['abc', 'd', ''], []]), 'A    LONG  X\nabc  d\n\n')
})

test('what is wider than the terminal is folded between words, and the widest columns give way the most', () => {
  const rows = [
    ['KEYWORD', 'RELAY', 'LISTENERS'],
    ['A', 'it goes from one hop to the next', 'mx (smtp): offered,\nstore (lmtp): off'],
    ['LONGKEYWORD', 'nothing', 'mx (smtp): offered'],
  ]
  assert.equal(
    table(rows, 50),
    [
      'KEYWORD      RELAY                   LISTENERS',
      'A            it goes from one hop    mx (smtp):',
      '             to the next             offered,',
      '                                     store (lmtp):',
      '                                     off',
      'LONGKEYWORD  nothing                 mx (smtp):',
      '                                     offered',
      '',
    ].join('\n'),
  )
  assert.match(table(rows), /^A .* mx \(smtp\): offered, store \(lmtp\): off$/m)
  const [widest = ''] = table(rows)
    .split('\n')
    .toSorted((a, b) => b.length - a.length)
  assert.equal(table(rows, widest.length), table(rows))
  // Where not even the words fit, they are left whole.
  assert.ok(table(rows, 5).split('\n').includes('LONGKEYWORD  nothing  mx'))
})
