import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { systemClock } from '../../src/observe/clock.ts'
import { silentLog } from '../../src/observe/log.ts'
import { memorySpool } from '../../src/spool/memory.ts'
import { openSqliteSpool } from '../../src/spool/sqlite.ts'
import { goesOn, partialsLife, state, stateAfter } from './fixtures/partials-life.ts'
import type { ChildOrders } from './fixtures/spool-child.ts'
import { inFolder, startFast } from './fixtures/spool-folder.ts'
import { INLINE_UP_TO } from './fixtures/spool-life.ts'
import type { Death } from './fixtures/spool-steps.ts'

const clock = systemClock()
const CHILD = new URL('./fixtures/spool-child.ts', import.meta.url).pathname

startFast()

/** What may be found after so many words. */
const expected = async (): Promise<string[]> => {
  const states = ['nothing']
  for await (const said of partialsLife(memorySpool({ clock }), clock)) states.push(stateAfter(said))
  return states
}

interface Ended {
  readonly said: readonly string[]
  readonly signal: string | null
}

const run = (path: string, death?: Death): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const orders: ChildOrders = { path, does: 'partials', ...(death && { death }) }
    execFile(process.execPath, [CHILD, JSON.stringify(orders)], (error, stdout, stderr) => {
      const signal = error?.signal ?? null
      if (error && signal !== 'SIGKILL') return reject(new Error(`${error.message}\n${stderr}`))
      resolve({ said: stdout.split('\n').filter(Boolean), signal })
    })
  })

/** The partial is as far as was told, or as was under way, and no octet of it is another's. */
const examine = async (path: string, { said }: Ended, states: readonly string[]): Promise<void> => {
  const told = said.filter((line) => !/^(opened|steps)/.test(line))
  const spool = await openSqliteSpool({ path, owner: 'child', clock, log: silentLog, inlineUpTo: INLINE_UP_TO })
  try {
    const found = await state(spool, clock)
    assert.ok(states.slice(told.length, told.length + 2).includes(found), `after ${told.join(', ')}: ${found}`)
    await spool.sweep(clock.now())
    assert.equal(await state(spool, clock), found)
    await goesOn(spool, clock)
    await spool.sweep(clock.now())
    assert.deepEqual(await readdir(`${path}/partials`), [])
  } finally {
    await spool.close()
  }
}

test('killed before every step of the life of a partial, it keeps what it promised', async () => {
  const states = await expected()
  const deaths = await inFolder(async (path) => {
    const whole = await run(path)
    assert.equal(whole.signal, null)
    await examine(path, whole, states)
    const [, disk = '0', store = '0'] = whole.said.at(-1)?.split(' ') ?? []
    const steps = (kind: Death['kind'], count: number) => Array.from({ length: count }, (_, i) => ({ kind, at: i + 1 }))
    return [...steps('disk', Number(disk)), ...steps('store', Number(store))]
  })
  assert.ok(deaths.length > 60, `only ${deaths.length} steps`)
  const worker = async () => {
    for (let death = deaths.shift(); death; death = deaths.shift()) {
      const at = death
      await inFolder(async (path) => {
        const ended = await run(path, at)
        assert.equal(ended.signal, 'SIGKILL', `did not die at ${JSON.stringify(at)}`)
        await examine(path, ended, states)
      })
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
})
