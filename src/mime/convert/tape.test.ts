import assert from 'node:assert/strict'
import { mkdtemp, readdir, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ScratchFile } from './scratch-file.ts'
import { TapeReader, TapeWriter } from './tape.ts'

/** As the second pass reads: as many codes as it may need, and of these some. */
const readAll = async (reader: TapeReader, steps: readonly number[]): Promise<number[]> => {
  const read: number[] = []
  for (let step = 0; ; step++) {
    const count = steps[step % steps.length] ?? 1
    await reader.fill(count)
    for (let n = 0; n < count; n++) {
      const code = reader.next()
      if (code === undefined) return read
      read.push(code)
    }
  }
}

test('what is written is read, as often as wanted, in memory and out of it', async () => {
  await using scratch = new ScratchFile(tmpdir())
  const codes = fc.array(fc.nat(255), { maxLength: 3000 })
  await fc.assert(
    fc.asyncProperty(
      codes,
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
      fc.nat(500),
      async (all, steps, limit) => {
        const tape = new TapeWriter(limit, scratch)
        for (const code of all) {
          tape.push(code)
          if (tape.full) assert.equal(await tape.spill(), true)
        }
        const finished = tape.finish()
        assert.equal(finished.length, all.length)
        assert.deepEqual(await readAll(new TapeReader(finished), steps), all)
        assert.deepEqual(await readAll(new TapeReader(finished), [4000]), all)
      },
    ),
    { numRuns: 100 },
  )
})

test('without scratch nothing leaves the memory, and a tape that is full says so', async () => {
  const tape = new TapeWriter(2)
  for (const code of [1, 2]) tape.push(code)
  assert.equal(tape.full, false)
  tape.push(3)
  assert.equal(tape.full, true)
  assert.equal(await tape.spill(), false)
  assert.deepEqual(await readAll(new TapeReader(tape.finish()), [1]), [1, 2, 3])
})

test('a scratch file has no name, and is not made before it is needed', async () => {
  // Others make scratch files meanwhile, elsewhere.
  const folder = await mkdtemp(join(tmpdir(), 'scratch-'))
  const scratch = new ScratchFile(folder)
  await assert.rejects(scratch.read(0, 1), /shorter/)
  await scratch.write(Buffer.from('abc'), 0)
  await scratch.write(Buffer.from('def'), 3)
  assert.deepEqual(await readdir(folder), [])
  assert.deepEqual(Buffer.from(await scratch.read(2, 3)).toString(), 'cde')
  await assert.rejects(scratch.read(4, 5), /shorter/)
  await scratch[Symbol.asyncDispose]()
  await new ScratchFile('/nowhere')[Symbol.asyncDispose]()
  await rmdir(folder)
})
