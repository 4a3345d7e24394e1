import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { checkRefusal, checkResult, convert } from '../../../test/doubles/conversion-checks.ts'
import { mimeTrees } from '../../../test/doubles/mime-trees.ts'
import { runs } from '../../../test/fuzz/runs.ts'
import type { ConversionRules } from './rules.ts'

const RUNS = { numRuns: runs(300) }

const rules: fc.Arbitrary<ConversionRules> = fc.record({
  encoding: fc.constantFrom('7bit', '7bit', '8bit'),
  maxLine: fc.constant(998),
  header: fc.constantFrom('ascii', 'ascii', 'raw'),
  signed: fc.constantFrom('bounce', 'convert'),
  utf8Headers: fc.constant('encode'),
})

const cuts = fc.array(fc.nat({ max: 5000 }), { maxLength: 12 })

/** Shown as text when something is wrong with one. */
const messages = (which: fc.Arbitrary<string>) =>
  which.map((text) => Object.assign(Buffer.from(text, 'latin1'), { [fc.toStringMethod]: () => JSON.stringify(text) }))

describe('messages of any parts', () => {
  test('that are right become fit, and mean what they meant', async () => {
    await fc.assert(
      fc.asyncProperty(messages(mimeTrees.right), rules, async (message, target) => {
        const result = await convert(message, target)
        assert('octets' in result, `refused: ${JSON.stringify(result)}`)
        checkResult(message, result, target)
      }),
      RUNS,
    )
  })

  test('that may be wrong become fit, or are refused with a reason', async () => {
    await fc.assert(
      fc.asyncProperty(messages(mimeTrees.any), rules, async (message, target) => {
        const result = await convert(message, target)
        if ('octets' in result) checkResult(message, result, target)
        else checkRefusal(result)
      }),
      RUNS,
    )
  })

  test('however the content is cut, in either pass, the result is one', async () => {
    await fc.assert(
      fc.asyncProperty(messages(mimeTrees.any), rules, cuts, cuts, async (message, target, first, second) => {
        const [whole, pieces] = [await convert(message, target), await convert(message, target, first, second)]
        if (!('octets' in whole) || !('octets' in pieces)) assert.deepEqual(pieces, whole)
        else {
          assert.deepEqual(pieces.octets, whole.octets)
          assert.deepEqual(pieces.plan.facts, whole.plan.facts)
        }
      }),
      RUNS,
    )
  })

  test('are converted once: a second time there is nothing to do', async () => {
    await fc.assert(
      fc.asyncProperty(messages(mimeTrees.any), rules, async (message, target) => {
        const once = await convert(message, target)
        if (!('octets' in once)) return
        const twice = await convert(once.octets, target)
        assert('octets' in twice, `refused: ${JSON.stringify(twice)}`)
        assert.equal(twice.plan.changes, false)
        assert.deepEqual(twice.octets, once.octets)
      }),
      RUNS,
    )
  })
})
