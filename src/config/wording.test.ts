import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest, shown } from './wording.ts'

test('the name that was most likely meant', () => {
  const names = ['hostname', 'domains', 'listen', 'limits', 'log']
  const meant: [given: string, name: string | undefined][] = [
    ['hostnam', 'hostname'],
    ['HOSTNAME', 'hostname'],
    ['domians', 'domains'],
    ['listne', 'listen'],
    ['lgo', 'log'],
    ['modules', undefined],
    ['x', undefined],
    ['', undefined],
    ['h'.repeat(10_000), undefined],
  ]
  for (const [given, name] of meant) assert.equal(nearest(given, names), name, given.slice(0, 20))
  assert.equal(nearest('x', []), undefined)
})

test('text in a message is short and on one line', () => {
  assert.equal(shown('a\nb\x1b[31m\u2028\u202e'), 'a\\x0ab\\x1b[31m\\u{2028}\\u{202e}')
  assert.equal(shown('x'.repeat(100)).length, 78)
})
