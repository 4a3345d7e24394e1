import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ConversionRules } from '../../src/mime/convert/rules.ts'
import { checkRefusal, checkResult, convert } from '../doubles/conversion-checks.ts'
import { mimeMessage, mutated, mutatedMessage } from './mime-input.ts'
import { randomFrom, runs } from './runs.ts'

type Random = (below: number) => number

// FUZZ_SEED to repeat one: input i is made from seed + i.
const RUNS = runs(1500)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
/** In the long run it is noticed when this much time is taken for 64 KiB, once others on the machine cannot be why. */
const MOST_MILLISECONDS = process.env['FUZZ'] === undefined ? Number.POSITIVE_INFINITY : 100

const corpus = globSync(join(import.meta.dirname, '../corpus/*.eml'))
  .sort()
  .map((file) => readFileSync(file).toString('latin1'))

const message = (random: Random): Buffer => {
  const kind = random(4)
  const text =
    kind === 0
      ? mimeMessage(random)
      : kind === 1
        ? mutatedMessage(random)
        : mutated(corpus[random(corpus.length)] ?? '', random)
  return Buffer.from(text, 'latin1')
}

const rulesFrom = (random: Random): ConversionRules => ({
  encoding: random(3) > 0 ? '7bit' : '8bit',
  maxLine: random(4) > 0 ? 998 : 200,
  header: random(3) > 0 ? 'ascii' : 'raw',
  signed: random(2) > 0 ? 'bounce' : 'convert',
  utf8Headers: random(3) > 0 ? 'encode' : 'refuse',
})

/** How long it takes at best. */
const timed = async (octets: Buffer, rules: ConversionRules): Promise<number> => {
  let best = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 5 && best > MOST_MILLISECONDS; attempt++) {
    const began = performance.now()
    await convert(octets, rules)
    best = Math.min(best, performance.now() - began)
  }
  return best
}

test('mutated messages become fit for a hop without loss, or are refused with a reason', async () => {
  for (let run = 0; run < RUNS; run++) {
    const seed = SEED + run
    const random = randomFrom(seed)
    const octets = message(random)
    const rules = rulesFrom(random)
    const cuts = () => Array.from({ length: random(6) }, () => random(octets.length + 1))
    try {
      const began = performance.now()
      const result = await convert(octets, rules, cuts(), cuts())
      const slow = performance.now() - began > MOST_MILLISECONDS
      if ('octets' in result) checkResult(octets, result, rules)
      else checkRefusal(result)
      const most = MOST_MILLISECONDS * Math.ceil(octets.length / 65_536)
      if (slow) assert.ok((await timed(octets, rules)) <= most, `${octets.length} octets took more than ${most} ms`)
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed} with ${JSON.stringify(rules)}: ${error}`, { cause: error })
    }
  }
})
