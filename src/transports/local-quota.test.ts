import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import type { Mailbox } from '../directors/director.ts'
import { quotas } from './local-quota.ts'

const alice = (whenFull: 'defer' | 'refuse' = 'defer'): Mailbox => ({
  user: 'alice',
  home: '/home/alice',
  quota: { octets: 100, whenFull },
})

const world = (used: number) => {
  const clock = manualClock()
  const looks: string[] = []
  const mailbox = { octets: used }
  const quota = quotas(async ({ user }) => {
    looks.push(user)
    return mailbox.octets
  }, clock)
  const said = async (octets: number, of = alice()) => {
    const why = await quota.refuses(of, octets)
    return why && `${why.code} ${why.status}`
  }
  const delivered = async (octets: number, of = alice()) => {
    const why = await quota.within(of, octets, async () => {
      mailbox.octets += octets
    })
    return why && `${why.code} ${why.status}`
  }
  return { clock, looks, mailbox, quota, said, delivered }
}

test('what fits, what does not now, and what never will', async () => {
  const { said, delivered } = world(40)
  assert.deepEqual(
    [await said(60), await said(61), await said(100), await said(101)],
    [undefined, '452 4.2.2', '452 4.2.2', '552 5.2.3'],
  )
  assert.equal(await said(61, alice('refuse')), '552 5.2.2')
  assert.deepEqual(
    [await delivered(61), await delivered(101), await delivered(60), await delivered(1)],
    ['452 4.2.2', '552 5.2.3', undefined, '452 4.2.2'],
  )
})

test('of a message of unknown size: only whether there is any room', async () => {
  assert.equal(await world(99).said(0), undefined)
  assert.equal(await world(100).said(0), '452 4.2.2')
})

test('without a quota nobody looks', async () => {
  const { said, delivered, looks } = world(1000)
  const free = { user: 'bob', home: '/home/bob' }
  assert.deepEqual([await said(5000, free), await delivered(5000, free), looks], [undefined, undefined, []])
})

test('whoever only asks is told what was found a moment ago; a delivery looks itself', async () => {
  const { said, delivered, looks, mailbox, clock } = world(0)
  await said(10)
  mailbox.octets = 100
  assert.equal(await said(10), undefined)
  assert.equal(looks.length, 1)
  assert.equal(await delivered(10), '452 4.2.2')
  assert.equal(await said(10), '452 4.2.2')
  mailbox.octets = 0
  await clock.advance(5000)
  assert.equal(await said(10), undefined)
})

test('deliveries at once are not each given the same room', async () => {
  const { quota, mailbox } = world(0)
  const deliver = () =>
    quota.within(alice(), 60, async () => {
      await Promise.resolve()
      mailbox.octets += 60
    })
  const [first, second] = await Promise.all([deliver(), deliver()])
  assert.deepEqual([first, second?.status, mailbox.octets], [undefined, '4.2.2', 60])
})

test('a delivery that fails leaves the next its turn', async () => {
  const { quota, delivered } = world(0)
  const failing = quota.within(alice(), 10, () => Promise.reject(new Error('broken')))
  const next = delivered(10)
  await assert.rejects(failing, /broken/)
  assert.equal(await next, undefined)
})
