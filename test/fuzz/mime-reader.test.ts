import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mimeMessage, mutatedMessage, readMime } from './mime-input.ts'
import { readMimeSlowly } from './reference-mime.ts'
import { randomFrom, runs } from './runs.ts'

// FUZZ_SEED to repeat one: input i is made from seed + i.
const RUNS = runs(6000)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)

const cut = (text: string, random: (below: number) => number): Buffer[] => {
  const most = [1, 3, 20, 1000][random(4)] ?? 1
  const chunks: Buffer[] = []
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + random(most)
    chunks.push(Buffer.from(text.slice(at, end), 'latin1'))
    at = end
  }
  return chunks
}

const agrees = (text: string, chunks: readonly Buffer[], maxDepth: number, seed: number): void => {
  const story = () => `FUZZ=1 FUZZ_SEED=${seed}: ${JSON.stringify(text)}`
  const { told, all } = readMime(chunks, maxDepth)
  assert.equal(all, text, story())
  const wanted = readMimeSlowly(text, maxDepth)
  if (JSON.stringify(told) !== JSON.stringify(wanted)) assert.deepEqual(told, wanted, story())
}

test(`every octet is handed over, as what the slow reader takes it for, for ${RUNS} messages`, () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const random = randomFrom(seed)
    const text = random(2) === 0 ? mimeMessage(random) : mutatedMessage(random)
    const maxDepth = [1, 3, 100, 100][random(4)] ?? 100
    for (let cuts = 0; cuts < 3; cuts++) agrees(text, cut(text, random), maxDepth, seed)
  }
})
