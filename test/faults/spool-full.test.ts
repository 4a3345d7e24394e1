import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { systemClock } from '../../src/observe/clock.ts'
import { silentLog } from '../../src/observe/log.ts'
import { claimWith, octets, recordOf, said } from '../../src/spool/contract-fixtures.ts'
import { type Draft, LeaseLost, type Spool, SpoolError } from '../../src/spool/spool.ts'
import { openSqliteSpool } from '../../src/spool/sqlite.ts'
import { inFolder, startFast } from './fixtures/spool-folder.ts'
import { FullAt } from './fixtures/spool-full.ts'

const MEMBERS = 12
const BODY = 20_000

startFast()
const clock = systemClock()
const PROBE = new URL('./fixtures/spool-full.ts', import.meta.url).href

const withSpool = async (run: (spool: Spool, full: FullAt) => Promise<void>): Promise<void> =>
  inFolder(async (path) => {
    const full = new FullAt()
    const spool = await openSqliteSpool({ path, owner: 'test', clock, log: silentLog, probe: PROBE })
    try {
      await run(spool, full)
    } finally {
      await spool.close()
    }
  })

interface Written {
  readonly draft: Draft
  readonly body: Buffer
}

const write = async (spool: Spool): Promise<Written> => {
  const draft = spool.open()
  const body = randomBytes(BODY)
  await draft.write(body)
  return { draft, body }
}

const twelve = (spool: Spool): Promise<Written[]> => Promise.all(Array.from({ length: MEMBERS }, () => write(spool)))

/** All at one time, so that they are one batch. Those that were acknowledged. */
const commit = async (batch: readonly Written[]): Promise<Written[]> => {
  const record = { prefix: new Uint8Array(0), history: ['taken'] }
  const results = await Promise.allSettled(batch.map(({ draft }) => draft.commit(recordOf(clock, BODY, record))))
  return batch.filter((_, i) => {
    const result = results[i]
    if (result?.status === 'rejected') assert.ok(isFull(result.reason), String(result.reason))
    return result?.status === 'fulfilled'
  })
}

const isFull = (error: unknown): boolean => error instanceof SpoolError && error.kind === 'full'

const holds = async (spool: Spool, kept: readonly Written[]): Promise<void> => {
  for (const { draft, body } of kept) assert.ok((await octets(await spool.read(draft.id))).equals(body))
}

// Nothing is deleted in between: pages that are free would be taken before the database grows, and it must grow.

test('a disk that is full at any statement of a batch of 12 loses nothing and keeps nothing that was refused', async () => {
  await withSpool(async (spool, full) => {
    const kept = await commit(await twelve(spool))
    full.from(0)
    kept.push(...(await commit(await twelve(spool))))
    const { statements, transactions } = full.seen
    assert.equal(transactions, 1, 'they were no batch')
    assert.ok(statements > 4 * MEMBERS)

    let [none, all] = [0, 0]
    for (const room of [0, 7])
      for (let at = 1; at <= statements; at++) {
        const batch = await twelve(spool)
        full.from(at, room)
        const accepted = await commit(batch)
        full.from(0)
        if (accepted.length === 0) none++
        if (accepted.length === MEMBERS) all++
        await holds(spool, accepted)
        assert.equal((await spool.counts()).messages, kept.length + accepted.length)

        // There is room again: whoever was refused may try once more.
        const again = await commit(batch.filter((one) => !accepted.includes(one)))
        kept.push(...accepted, ...again)
        assert.equal((await spool.counts()).messages, kept.length)
        await holds(spool, again)
      }
    assert.ok(none > statements, `refused ${none} times`)
    assert.ok(all > 0)
    await holds(spool, kept)
  })
})

test('a settlement that finds the disk full at any statement changes nothing, and can be made later', async () => {
  await withSpool(async (spool, full) => {
    const settle = async (at: number): Promise<{ readonly isDone: boolean; readonly statements: number }> => {
      const { draft: mail } = await write(spool)
      await mail.commit(recordOf(clock, BODY, { history: ['taken'] }))
      const [claim, ...others] = await claimWith(spool, clock)
      assert.ok(claim && others.length === 0)
      const { draft } = await write(spool)
      const settlement = {
        now: clock.now(),
        changes: [{ of: 0, fate: { is: 'failed', last: said(550, clock) } } as const],
        commits: [{ draft, record: recordOf(clock, BODY) }],
        history: ['failed'],
      }
      const [before, counts] = [await spool.show(mail.id), await spool.counts()]
      full.from(at)
      const error: unknown = await spool.settle(claim, settlement).then(
        () => undefined,
        (refused: unknown) => refused,
      )
      const { statements } = full.seen
      full.from(0)
      if (error !== undefined) {
        assert.ok(isFull(error), String(error))
        assert.deepEqual([await spool.show(mail.id), await spool.counts()], [before, counts])
        assert.deepEqual(await spool.trace(mail.id), [{ at: claim.message.accepted, text: 'taken' }])
        await spool.settle(claim, settlement)
      }
      assert.equal(await spool.show(mail.id), undefined)
      assert.ok(await spool.show(draft.id))
      await assert.rejects(spool.settle(claim, { ...settlement, commits: [] }), LeaseLost)
      await spool.operate({ do: 'hold', match: { id: draft.id }, now: clock.now() })
      return { isDone: error === undefined, statements }
    }
    const { statements } = await settle(0)
    let refused = 0
    for (let at = 1; at <= statements; at++) if (!(await settle(at)).isDone) refused++
    assert.ok(refused > 0)
  })
})
