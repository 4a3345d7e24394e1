import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '../observe/clock.ts'
import { silentLog } from '../observe/log.ts'
import { HandClock, octets, recordOf } from './contract-fixtures.ts'
import { memorySpool } from './memory.ts'
import { PER_OPENING } from './partials.ts'
import { LeaseLost, type PartialBody, type Spool, SpoolError } from './spool.ts'
import { openSqliteSpool, type SqliteSpoolOptions } from './sqlite.ts'

const HOUR = 3_600_000
const LARGE = Buffer.alloc(200_000, 'x')

const inFolder = async (run: (path: string) => Promise<void>): Promise<void> => {
  const path = await mkdtemp(join(tmpdir(), 'smail-spool-'))
  try {
    await run(path)
  } finally {
    await rm(path, { recursive: true })
  }
}

const open = (path: string, clock: Clock, more: Partial<SqliteSpoolOptions> = {}): Promise<Spool> =>
  openSqliteSpool({ path, owner: 'test', clock, log: silentLog, ...more })

const isBroken =
  (why: RegExp) =>
  (error: unknown): boolean =>
    error instanceof SpoolError && error.kind === 'broken' && why.test(error.message)

describe('sqlite: files of partials', { concurrency: 4 }, () => {
  test('files of partials go with them, and what they need no more goes at once or is swept', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const spool = await open(path, clock)
      const files = () => readdir(join(path, 'partials'))
      const about = { note: '', expires: clock.now() + HOUR, owner: 'o', most: 10 * LARGE.length }
      const store = async (partial: PartialBody | undefined) => {
        await partial?.write(LARGE)
        await partial?.sync()
      }
      const find = async (name: string) => {
        const found = await spool.partials.find(name, clock.now())
        return found?.is === 'partial' ? found.partial : undefined
      }
      await store(await spool.partials.begin('a', about))
      const lost = await find('a')
      await lost?.write(LARGE)
      assert.equal((await files()).length, 1 + 1)
      await store(await find('a'))
      await store(await find('a'))
      assert.equal((await files()).length, 3)
      await lost?.drop()
      assert.equal((await octets((await find('a'))?.body())).length, 3 * LARGE.length)

      await writeFile(join(path, 'partials/orphan'), 'of an earlier life')
      await spool.sweep(clock.now())
      assert.equal((await files()).length, 3)
      await store(await spool.partials.begin('a', about))
      assert.equal((await files()).length, 1)
      await (await find('a'))?.complete('M', clock.now() + HOUR)
      assert.deepEqual(await files(), [])

      const draft = spool.open()
      await draft.write(LARGE)
      const partial = await spool.partials.begin('b', about)
      await store(partial)
      await draft.commit(recordOf(clock, LARGE.length, { completes: { partial, until: clock.now() + HOUR } }))
      assert.deepEqual(await files(), [])

      await store(await spool.partials.begin('c', about))
      await spool.sweep(clock.now() + HOUR)
      assert.deepEqual(await files(), [])
      await spool.close()
    }))

  test('another process of the instance may take a partial over, and what the loser writes harms nothing', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const one = await open(path, clock, { owner: 'one' })
      const two = await open(path, clock, { owner: 'two', shared: true })
      const about = { note: 'n', expires: clock.now() + HOUR, owner: 'o', most: 10 * LARGE.length }
      const loser = await one.partials.begin('a', about)
      await loser.write(Buffer.from('start '))
      await loser.sync()
      const found = await two.partials.find('a', clock.now())
      assert.ok(found?.is === 'partial')
      await loser.write(LARGE)
      await found.partial.write(Buffer.from('end'))
      await found.partial.sync()
      await assert.rejects(loser.sync(), LeaseLost)
      await assert.rejects(async () => loser.write(LARGE), LeaseLost)
      await loser.drop()
      await one.sweep(clock.now())
      assert.equal((await octets(found.partial.body())).toString(), 'start end')
      await two.close()
      await one.close()
    }))

  test('a partial whose file is lost is told', () =>
    inFolder(async (path) => {
      const clock = new HandClock()
      const spool = await open(path, clock)
      const about = { note: '', expires: clock.now() + HOUR, owner: 'o', most: 10 * LARGE.length }
      const partial = await spool.partials.begin('a', about)
      await partial.write(LARGE)
      await partial.sync()
      const [file = ''] = await readdir(join(path, 'partials'))
      await truncate(join(path, 'partials', file), 5)
      await assert.rejects(octets(partial.body()), isBroken(/ends at 5 of 200000/))
      await rm(join(path, 'partials', file))
      await assert.rejects(octets(partial.body()), isBroken(/ENOENT/))
      await spool.close()
    }))
})

