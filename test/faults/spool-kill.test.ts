import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { before, test } from 'node:test'
import { systemClock } from '../../src/observe/clock.ts'
import { silentLog } from '../../src/observe/log.ts'
import { memorySpool } from '../../src/spool/memory.ts'
import { openSqliteSpool } from '../../src/spool/sqlite.ts'
import type { ChildOrders } from './fixtures/spool-child.ts'
import { inFolder, startFast } from './fixtures/spool-folder.ts'
import { goesOn, INLINE_UP_TO, life, picture } from './fixtures/spool-life.ts'
import type { Death } from './fixtures/spool-steps.ts'

const clock = systemClock()
const CHILD = new URL('./fixtures/spool-child.ts', import.meta.url).pathname
const HOURS = 3_600_000

/** How a life looks after each of its phases. */
const expected: string[] = []

before(async () => {
  startFast()
  const spool = memorySpool({ clock })
  expected.push(await picture(spool, clock))
  for (const phase of life) {
    await phase(spool, clock)
    expected.push(await picture(spool, clock))
  }
  assert.equal(new Set(expected).size, life.length + 1)
})

interface Ended {
  readonly said: readonly string[]
  readonly signal: string | null
}

const run = (orders: ChildOrders): Promise<Ended> =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [CHILD, JSON.stringify(orders)], (error, stdout, stderr) => {
      const signal = error?.signal ?? null
      if (error && signal !== 'SIGKILL') return reject(new Error(`${error.message}\n${stderr}`))
      resolve({ said: stdout.split('\n').filter(Boolean), signal })
    })
  })

/** The dead process's spool holds what was acknowledged, perhaps what was under way as a whole, and nothing else. */
const examine = async (path: string, { said }: Ended): Promise<void> => {
  const done = said.filter((line) => line.startsWith('done')).length
  const spool = await openSqliteSpool({ path, owner: 'child', clock, log: silentLog, inlineUpTo: INLINE_UP_TO })
  try {
    await spool.recover('queue', clock.now())
    const found = await picture(spool, clock)
    assert.ok(expected.slice(done, done + 2).includes(found), `after ${done} phases: ${found}`)
    await goesOn(spool, clock)
    assert.equal(await picture(spool, clock), found)
    await spool.sweep(clock.now() + 2 * HOURS)
    const large = new Set(
      (await spool.list({ most: 500 })).map(({ facts }) => facts.octets).filter((o) => o > INLINE_UP_TO),
    )
    assert.deepEqual((await readdir(`${path}/bodies`)).length > 0, large.size > 0)
    assert.deepEqual(await readdir(`${path}/drafts/child`), [])
  } finally {
    await spool.close()
  }
}

test('a life without a death', async () => {
  await inFolder(async (path) => {
    const ended = await run({ path, does: 'life' })
    assert.equal(ended.signal, null)
    await examine(path, ended)
  })
})

const stepsOf = async (): Promise<Death[]> =>
  inFolder(async (path) => {
    const [, disk = '0', store = '0'] = (await run({ path, does: 'life' })).said.at(-1)?.split(' ') ?? []
    const deaths = (kind: Death['kind'], count: number) =>
      Array.from({ length: count }, (_, i) => ({ kind, at: i + 1 }))
    return [...deaths('disk', Number(disk)), ...deaths('store', Number(store))]
  })

test('killed before every step of a life, it keeps what it promised and nothing by half', async () => {
  const deaths = await stepsOf()
  assert.ok(deaths.length > 60, `only ${deaths.length} steps`)
  const worker = async () => {
    for (let death = deaths.shift(); death; death = deaths.shift()) {
      const orders = { does: 'life', death } as const
      await inFolder(async (path) => {
        const ended = await run({ path, ...orders })
        assert.equal(ended.signal, 'SIGKILL', `did not die at ${JSON.stringify(orders.death)}`)
        await examine(path, ended)
      })
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
})
