import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/observe/clock.ts'
import { silentLog } from '../../src/observe/log.ts'
import { octets, recordOf } from '../../src/spool/contract-fixtures.ts'
import { type PartialBody, type Spool, SpoolError } from '../../src/spool/spool.ts'
import { openSqliteSpool } from '../../src/spool/sqlite.ts'
import { inFolder, startFast } from './fixtures/spool-folder.ts'
import { FullAt } from './fixtures/spool-full.ts'

startFast()
const clock = systemClock()
const PROBE = new URL('./fixtures/spool-full.ts', import.meta.url).href
const HOUR = 3_600_000
// Notes of several pages, so that the database must grow.
const NOTE = 'n'.repeat(100_000)
const PART = Buffer.alloc(30_000, 'part')

const begin = (spool: Spool, name: string, note = NOTE): Promise<PartialBody> =>
  spool.partials.begin(name, { note, expires: clock.now() + HOUR, owner: 'ann', most: 1_000_000_000 })

const isFull = (error: unknown): boolean => error instanceof SpoolError && error.kind === 'full'

/** What is kept by a name, in words. */
const seen = async (spool: Spool, name: string): Promise<string> => {
  const found = await spool.partials.find(name, clock.now())
  if (found?.is !== 'partial') return found ? `complete ${found.octets}` : 'nothing'
  const { length } = await octets(found.partial.body())
  assert.equal(length, found.partial.offset)
  await found.partial.close()
  return `partial ${length}`
}

const complete = async (spool: Spool, partial: PartialBody): Promise<void> => {
  const draft = spool.open()
  await draft.write(PART)
  const completes = { partial, until: clock.now() + HOUR }
  await draft.commit(recordOf(clock, PART.length, { prefix: new Uint8Array(60_000), completes }))
}

const stored = async (spool: Spool, name: string): Promise<PartialBody> => {
  const partial = await begin(spool, name)
  await partial.write(PART)
  await partial.sync()
  return partial
}

interface Act {
  act(spool: Spool, partial: PartialBody): Promise<unknown>
  readonly leaves: string
  /** Whether the database must grow for it. */
  readonly grows: boolean
}

const ACTS: Readonly<Record<string, Act>> = {
  'a new one': {
    act: async (spool, { name }) => (await begin(spool, name, NOTE + NOTE)).close(),
    leaves: 'partial 0',
    grows: true,
  },
  'a sync': { act: (_, partial) => partial.sync(), leaves: 'partial 60000', grows: false },
  'a commit that completes it': { act: complete, leaves: 'complete 60000', grows: true },
}

for (const [what, { act, leaves, grows }] of Object.entries(ACTS))
  test(`${what} that finds the disk full at any statement changes nothing, and can be done later`, () =>
    inFolder(async (path) => {
      const full = new FullAt()
      const spool = await openSqliteSpool({ path, owner: 'test', clock, log: silentLog, probe: PROBE })
      let messages = 0
      const attempt = async (at: number): Promise<{ readonly isDone: boolean; readonly statements: number }> => {
        const partial = await stored(spool, `n${at}`)
        await partial.write(PART)
        full.from(at)
        const error: unknown = await act(spool, partial).then(
          () => undefined,
          (refused: unknown) => refused,
        )
        const { statements } = full.seen
        full.from(0)
        if (error !== undefined) {
          assert.ok(isFull(error), String(error))
          assert.equal((await spool.counts()).messages, messages)
          assert.deepEqual(await octets(partial.body()), PART)
          if (what !== 'a sync') assert.equal(await partial.sync(), 2 * PART.length, 'it is still had')
          await act(spool, partial)
        }
        if (leaves.startsWith('complete')) messages++
        assert.equal((await spool.counts()).messages, messages)
        assert.equal(await seen(spool, `n${at}`), leaves)
        await partial.close()
        return { isDone: error === undefined, statements }
      }
      try {
        const { statements } = await attempt(0)
        assert.ok(statements > 3)
        let refused = 0
        for (let at = 1; at <= statements; at++) if (!(await attempt(at)).isDone) refused++
        if (grows) assert.ok(refused > 0)
      } finally {
        await spool.close()
      }
    }))
