import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusal, reply } from './reply.ts'

test('no refusal can be taken for success, whatever it is made of', () => {
  for (const code of [100, 200, 250, 354, 399, 600, Number.NaN]) {
    const { reply: said, given } = new Refusal(reply(code, '2.0.0', 'fine'))
    assert.deepEqual([said.code, said.status], [451, '4.5.0'], String(code))
    assert.equal(Object.is(given.code, code), true)
  }
  for (const code of [400, 451, 500, 599]) assert.equal(new Refusal(reply(code, '', 'no')).reply.code, code)
})
