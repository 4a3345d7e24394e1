import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Closing } from './closing.ts'

test('those who watch are told when their signal is aborted, and those who let go are not', () => {
  const closing = new Closing()
  const [one, other] = [new AbortController(), new AbortController()]
  const told: string[] = []
  closing.watch(one.signal, () => told.push('first'))
  closing.watch(one.signal, () => told.push('gone')).letGo()
  const second = closing.watch(one.signal, () => {
    told.push('second')
    second.letGo()
  })
  closing.watch(one.signal, () => told.push('third'))
  closing.watch(other.signal, () => told.push('other'))
  one.abort()
  assert.deepEqual(told, ['first', 'second', 'third'])
})
