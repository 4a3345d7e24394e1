import assert from 'node:assert/strict'
import { converted } from '../../src/mime/convert/converted.ts'
import { type ConversionPlan, planConversion } from '../../src/mime/convert/plan.ts'
import type { ConversionRules, Inconvertible } from '../../src/mime/convert/rules.ts'
import { inspector } from '../../src/mime/inspect.ts'
import { octetScan } from '../../src/mime/octet-scan.ts'
import { type FoundPart, partsOf } from './mime-leaves.ts'

/** The message in pieces that end at these places, in any order, each of them lost when the next is asked for. */
async function* cut(message: Uint8Array, at: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const to of [...at.map((one) => one % (message.length + 1)).sort((a, b) => a - b), message.length]) {
    const chunk = Buffer.from(message.subarray(from, to))
    yield chunk
    chunk.fill(0x21)
    from = to
  }
}

export interface Result {
  readonly plan: ConversionPlan
  readonly octets: Buffer
}

/** Where the content is cut in the first pass, and in the second. */
export const convert = async (
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

const fits = (octets: Uint8Array, { encoding, maxLine, header }: ConversionRules): void => {
  const scan = octetScan()
  scan.write(octets)
  const facts = scan.end()
  assert.equal(facts.nul, false)
  assert.equal(facts.bareNewline, false)
  assert.ok(facts.longestLine <= maxLine, `a line of ${facts.longestLine}`)
  if (encoding === '7bit' && header === 'ascii') assert.equal(facts.eightBit, 0)
}

const factsAreTrue = (plan: ConversionPlan, octets: Uint8Array): void => {
  const found = inspector({ maxHeader: 1_000_000 })
  found.write(octets)
  assert.deepEqual(plan.facts, found.end().facts)
}

const isEncodedWell = ({ encoding, body }: FoundPart): void => {
  if (encoding !== 'quoted-printable' && encoding !== 'base64') return
  for (const line of body.split('\r\n')) assert.ok(line.length <= 76, `a line of ${line.length} in ${encoding}`)
}

/** Whether nothing in the part is a reason to touch it, its label apart. */
const isClean = ({ header, body }: FoundPart, rules: ConversionRules): boolean => {
  const strict = rules.encoding === '7bit' || rules.header === 'ascii'
  const bad = strict ? /[\0\x80-\xff]|\r(?!\n)|(?<!\r)\n/ : /\0|\r(?!\n)|(?<!\r)\n/
  return !bad.test(header + body) && (header + body).split('\r\n').every((line) => line.length <= rules.maxLine)
}

const unlabelled = (header: string): string =>
  header.replace(/^content-transfer-encoding[ \t]*:.*\r\n(?:[ \t].*\r\n)*/gim, '')

/** What an encoded subtype is called is nobody's concern. */
const meaningOf = ({ depth, type, decoded }: FoundPart) => ({
  depth,
  type: type.replace(/\/.*(?:=\?|[\x80-\xff]).*/, ''),
  decoded,
})

/**
 * Throws unless the result is what the rules ask for and the plan says, its parts are those of the message, mean what they
 * meant, and are untouched where nothing in them was amiss.
 */
export const checkResult = (message: Uint8Array, { plan, octets }: Result, rules: ConversionRules): void => {
  fits(octets, rules)
  factsAreTrue(plan, octets)
  if (!plan.changes) assert.ok(octets.equals(message))
  const [before, after] = [partsOf(message), partsOf(octets)]
  assert.equal(plan.parts, before.length)
  assert.deepEqual(after.map(meaningOf), before.map(meaningOf))
  for (const [index, part] of after.entries()) {
    const was = before[index]
    assert(was)
    if (part.body !== was.body) isEncodedWell(part)
    if (!isClean(was, rules)) continue
    assert.equal(part.body, was.body)
    assert.equal(unlabelled(part.header), unlabelled(was.header))
  }
}

/** Throws unless a reason is given. */
export const checkRefusal = ({ status, why }: Inconvertible): void => {
  assert.match(status, /^5\.6\.[379]$/)
  assert.match(why, /^[A-Z][ -~]{10,}$/)
}
