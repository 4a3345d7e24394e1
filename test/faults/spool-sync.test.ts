import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { systemClock } from '../../src/observe/clock.ts'
import { silentLog } from '../../src/observe/log.ts'
import { octets } from '../../src/spool/contract-fixtures.ts'
import { openSqliteSpool } from '../../src/spool/sqlite.ts'
import { inFolder, startFast } from './fixtures/spool-folder.ts'
import { goesOn, INLINE_UP_TO, LARGE, SMALL } from './fixtures/spool-life.ts'
import type { Mistake } from './fixtures/spool-steps.ts'
import { brokenPromises, compiled, type Failure, observe } from './fixtures/syscall-log.ts'

// kill -9 leaves the page cache as it was, so no crash test can tell whether anything was ever synced. These can.

let folder: string
let library: string | undefined

before(async () => {
  startFast()
  folder = await mkdtemp(join(tmpdir(), 'smail-syscalls-'))
  library = compiled(folder)
})

after(() => rm(folder, { recursive: true }))

const withLibrary = (run: (library: string) => Promise<void>) => async (context: TestContext) => {
  if (library === undefined) return context.skip('needs a C compiler (cc)')
  await run(library)
}

const COMMITS = { commits: 8 }

test(
  'what is acknowledged was synced before',
  withLibrary(async (library) => {
    await inFolder(async (parent) => {
      const { said, calls } = await observe(library, { path: join(parent, 'spool'), does: COMMITS })
      assert.equal(said.filter((line) => line.startsWith('kept')).length, COMMITS.commits)
      assert.deepEqual(brokenPromises(calls), [])
    })
  }),
)

test(
  'settlements, reports and forks were synced before they were acknowledged, and so were the names of a new spool',
  withLibrary(async (library) => {
    await inFolder(async (parent) => {
      const path = join(parent, 'spool')
      const { calls } = await observe(library, { path, does: 'life' })
      assert.deepEqual(brokenPromises(calls), [])
      const opened = calls.findIndex((call) => call.call === 'said' && call.text === 'opened')
      const synced = calls.slice(0, opened).flatMap((call) => (call.call === 'sync' ? [call.path] : []))
      for (const name of [path, parent, join(path, 'spool.db')])
        assert.ok(synced.includes(name), `${name} was not synced`)
    })
  }),
)

const MISTAKES: Readonly<Record<Mistake, RegExp>> = {
  'no sync of the log': /the log was not synced/,
  'no sync of the body': /the body was not synced before it was moved/,
  'no sync of the folder': /the folder was not synced before the row was written/,
}

for (const mistake of ['no sync of the log', 'no sync of the body', 'no sync of the folder'] as const)
  test(
    `${mistake}: it is noticed`,
    withLibrary(async (library) => {
      await inFolder(async (parent) => {
        const { calls } = await observe(library, { path: join(parent, 'spool'), does: COMMITS, mistake })
        const broken = brokenPromises(calls)
        assert.ok(broken.length > 0)
        for (const promise of broken) assert.match(promise, MISTAKES[mistake])
      })
    }),
  )

const { EIO, ENOSPC, EROFS } = constants.errno

// The first syncs of the log are those of its making.
const FAILURES: readonly (Failure & { readonly kind: 'full' | 'broken'; readonly size: 'small' | 'large' | 'any' })[] =
  [
    { call: 'sync', part: 'spool.db-wal', nth: 6, errno: EIO, kind: 'broken', size: 'any' },
    { call: 'write', part: 'spool.db-wal', nth: 80, errno: ENOSPC, kind: 'full', size: 'any' },
    { call: 'write', part: 'spool.db-wal', nth: 81, errno: EIO, kind: 'broken', size: 'any' },
    { call: 'write', part: 'drafts/', nth: 5, errno: ENOSPC, kind: 'full', size: 'large' },
    { call: 'write', part: 'drafts/', nth: 6, errno: EROFS, kind: 'broken', size: 'large' },
    { call: 'sync', part: 'drafts/', nth: 2, errno: EIO, kind: 'broken', size: 'large' },
    { call: 'rename', part: 'bodies/', nth: 2, errno: ENOSPC, kind: 'full', size: 'large' },
    { call: 'sync', part: '/bodies', nth: 2, errno: EIO, kind: 'broken', size: 'large' },
  ]

for (const { kind, size, ...failure } of FAILURES)
  test(
    `when ${failure.call} number ${failure.nth} of ${failure.part} fails with ${failure.errno}, one is refused, none is lost`,
    withLibrary(async (library) => {
      await inFolder(async (parent) => {
        const path = join(parent, 'spool')
        const { said, calls } = await observe(library, { path, does: COMMITS }, failure)
        assert.equal(calls.filter(({ call }) => call === 'failed').length, 1)
        const refused = said.filter((line) => line.startsWith('refused'))
        assert.equal(refused.length, 1, said.join())
        assert.match(refused[0] ?? '', new RegExp(`^refused ${size === 'any' ? '\\w+' : size} ${kind}$`))
        const kept = said.filter((line) => line.startsWith('kept')).map((line) => line.split(' '))
        assert.equal(kept.length, COMMITS.commits - 1)
        assert.deepEqual(brokenPromises(calls), [])

        const clock = systemClock()
        const spool = await openSqliteSpool({ path, owner: 'child', clock, log: silentLog, inlineUpTo: INLINE_UP_TO })
        for (const [, size, id = ''] of kept) {
          const body = (await octets(await spool.read(id))).subarray('Received: by here\r\n'.length)
          assert.ok(body.equals(size === 'small' ? SMALL : LARGE), `${id} is not what was kept`)
        }
        assert.equal((await spool.counts()).messages, kept.length)
        await goesOn(spool, clock)
        await spool.close()
      })
    }),
  )
