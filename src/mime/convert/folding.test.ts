import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Folder, folded } from './folding.ts'
import { Unconvertible } from './rules.ts'

const LONG = { above: 998, width: 78, limit: 998 }

test('lines that are not too long stay as they are, a CRLF not counted', () => {
  const line = `X: ${'word '.repeat(199)}`
  assert.equal(line.length, 998)
  for (const field of [line, `${line}\r\n`, `${line}\r\n ${line.slice(1)}\r\n`, 'X:\r\n \r\n']) {
    assert.equal(folded(field, LONG), field)
  }
})

test('a longer one is cut before white space, all of it', () => {
  const field = folded(`X: ${'word  '.repeat(200)}end\r\n`, LONG)
  const lines = field.split('\r\n')
  assert.ok(lines.every((line) => line.length <= 78))
  assert.equal(lines.length, 17)
  assert.equal(lines.join(''), `X: ${'word  '.repeat(200)}end`)
})

test('no line of nothing but white space arises, and the name stands alone only if it must', () => {
  assert.equal(folded(`X: ${'a'.repeat(500)} ${'b'.repeat(500)}`, LONG), `X: ${'a'.repeat(500)}\r\n ${'b'.repeat(500)}`)
  assert.equal(folded(`X: ${'a'.repeat(997)}`, LONG), `X:\r\n ${'a'.repeat(997)}`)
  assert.equal(folded(`X: ${'a'.repeat(990)}      `, LONG), `X:\r\n ${'a'.repeat(990)}      `)
  const words = { above: 76, width: 76, limit: 998 }
  assert.equal(folded(`X: ${'a'.repeat(75)} b`, words), `X:\r\n ${'a'.repeat(75)}\r\n b`)
  assert.equal(folded(`X: ${'a'.repeat(200)} b`, words), `X:\r\n ${'a'.repeat(200)}\r\n b`)
})

test('without white space it is refused', () => {
  for (const field of [
    `X:${'a'.repeat(997)}`,
    `X: ${'a'.repeat(998)}`,
    `X: a\r\n ${'b'.repeat(998)}\r\n`,
    `X: ${' '.repeat(1000)}`,
  ]) {
    assert.throws(() => folded(field, LONG), Unconvertible, field.slice(0, 20))
  }
})

test('where lines may be of any length, nothing is held back but a CR', () => {
  const folder = new Folder({ above: Number.POSITIVE_INFINITY, width: 78, limit: Number.POSITIVE_INFINITY })
  const long = 'a '.repeat(100_000)
  assert.equal(folder.write(`${long}\r`), long)
  assert.equal(folder.write('\n b'), '\r\n b')
  assert.equal(folder.write('\r'), '')
  assert.equal(folder.end(), '\r')
})

test('in pieces as in one', () => {
  const word = fc.constantFrom('a', 'bb', ' ', '  ', '\t', '\r\n ', '\r\n', '\r', 'x'.repeat(30), 'y'.repeat(90))
  const rules = fc.constantFrom({ above: 100, width: 40, limit: 100 }, { above: 40, width: 40, limit: 100 })
  const all = (pieces: readonly string[], how: typeof LONG) => {
    const folder = new Folder(how)
    try {
      return pieces.map((piece) => folder.write(piece)).join('') + folder.end()
    } catch (error) {
      assert(error instanceof Unconvertible)
      return 'refused'
    }
  }
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), fc.array(fc.nat(400)), rules, (words, cuts, how) => {
      const text = words.join('')
      const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length]
      const pieces = places.slice(1).map((end, index) => text.slice(places[index], end))
      const whole = all([text], how)
      assert.equal(all(pieces, how), whole)
      if (whole === 'refused') return
      assert.equal(whole.replaceAll('\r\n', ''), text.replaceAll('\r\n', ''))
      assert.ok(whole.split('\r\n').every((line) => line.length <= how.limit))
    }),
    { numRuns: 1000 },
  )
})
