import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type FoundPart, partsOf } from '../../../test/doubles/mime-leaves.ts'
import { mimeTrees } from '../../../test/doubles/mime-trees.ts'
import { runs } from '../../../test/fuzz/runs.ts'
import { inspector } from '../inspect.ts'
import { octetScan } from '../octet-scan.ts'
import { converted } from './converted.ts'
import { type ConversionPlan, planConversion } from './plan.ts'
import type { ConversionRules, Inconvertible } from './rules.ts'

const RUNS = runs(300)

async function* cut(message: Uint8Array, at: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const to of [...at.map((one) => one % (message.length + 1)).sort((a, b) => a - b), message.length]) {
    // As from a file that is read into one buffer again and again.
    const chunk = Buffer.from(message.subarray(from, to))
    yield chunk
    chunk.fill(0x21)
    from = to
  }
}

interface Result {
  readonly plan: ConversionPlan
  readonly octets: Buffer
}

const convert = async (
  message: Uint8Array,
  rules: ConversionRules,
  first: readonly number[] = [],
  second: readonly number[] = [],
): Promise<Result | Inconvertible> => {
  const plan = await planConversion(cut(message, first), rules)
  if ('status' in plan) return plan
  const chunks: Buffer[] = []
  for await (const chunk of converted(cut(message, second), plan)) chunks.push(Buffer.from(chunk))
  return { plan, octets: Buffer.concat(chunks) }
}

const rules = (over: { readonly maxLine?: number } = {}): fc.Arbitrary<ConversionRules> =>
  fc.record({
    encoding: fc.constantFrom('7bit', '7bit', '8bit'),
    maxLine: fc.constant(over.maxLine ?? 998),
    header: fc.constantFrom('ascii', 'ascii', 'raw'),
    signed: fc.constantFrom('bounce', 'convert'),
    utf8Headers: fc.constant('encode'),
  })

const cuts = fc.array(fc.nat({ max: 5000 }), { maxLength: 12 })
const messages = (which: fc.Arbitrary<string>) =>
  which.map((text) => Object.assign(Buffer.from(text, 'latin1'), { [fc.toStringMethod]: () => JSON.stringify(text) }))

const fits = (octets: Uint8Array, { encoding, maxLine, header }: ConversionRules): void => {
  const scan = octetScan()
  scan.write(octets)
  const facts = scan.end()
  assert.equal(facts.nul, false)
  assert.equal(facts.bareNewline, false)
  assert.ok(facts.longestLine <= maxLine, `a line of ${facts.longestLine}`)
  if (encoding === '7bit' && header === 'ascii') assert.equal(facts.eightBit, 0)
}

/** What is said of a result in a plan. */
const isTrue = (plan: ConversionPlan, octets: Uint8Array): void => {
  const found = inspector({ maxHeader: 1_000_000 })
  found.write(octets)
  assert.deepEqual(plan.facts, found.end().facts)
}

const encodedWell = ({ encoding, body }: FoundPart): void => {
  if (encoding !== 'quoted-printable' && encoding !== 'base64') return
  for (const line of body.split('\r\n')) assert.ok(line.length <= 76, `a line of ${line.length} in ${encoding}`)
}

/** Whether nothing in the part is a reason to touch it, its label apart. */
const isClean = ({ header, body }: FoundPart, rules: ConversionRules): boolean => {
  const bad =
    rules.encoding === '7bit' || rules.header === 'ascii' ? /[\0\x80-\xff]|\r(?!\n)|(?<!\r)\n/ : /\0|\r(?!\n)|(?<!\r)\n/
  return !bad.test(header + body) && (header + body).split('\r\n').every((line) => line.length <= rules.maxLine)
}

const unlabelled = (header: string): string =>
  header.replace(/^content-transfer-encoding[ \t]*:.*\r\n(?:[ \t].*\r\n)*/gim, '')

/** What an encoded subtype is called is nobody's concern. */
const meaningOf = ({ depth, type, decoded }: FoundPart) => ({
  depth,
  type: type.replace(/\/(?:=\?.*|.*[\x80-\xff].*)/, ''),
  decoded,
})

const holds = (message: Uint8Array, { plan, octets }: Result, rules: ConversionRules): void => {
  fits(octets, rules)
  isTrue(plan, octets)
  if (!plan.changes) assert.deepEqual(octets, Buffer.from(message))
  const [before, after] = [partsOf(message), partsOf(octets)]
  assert.equal(plan.parts, before.length)
  assert.deepEqual(after.map(meaningOf), before.map(meaningOf))
  for (const [index, part] of after.entries()) {
    const was = before[index]
    assert(was)
    if (part.body !== was.body) encodedWell(part)
    if (!isClean(was, rules)) continue
    assert.equal(part.body, was.body)
    assert.equal(unlabelled(part.header), unlabelled(was.header))
  }
}

describe('messages of any parts', () => {
  test('that are right become fit, and mean what they meant', async () => {
    await fc.assert(
      fc.asyncProperty(messages(mimeTrees.right), rules(), async (message, target) => {
        const result = await convert(message, target)
        assert('octets' in result, `refused: ${JSON.stringify(result)}`)
        holds(message, result, target)
      }),
      { numRuns: RUNS },
    )
  })

  test('that may be wrong become fit, or are refused with a reason', async () => {
    await fc.assert(
      fc.asyncProperty(messages(mimeTrees.any), rules(), async (message, target) => {
        const result = await convert(message, target)
        if ('octets' in result) holds(message, result, target)
        else {
          assert.match(result.status, /^5\.6\.[379]$/)
          assert.match(result.why, /^[A-Z][ -~]{10,}$/)
        }
      }),
      { numRuns: RUNS },
    )
  })

  test('however the content is cut, in either pass, the result is one', async () => {
    await fc.assert(
      fc.asyncProperty(messages(mimeTrees.any), rules(), cuts, cuts, async (message, target, first, second) => {
        const [whole, pieces] = [await convert(message, target), await convert(message, target, first, second)]
        if (!('octets' in whole) || !('octets' in pieces)) assert.deepEqual(pieces, whole)
        else {
          assert.deepEqual(pieces.octets, whole.octets)
          assert.deepEqual(pieces.plan.facts, whole.plan.facts)
        }
      }),
      { numRuns: RUNS },
    )
  })

  test('are converted once: a second time there is nothing to do', async () => {
    await fc.assert(
      fc.asyncProperty(messages(mimeTrees.any), rules(), async (message, target) => {
        const once = await convert(message, target)
        if (!('octets' in once)) return
        const twice = await convert(once.octets, target)
        assert('octets' in twice, `refused: ${JSON.stringify(twice)}`)
        assert.equal(twice.plan.changes, false)
        assert.deepEqual(twice.octets, once.octets)
      }),
      { numRuns: RUNS },
    )
  })
})
