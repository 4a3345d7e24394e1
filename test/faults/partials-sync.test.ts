import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { systemClock } from '../../src/observe/clock.ts'
import { silentLog } from '../../src/observe/log.ts'
import { openSqliteSpool } from '../../src/spool/sqlite.ts'
import { state } from './fixtures/partials-life.ts'
import { brokenSyncs } from './fixtures/partials-log.ts'
import { inFolder, startFast } from './fixtures/spool-folder.ts'
import { INLINE_UP_TO } from './fixtures/spool-life.ts'
import type { Mistake } from './fixtures/spool-steps.ts'
import { compiled, type Failure, observe } from './fixtures/syscall-log.ts'

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

test(
  'octets, then the name, then the row, then the word',
  withLibrary(async (library) => {
    await inFolder(async (parent) => {
      const { said, calls } = await observe(library, { path: join(parent, 'spool'), does: 'partials' })
      assert.equal(said.filter((line) => line.startsWith('synced')).length, 3)
      assert.deepEqual(brokenSyncs(calls), [])
    })
  }),
)

const MISTAKES: Readonly<Record<Mistake, RegExp>> = {
  'no sync of the log': /the log was not synced/,
  'no sync of the body': /the octets were not synced/,
  'no sync of the folder': /the folder was not synced/,
}

for (const mistake of ['no sync of the log', 'no sync of the body', 'no sync of the folder'] as const)
  test(
    `${mistake}: it is noticed`,
    withLibrary(async (library) => {
      await inFolder(async (parent) => {
        const { calls } = await observe(library, { path: join(parent, 'spool'), does: 'partials', mistake })
        const broken = brokenSyncs(calls)
        assert.ok(broken.length > 0)
        for (const promise of broken) assert.match(promise, MISTAKES[mistake])
      })
    }),
  )

const { EIO, ENOSPC } = constants.errno

const FAILURES: readonly (Failure & { readonly kind: 'full' | 'broken'; readonly what: string })[] = [
  { call: 'write', part: 'partials/', nth: 2, errno: ENOSPC, kind: 'full', what: 'a write' },
  { call: 'write', part: 'partials/', nth: 4, errno: EIO, kind: 'broken', what: 'a later write' },
  { call: 'sync', part: 'partials/', nth: 2, errno: EIO, kind: 'broken', what: 'a sync' },
  { call: 'sync', part: '/partials', nth: 2, errno: EIO, kind: 'broken', what: 'the sync of the folder' },
]

for (const { kind, what, ...failure } of FAILURES)
  test(
    `when ${what} fails with ${failure.errno}, that sync is refused, and what was durable before is gone on with`,
    withLibrary(async (library) => {
      await inFolder(async (parent) => {
        const path = join(parent, 'spool')
        const { said, calls } = await observe(library, { path, does: 'partials' }, failure)
        assert.equal(calls.filter(({ call }) => call === 'failed').length, 1)
        const at = said.indexOf(`refused ${kind}`)
        assert.ok(at > 0, said.join())
        const offset = said[at - 1]?.split(' ').at(-1)
        assert.equal(said[at + 1], `found ${offset}`)
        assert.deepEqual(brokenSyncs(calls), [])

        const clock = systemClock()
        const spool = await openSqliteSpool({ path, owner: 'child', clock, log: silentLog, inlineUpTo: INLINE_UP_TO })
        assert.equal(await state(spool, clock), 'dropped')
        await spool.close()
      })
    }),
  )
