import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Replay } from './replay.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-replay-'))
after(() => rmSync(folder, { recursive: true }))

const input = (chunks: readonly Uint8Array[]) =>
  (async function* () {
    yield* chunks
  })()

/** So many chunks of a reading, or all. */
const some = async (replay: Replay, most: number): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of replay.read()) {
    chunks.push(chunk)
    if (chunks.length >= most) break
  }
  return Buffer.concat(chunks)
}

test('wherever a reading ended, the next one gives all of it', async () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { maxLength: 12 }),
      fc.nat({ max: 60 }),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 3 }),
      async (chunks, memory, ahead, readings) => {
        const replay = new Replay(input(chunks), { memory, folder })
        const begin = Buffer.from('begin')
        replay.begin(begin)
        if (ahead) await replay.readAhead()
        const whole = Buffer.concat([begin, ...chunks])
        for (const most of readings) {
          const part = await some(replay, most)
          assert.deepEqual(part, whole.subarray(0, part.length))
        }
        assert.deepEqual(await some(replay, Number.POSITIVE_INFINITY), whole)
        await replay.close()
      },
    ),
    { numRuns: 300 },
  )
  assert.deepEqual(readdirSync(folder), [])
})

test('what does not fit into memory and cannot be kept is given once', async () => {
  const chunks = [Buffer.alloc(100, 'a'), Buffer.alloc(100, 'b')]
  const replay = new Replay(input(chunks), { memory: 50, folder: join(folder, 'nowhere') })
  await replay.readAhead()
  assert.equal((await some(replay, Number.POSITIVE_INFINITY)).length, 200)
  await assert.rejects(some(replay, 1), /ENOENT/)
  await replay.close()
})

test('input that breaks is told to whoever reads', async () => {
  const broken = async function* () {
    yield Buffer.from('half')
    throw new Error('input broke')
  }
  const replay = new Replay(broken(), { memory: 2, folder })
  await assert.rejects(some(replay, 5), /input broke/)
  await replay.close()
})
