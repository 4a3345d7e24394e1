import assert from 'node:assert/strict'
import { test } from 'node:test'
import { strike } from './secrets.ts'

const told = ['AG1lAHBlbmNpbA==', 'Pen-cil9']

for (const [what, lines, left] of [
  ['whole', ['535 AUTH PLAIN AG1lAHBlbmNpbA==', 'for Pen-cil9'], ['535 AUTH PLAIN [...]', 'for [...]']],
  ['a beginning', ['no AG1lAHBl here'], ['no [...] here']],
  ['another case', ['no PEN-CIL9 here', 'go'], ['[...]', '[...]']],
  ['spaced', ['P e n - c i l 9'], ['[...]']],
  ['over several lines', ['it was Pen', '-cil9'], ['[...]', '[...]']],
  ['in hexadecimal', ['50656e2d63696C39'], ['[...]']],
  ['nowhere', ['Mailbox full', 'pen'], ['Mailbox full', 'pen']],
] as const) {
  test(`a secret that is repeated: ${what}`, () => assert.deepEqual(strike(told, lines), left))
}

test('of a short secret only itself is struck', () => {
  assert.deepEqual(strike(['', 'a-b'], ['about it: a-b']), ['about it: [...]'])
})

test('without secrets all is as it was', () => assert.deepEqual(strike([], ['PEN']), ['PEN']))
