import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import type { Clock } from '../observe/clock.ts'
import { silentLog } from '../observe/log.ts'
import { spoolContract } from './contract.ts'
import { BODY, claimOne, claimWith, HandClock, octets, put, recordOf, settleAll, to } from './contract-fixtures.ts'
import { type Spool, SpoolError } from './spool.ts'
import { openSqliteSpool, type SqliteSpoolOptions } from './sqlite.ts'
import { logAlarm } from './sqlite-log.ts'

// Each spool starts threads, and each thread would strip the types of its modules anew.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'smail-compile-cache')

const inFolder = async (run: (path: string) => Promise<void>): Promise<void> => {
  const path = await mkdtemp(join(tmpdir(), 'smail-spool-'))
  try {
    await run(path)
  } finally {
    await rm(path, { recursive: true })
  }
}

spoolContract('sqlite', async (clock) => {
  const path = await mkdtemp(join(tmpdir(), 'smail-spool-'))
  const spool = await openSqliteSpool({ path, owner: 'test', clock, log: silentLog, inlineUpTo: 65_536 })
  return { spool, end: () => rm(path, { recursive: true }) }
})

const HOUR = 3_600_000
const LARGE = Buffer.alloc(200_000, 'x')

const open = (path: string, clock: Clock, more: Partial<SqliteSpoolOptions> = {}): Promise<Spool> =>
  openSqliteSpool({ path, owner: 'test', clock, log: silentLog, ...more })

const isBroken =
  (why: RegExp) =>
  (error: unknown): boolean =>
    error instanceof SpoolError && error.kind === 'broken' && why.test(error.message)