const step = fc.oneof(
  fc.record({
    do: fc.constant('begin' as const),
    name: fc.constantFrom('a', 'b', 'c'),
    owner: fc.constantFrom('ann', 'bob'),
    most: fc.integer({ min: 1, max: 6 * PER_OPENING }),
    lasts: fc.integer({ min: 1, max: 300 }),
  }),
  fc.record({ do: fc.constantFrom('find', 'drop', 'pass'), name: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ do: fc.constant('write' as const), which: fc.nat(), octets: fc.integer({ min: 0, max: PER_OPENING }) }),
  fc.record({ do: fc.constantFrom('sync', 'sync', 'complete', 'give up', 'close'), which: fc.nat() }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** One spool and the partials that were ever opened in it. */
class Side {
  readonly #spool: Spool
  readonly #clock: HandClock
  #opened: PartialBody[] = []
  #steps = 0

  constructor(spool: Spool, clock: HandClock) {
    this.#spool = spool
    this.#clock = clock
  }

  /** What comes of it: an error by its name and kind. */
  async take(step: Step): Promise<unknown> {
    this.#steps++
    try {
      return await this.#take(step)
    } catch (error) {
      return error instanceof SpoolError ? error.kind : (error as Error).name
    }
  }

  async empty(): Promise<void> {
    this.#opened = []
    for (const name of 'abc') await this.#spool.partials.drop(name)
  }

  async #take(step: Step): Promise<unknown> {
    const { partials } = this.#spool
    const now = this.#clock.now()
    if ('name' in step && step.do === 'begin') {
      const { name, owner, most, lasts } = step
      const partial = await partials.begin(name, { note: `${this.#steps}`, expires: now + lasts, owner, most })
      this.#opened.push(partial)
      return
    }
    if ('name' in step) {
      if (step.do === 'drop') return partials.drop(step.name)
      if (step.do === 'pass') return this.#pass()
      const found = await partials.find(step.name, now)
      if (found?.is !== 'partial') return found
      this.#opened.push(found.partial)
      return [found.partial.note, await octets(found.partial.body())]
    }
    const partial = this.#opened[step.which % Math.max(1, this.#opened.length)]
    if (step.do === 'write') return partial?.write(Buffer.alloc(step.octets, this.#steps))
    if (step.do === 'sync') return partial?.sync()
    if (step.do === 'complete') return partial?.complete(`M${this.#steps}`, now + 200)
    return step.do === 'close' ? partial?.close() : partial?.drop()
  }

  async #pass(): Promise<void> {
    this.#clock.pass(50)
    await this.#spool.sweep(this.#clock.now())
  }
}

test('the engines agree on whatever becomes of partials', () =>
  inFolder(async (path) => {
    const clocks = [new HandClock(), new HandClock()] as const
    const spool = await open(path, clocks[1])
    const [memory, sqlite] = [new Side(memorySpool({ clock: clocks[0] }), clocks[0]), new Side(spool, clocks[1])]
    const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      await Promise.all([memory.empty(), sqlite.empty()])
      for (const step of steps) assert.deepEqual(await sqlite.take(step), await memory.take(step), JSON.stringify(step))
    })
    try {
      await fc.assert(property, { numRuns: Number(process.env['FUZZ_RUNS'] ?? 20), interruptAfterTimeLimit: 60_000 })
    } finally {
      await spool.close()
    }
  }))
