import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoff, dueBy, expiresAt, overdue, warning } from './schedule.ts'
import { queueDefaults as settings } from './settings.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const sender = { local: 'ann', domain: 'example.org' }
const message = (schedule = {}) => ({ sender, accepted: 0, schedule })

test('waits double up to the longest, and chance only shortens them', () => {
  const plain = Array.from({ length: 7 }, (_, attempts) => backoff(attempts, settings.backoff, () => 0) / 1000)
  assert.deepEqual(plain, [300, 600, 1200, 2400, 4000, 4000, 4000])
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (attempts, chance) => {
      const wait = backoff(attempts, settings.backoff, () => chance)
      const most = backoff(attempts, settings.backoff, () => 0)
      assert.ok(wait <= most && wait >= most * (1 - settings.backoff.jitter) - 1)
      assert.ok(wait <= settings.backoff.most && wait > 0)
    }),
  )
})

test('a time that lies ahead is never missed, and nothing is due at once again', () => {
  const milestones = fc.array(
    fc.record({
      at: fc.nat(10 * HOUR),
      do: fc.constantFrom('warn' as const, 'fail' as const),
      status: fc.constant('4.4.7'),
    }),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(milestones, fc.nat(10 * HOUR), fc.nat(20 * HOUR), (all, now, wish) => {
      const mail = message({ milestones: all })
      const due = dueBy(wish, mail, { reported: [] }, now, settings)
      assert.ok(due >= now + 1000)
      for (const { at } of all) assert.ok(at <= now || due <= Math.max(at, now + 1000))
    }),
  )
})

test('a delay is told once, and a milestone counts as told', () => {
  const late = message()
  assert.equal(warning(late, { reported: [] }, 4 * HOUR - 1, settings), undefined)
  const first = warning(late, { reported: [] }, 4 * HOUR, settings)
  assert.deepEqual(first, { marks: ['delayed'] })
  assert.equal(warning(late, { reported: ['delayed'] }, 5 * HOUR, settings), undefined)
  const milestones = [{ at: HOUR, do: 'warn' as const, status: '4.4.7' }]
  const met = warning(message({ milestones }), { reported: [] }, HOUR, settings)
  assert.deepEqual(met, { status: '4.4.7', marks: [`warn@${HOUR}`, 'delayed'] })
  assert.equal(warning(message({ milestones }), { reported: met?.marks ?? [] }, 9 * HOUR, settings), undefined)
})

test('lifetime counts from acceptance or from the time the sender asked for, and reports have their own', () => {
  const own = { ...settings, bounceLifetime: HOUR }
  assert.equal(expiresAt(message(), own), 5 * 24 * HOUR)
  assert.equal(expiresAt(message({ notBefore: HOUR }), own), 5 * 24 * HOUR + HOUR)
  assert.equal(expiresAt({ ...message(), sender: null }, own), HOUR)
  assert.equal(overdue(message({ milestones: [{ at: 5, do: 'fail', status: '5.4.7' }] }), 4), undefined)
  assert.equal(overdue(message({ milestones: [{ at: 5, do: 'fail', status: '5.4.7' }] }), 5)?.status, '5.4.7')
})