describe('sqlite: from one start to the next', { concurrency: 4 }, () => {
  test('everything is there, leases and rests included', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const first = await open(path, clock)
      const small = await put(first, clock, { recipients: [to('a@x', { lane: 'l' })], history: ['taken'] })
      const large = await put(first, clock, { recipients: [to('b@x', { lane: 'm' })] }, LARGE)
      const claim = await claimOne(first, clock, { only: ['l'] })
      await first.rests.rest('smtp/y', clock.now() + 50, 'refused')
      const before = [
        await first.list({ most: 9 }),
        await first.trace(small.id),
        await octets(await first.read(large.id)),
      ]
      await first.close()

      const second = await open(path, clock)
      const now = [
        await second.list({ most: 9 }),
        await second.trace(small.id),
        await octets(await second.read(large.id)),
      ]
      assert.deepEqual(now, before)
      assert.deepEqual(await second.rests.list(clock.now()), [
        { lane: 'smtp/y', until: clock.now() + 50, why: 'refused' },
      ])
      assert.deepEqual(await claimWith(second, clock, { only: ['l'] }), [])
      await settleAll(second, clock, claim)
      assert.equal((await second.counts()).messages, 1)
      assert.ok(second.open().id > large.id)
      await second.close()
    }))

  test('a spool that another instance has is refused, and free when that one is closed', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const first = await open(path, clock)
      const draft = first.open()
      await draft.write(LARGE)
      await assert.rejects(open(path, clock), isBroken(/another instance uses this spool/))
      await draft.commit(recordOf(clock, LARGE.length))
      await first.close()
      const second = await open(path, clock)
      assert.equal((await octets(await second.read(draft.id))).length, 19 + LARGE.length)
      await second.close()
    }))

  test('processes of one instance write beside each other', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const one = await open(path, clock, { owner: 'one' })
      const two = await open(path, clock, { owner: 'two', shared: true })
      const puts = Array.from({ length: 40 }, (_, i) => put(i % 2 ? one : two, clock, {}, i % 5 ? BODY : LARGE))
      const ids = (await Promise.all(puts)).map(({ id }) => id).toSorted()
      assert.equal(new Set(ids).size, 40)
      assert.deepEqual(
        (await one.list({ most: 50 })).map(({ id }) => id),
        ids,
      )
      const claims = await Promise.all([claimWith(one, clock, { most: 20 }), claimWith(two, clock, { most: 20 })])
      assert.deepEqual(
        claims
          .flat()
          .map(({ message }) => message.id)
          .toSorted(),
        ids,
      )
      await two.sweep(clock.now() + HOUR)
      for (const claim of claims.flat()) {
        await octets(claim.message.content())
        await settleAll(two, clock, claim)
      }
      await two.close()
      await one.close()
      assert.deepEqual(await readdir(join(path, 'bodies')), [])
    }))

  test('a spool of a newer Smail, and what is no spool, is refused and left as it is', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      await (await open(path, clock)).close()
      const edit = (sql: string) => {
        const database = new DatabaseSync(join(path, 'spool.db'))
        database.exec(sql)
        database.close()
      }
      edit('PRAGMA user_version = 1000')
      await assert.rejects(open(path, clock), isBroken(/newer Smail/))
      edit('PRAGMA user_version = 1; PRAGMA application_id = 7')
      await assert.rejects(open(path, clock), isBroken(/no spool/))
      await rm(join(path, 'spool.db'))
      edit('CREATE TABLE other (x)')
      await assert.rejects(open(path, clock), isBroken(/no spool/))
      await writeFile(join(path, 'spool.db'), 'no database at all, but text of some length'.repeat(50))
      await assert.rejects(open(path, clock), isBroken(/./))
      assert.match(await readFile(join(path, 'spool.db'), 'utf8'), /^no database/)
    }))

  test('a file of other pages is refused', () =>
    inFolder(async (path) => {
      const database = new DatabaseSync(join(path, 'spool.db'))
      database.exec(
        'PRAGMA page_size = 4096; CREATE TABLE x (y); PRAGMA application_id = 1399677289; PRAGMA user_version = 1',
      )
      database.close()
      await assert.rejects(open(path, new HandClock()), isBroken(/page_size is 4096/))
    }))

  test('a spool from before partials takes them', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const first = await open(path, clock)
      const { id } = await put(first, clock)
      await first.close()
      const database = new DatabaseSync(join(path, 'spool.db'))
      database.exec('DROP TABLE partial; DROP TABLE partial_note; DROP TABLE partial_file; DROP TABLE trail')
      database.exec('DROP TABLE trail_recipient; PRAGMA user_version = 1')
      database.close()
      await rm(join(path, 'partials'), { recursive: true })

      for (const offset of [1, 2]) {
        const spool = await open(path, clock)
        const found = await spool.partials.find('n', clock.now())
        const about = { note: '', expires: clock.now() + HOUR, owner: 'o', most: 20_000 }
        const partial = found?.is === 'partial' ? found.partial : await spool.partials.begin('n', about)
        await partial.write(Buffer.of(offset))
        assert.equal(await partial.sync(), offset)
        assert.ok(await spool.show(id))
        await spool.close()
      }
    }))

  test('a spool from before trails takes them, and keeps them from one start to the next', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const first = await open(path, clock)
      await put(first, clock)
      await first.close()
      const database = new DatabaseSync(join(path, 'spool.db'))
      database.exec('DROP TABLE trail; DROP TABLE trail_recipient; PRAGMA user_version = 2')
      database.close()

      const second = await open(path, clock)
      await settleAll(second, clock, await claimOne(second, clock))
      const trail = { name: 'n', proof: 'p', until: clock.now() + HOUR }
      const { id } = await put(second, clock, { trail })
      await settleAll(second, clock, await claimOne(second, clock))
      const before = await second.trails.find('n', 'p', clock.now())
      await second.close()
      assert.deepEqual(
        before.map((one) => [one.id, one.recipients.length]),
        [[id, 1]],
      )
      const third = await open(path, clock)
      assert.deepEqual(await third.trails.find('n', 'p', clock.now()), before)
      await third.close()
    }))

  test('an owner must be a name for a folder', () =>
    inFolder(async (path) => {
      for (const owner of ['', '..', 'a/b', '.x'])
        await assert.rejects(open(path, new HandClock(), { owner }), { name: 'SpoolError', kind: 'invalid' })
    }))
})

