import assert from 'node:assert/strict'
import type { Promised } from './contract.ts'
import { claimOne, claimWith, delivered, names, put, recordOf, settleAll, to } from './contract-fixtures.ts'
import { SpoolError } from './spool.ts'

const DAY = 86_400_000

export const reading: Promised = {
  'pages of a list go on after the last id': async (spool, clock) => {
    const ids: string[] = []
    for (let i = 0; i < 25; i++)
      ids.push((await put(spool, clock, { recipients: [to(`a@${i % 2 ? 'odd' : 'even'}`)] })).id)
    const pages: string[][] = []
    for (let after: string | undefined; ; ) {
      const page = await spool.list({ most: 10, ...(after === undefined ? {} : { after }) })
      pages.push(page.map(({ id }) => id))
      after = page.at(-1)?.id
      if (page.length < 10) break
    }
    assert.deepEqual(
      pages.map((page) => page.length),
      [10, 10, 5],
    )
    assert.deepEqual(pages.flat(), ids)
    const odd = await spool.list({ most: 5, after: ids[7] ?? '', match: { domain: 'odd' } })
    assert.deepEqual(
      odd.map(({ id }) => id),
      [9, 11, 13, 15, 17].map((i) => ids[i]),
    )
    assert.deepEqual(await spool.list({ most: 5, after: ids[24] ?? '' }), [])
  },

  'a page has 500 messages at most': async (spool, clock) => {
    await Promise.all([...Array(510).keys()].map(() => put(spool, clock)))
    assert.equal((await spool.list({ most: 100_000 })).length, 500)
  },

  'a list shows 1,000 recipients of a message, those first that wait': async (spool, clock) => {
    const recipients = [...Array(1100).keys()].map((i) => to(`r${i}@x`, { lane: i < 200 ? 'first' : 'then' }))
    const { id } = await put(spool, clock, { recipients })
    const claims = await claimWith(spool, clock, { only: ['first'], mostRecipients: 500 })
    for (const claim of claims) await settleAll(spool, clock, claim)
    const shown = (await spool.show(id))?.recipients ?? []
    assert.equal(shown.length, 1000)
    assert.equal(shown.filter(({ fate }) => fate.is === 'waiting').length, 900)
    assert.equal((await spool.counts()).waiting, 900)
  },

  'there is no such message': async (spool) => {
    assert.equal(await spool.show('nothing'), undefined)
    assert.equal(await spool.read('nothing'), undefined)
    assert.deepEqual(await spool.trace('nothing'), [])
  },

  'a list shows the same while mail is claimed': async (spool, clock) => {
    const { id } = await put(spool, clock)
    const before = await spool.show(id)
    await claimOne(spool, clock)
    assert.deepEqual(await spool.show(id), before)
    assert.deepEqual(await spool.counts(), { messages: 1, waiting: 1, held: 0, parked: 0 })
  },

  'how much is kept for later, of whom': async (spool, clock) => {
    const now = clock.now()
    const { origin } = recordOf(clock, 0)
    const held = (identity: string | undefined, notBefore: number) =>
      put(spool, clock, {
        origin: identity === undefined ? origin : { ...origin, identity },
        schedule: { notBefore },
        prefix: Buffer.alloc(0),
      })
    await put(spool, clock, { origin: { ...origin, identity: 'ann' } })
    await held('ann', now + 1000)
    await held('ann', now + 2000)
    await held('ann', now)
    await held('bob', now + 1000)
    const { id } = await held(undefined, now + 1000)
    const octets = (await spool.show(id))?.octets ?? 0
    const ahead = (identity?: string, at = now) => spool.ahead({ now: at, ...(identity ? { identity } : {}) })
    assert.deepEqual(await ahead('ann'), { messages: 2, octets: 2 * octets })
    assert.deepEqual(await ahead('ann', now + 1000), { messages: 1, octets })
    assert.deepEqual(await ahead('cat'), { messages: 0, octets: 0 })
    assert.deepEqual(await ahead(), { messages: 4, octets: 4 * octets })
    assert.deepEqual((await spool.show(id))?.schedule, { notBefore: now + 1000 })
  },

  'destinations rest until their time or until they are lifted': async (spool, clock) => {
    const now = clock.now()
    await spool.rests.rest('smtp/a', now + 100, 'refused')
    await spool.rests.rest('smtp/b', now + 200, 'no route')
    await spool.rests.rest('smtp/a', now + 150, 'refused again')
    const sorted = async (at: number) => (await spool.rests.list(at)).toSorted((a, b) => (a.lane < b.lane ? -1 : 1))
    assert.deepEqual(await sorted(now), [
      { lane: 'smtp/a', until: now + 150, why: 'refused again' },
      { lane: 'smtp/b', until: now + 200, why: 'no route' },
    ])
    assert.deepEqual(
      (await sorted(now + 150)).map(({ lane }) => lane),
      ['smtp/b'],
    )
    await spool.rests.lift('smtp/b')
    await spool.rests.lift('smtp/never')
    assert.deepEqual(
      (await sorted(now)).map(({ lane }) => lane),
      ['smtp/a'],
    )
    await spool.sweep(now + 151)
    assert.deepEqual(await sorted(now), [])
  },

  'history is kept for ten days, also of mail that is gone; what waits is kept forever': async (spool, clock) => {
    const waits = await put(spool, clock, {
      history: ['taken'],
      recipients: [to('a@x', { due: clock.now() + 100 * DAY })],
    })
    const gone = await put(spool, clock, { history: ['taken too'] })
    const claim = await claimOne(spool, clock)
    clock.pass(4 * DAY)
    const changes = claim.recipients.map(({ key }) => ({ of: key, fate: delivered(clock) }))
    await spool.settle(claim, { now: clock.now(), changes, history: ['delivered'] })
    clock.pass(6 * DAY)
    const texts = async (id: string) => (await spool.trace(id)).map(({ text }) => text)
    await spool.sweep(clock.now())
    assert.deepEqual(await texts(gone.id), ['taken too', 'delivered'])
    clock.pass(1)
    await spool.sweep(clock.now())
    assert.deepEqual(await texts(gone.id), ['delivered'])
    clock.pass(50 * DAY)
    await spool.sweep(clock.now())
    assert.deepEqual([await texts(gone.id), await texts(waits.id)], [[], []])
    assert.deepEqual(names((await spool.show(waits.id))?.recipients ?? []), ['a@x'])
    clock.pass(50 * DAY)
    assert.equal((await claimOne(spool, clock)).message.id, waits.id)
  },

  'a closed spool says so': async (spool, clock) => {
    await put(spool, clock)
    const draft = spool.open()
    const waiting = spool.wake(1_000_000)
    await spool.close()
    await waiting
    await spool.wake(1_000_000)
    const closed = (error: unknown) => error instanceof SpoolError && error.kind === 'broken'
    await assert.rejects(draft.commit(recordOf(clock, 0)), closed)
    await assert.rejects(spool.list({ most: 1 }), closed)
    await assert.rejects(claimWith(spool, clock), closed)
    await draft.abort()
    await spool.close()
  },
}
