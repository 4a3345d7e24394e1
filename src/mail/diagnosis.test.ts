import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, ours } from './diagnosis.ts'
import { reply } from './reply.ts'

test('an answer in one line, its status said once', () => {
  const said = (...given: Parameters<typeof reply>) => answerOf(ours(reply(...given), 0))
  assert.equal(said(550, '5.1.1', 'No such user'), '550 5.1.1 No such user')
  assert.equal(said(550, '5.1.1', '5.1.1 No such user'), '550 5.1.1 No such user')
  assert.equal(said(550, '', 'No such', 'user'), '550 No such user')
  assert.equal(said(451, '4.3.0', ''), '451 4.3.0')
})
