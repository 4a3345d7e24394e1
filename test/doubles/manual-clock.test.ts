import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep } from '../../src/observe/clock.ts'
import { manualClock } from './manual-clock.ts'

test('alarms run at their own time, in order, and those they set off too', async () => {
  const clock = manualClock(1000)
  const seen: [string, number][] = []
  clock.after(20, () => seen.push(['b', clock.now()]))
  clock.after(10, () => {
    seen.push(['a', clock.now()])
    clock.after(5, () => seen.push(['a2', clock.now()]))
  })
  clock.after(31, () => seen.push(['late', clock.now()]))
  await clock.advance(30)
  assert.deepEqual(seen, [
    ['a', 1010],
    ['a2', 1015],
    ['b', 1020],
  ])
  assert.equal(clock.now(), 1030)
  assert.equal(clock.pending, 1)
})

test('a cancelled alarm does not run, and a promise that waited for one has settled when time has passed', async () => {
  const clock = manualClock()
  let woken = false
  clock.after(5, () => assert.fail('cancelled')).cancel()
  void sleep(clock, 7).then(() => {
    woken = true
  })
  await clock.advance(6)
  assert.equal(woken, false)
  await clock.advance(1)
  assert.equal(woken, true)
})

test('setting the time moves alarms along', async () => {
  const clock = manualClock(1_000_000)
  let ran = 0
  clock.after(10, () => {
    ran += 1
  })
  clock.set(5)
  await clock.advance(9)
  assert.equal(ran, 0)
  await clock.advance(1)
  assert.equal(ran, 1)
  assert.equal(clock.now(), 15)
})

test('after a leap what was due runs late, in order, each thing once', async () => {
  const clock = manualClock(0)
  const seen: [string, number][] = []
  const every = () => {
    seen.push(['every', clock.now()])
    clock.after(10, every)
  }
  every()
  clock.after(5, () => seen.push(['five', clock.now()]))
  const never = clock.after(12, () => assert.fail('cancelled'))
  clock.after(11, () => never.cancel())
  await clock.leap(100)
  assert.deepEqual(seen, [
    ['every', 0],
    ['five', 100],
    ['every', 100],
  ])
})
