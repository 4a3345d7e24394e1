import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from './turns.ts'

/** Works that end one at a time, in the order in which they were begun. */
const bench = (turns: Turns) => {
  const begun: string[] = []
  const away: string[] = []
  const ends: (() => void)[] = []
  return {
    begun,
    away,
    ask(...froms: readonly string[]) {
      for (const from of froms) {
        const work = () => new Promise<true>((resolve) => ends.push(() => resolve(true)) && begun.push(from))
        void turns.take(from, work).then((done) => done ?? away.push(from))
      }
      return new Promise<void>((resolve) => setImmediate(resolve))
    },
    end() {
      ends.shift()?.()
      return new Promise<void>((resolve) => setImmediate(resolve))
    },
  }
}

test('who asks for much waits behind others, and makes room for them', async () => {
  const { begun, away, ask, end } = bench(new Turns(1, 3))
  await ask('mob', 'mob', 'mob', 'mob', 'mob')
  assert.deepEqual([begun, away], [['mob'], ['mob']])
  await ask('ann')
  assert.deepEqual([begun, away], [['mob'], ['mob', 'mob']])
  for (let at = 0; at < 4; at += 1) await end()
  assert.deepEqual(begun, ['mob', 'mob', 'ann', 'mob'])
})

test('where everybody has one, who comes last is turned away', async () => {
  const { begun, away, ask, end } = bench(new Turns(1, 2))
  await ask('ann', 'bob', 'cid', 'dan')
  assert.deepEqual([begun, away], [['ann'], ['dan']])
  for (let at = 0; at < 3; at += 1) await end()
  await ask('eve')
  assert.deepEqual(begun, ['ann', 'bob', 'cid', 'eve'])
})

test('who is the same is said from outside', async () => {
  const { away, ask } = bench(new Turns(1, 2, (from) => from.slice(0, 1)))
  await ask('a1', 'a2', 'a3', 'b1')
  assert.deepEqual(away, ['a3'])
})

test('a work that fails gives its place to the next', async () => {
  const turns = new Turns(1, 1)
  const failed = turns.take('ann', () => Promise.reject(new Error('it fails')))
  const next = turns.take('bob', async () => 'done')
  await assert.rejects(failed, /it fails/)
  assert.equal(await next, 'done')
})