describe('sqlite: upkeep', { concurrency: 4 }, () => {
  test('drafts of dead owners and bodies of nobody go, what is in use stays', () =>
    inFolder(async (path) => {
      const clock = new HandClock(Date.now())
      await mkdir(join(path, 'drafts/dead'), { recursive: true })
      await mkdir(join(path, 'drafts/test'), { recursive: true })
      await writeFile(join(path, 'drafts/dead/1'), 'half')
      await writeFile(join(path, 'drafts/test/1'), 'half, of an earlier life')
      const spool = await open(path, clock)
      const kept = await put(spool, clock, {}, LARGE)
      const draft = spool.open()
      for (let i = 0; i < 3; i++) await draft.write(LARGE)
      await writeFile(join(path, 'bodies/orphan'), 'whose row never came')
      await spool.sweep(clock.now() + HOUR / 2)
      assert.deepEqual((await readdir(join(path, 'bodies'))).toSorted(), [kept.id, 'orphan'].toSorted())
      await spool.sweep(clock.now() + 2 * HOUR)
      assert.deepEqual(await readdir(join(path, 'bodies')), [kept.id])
      assert.deepEqual(await readdir(join(path, 'drafts')), ['test'])
      assert.deepEqual(await readdir(join(path, 'drafts/test')), [draft.id])
      await draft.commit(recordOf(clock, draft.octets))
      assert.equal((await octets(await spool.read(kept.id))).length, 19 + LARGE.length)
      assert.equal((await octets(await spool.read(draft.id))).length, 19 + 3 * LARGE.length)
      await spool.close()
    }))

  test('the database gives back room that it needs no more', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const spool = await open(path, clock)
      await Promise.all(Array.from({ length: 150 }, () => put(spool, clock, {}, Buffer.alloc(100_000))))
      for (const claim of await claimWith(spool, clock, { most: 1000 })) await settleAll(spool, clock, claim)
      await spool.sweep(clock.now())
      await spool.close()
      const { size } = await stat(join(path, 'spool.db'))
      assert.ok(size < 8_000_000, `${size} octets for nothing`)
    }))

  test('a body whose file is lost is told, and takes nothing else with it', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const spool = await open(path, clock)
      const [lost, cut] = [await put(spool, clock, {}, LARGE), await put(spool, clock, {}, LARGE)]
      await rm(join(path, 'bodies', lost.id))
      await truncate(join(path, 'bodies', cut.id), 70_000)
      for (const { id } of [lost, cut]) await assert.rejects(octets(await spool.read(id)), isBroken(/./))
      for (const claim of await claimWith(spool, clock))
        await assert.rejects(octets(claim.message.content()), isBroken(/./))
      await put(spool, clock)
      assert.equal((await spool.counts()).messages, 3)
      await spool.close()
    }))

  test('a thread that dies fails what it had, and the next call finds another', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const probe = new URL('../../test/faults/fixtures/spool-dying-thread.ts', import.meta.url).href
      const spool = await open(path, clock, { probe })
      await put(spool, clock, { recipients: [to('a@x', { lane: 'l' })] })
      await assert.rejects(spool.rests.rest('die', 1, 'now'), isBroken(/ended/))
      await put(spool, clock)
      assert.equal((await spool.counts()).messages, 2)
      assert.equal((await claimWith(spool, clock)).length, 2)
      await spool.close()
    }))

  test('a large write-ahead log is told once', () => {
    const told: unknown[] = []
    const alarm = logAlarm({ event: (...event) => told.push(event) })
    const MIB = 1024 * 1024
    for (const size of [1, 256, 257, 300, 10, 400]) alarm(size * MIB)
    assert.deepEqual(told, [
      ['warn', 'spool-log-large', { octets: 257 * MIB }],
      ['warn', 'spool-log-large', { octets: 400 * MIB }],
    ])
  })
})
