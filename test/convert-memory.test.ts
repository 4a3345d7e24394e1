import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { converted } from '../src/mime/convert/converted.ts'
import { planConversion } from '../src/mime/convert/plan.ts'
import { TARGETS } from './corpus/messages.ts'

const MIB = 1_048_576
const BLOCK = 65_536
const DEPTH = 50
/** MiB of a message; what is made of it may take so much more memory than one of a single MiB. */
const SIZE = Number(process.env['MIB'] ?? 64)
const MORE = 8

const RULES = TARGETS['7bit-headers']

const LINE = Buffer.from('Grüße aus Köln, und noch etwas mehr, was in einer Zeile stehen kann.\r\n')
const BODIES = {
  'text/plain; charset=utf-8': Buffer.concat(Array.from({ length: 900 }, () => LINE)),
  'application/octet-stream': Buffer.from(Uint8Array.from({ length: BLOCK }, (_, at) => (at * 7919) >> 3)),
  // Of short parts there are very many.
  'multipart/mixed; boundary=short': Buffer.from(`\r\n--short\r\n\r\n\xe9${' abc'.repeat(100)}`.repeat(160), 'latin1'),
}

/** 50 parts deep. */
async function* nested(type: keyof typeof BODIES, size: number): AsyncGenerator<Uint8Array> {
  const levels = Array.from({ length: DEPTH }, (_, level) => level)
  const opening = levels.map((level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`)
  yield Buffer.from(`MIME-Version: 1.0\r\n${opening.join('')}Content-Type: ${type}\r\n\r\n`)
  const block = BODIES[type]
  for (let at = 0; at < size; at += block.length) yield Buffer.from(block)
  yield Buffer.from(levels.map((level) => `\r\n--b${DEPTH - 1 - level}--\r\n`).join(''))
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const inUse = async (): Promise<number> => {
  // What a first collection finds is given back while the second goes on.
  for (let round = 0; round < 2; round++) {
    collect()
    await new Promise(setImmediate)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The most memory in use while a message of so many octets is converted. */
const most = async (type: keyof typeof BODIES, size: number): Promise<number> => {
  let [peak, seen] = [0, 0]
  async function* watched(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      yield chunk
      seen += chunk.length
      if (seen < size / 8) continue
      seen = 0
      peak = Math.max(peak, await inUse())
    }
  }
  const plan = await planConversion(watched(nested(type, size)), RULES)
  assert('tape' in plan)
  assert.equal(plan.changes, true)
  for await (const _ of converted(watched(nested(type, size)), plan));
  return peak
}

for (const type of Object.keys(BODIES) as (keyof typeof BODIES)[]) {
  test(`${SIZE} MiB of ${type}, ${DEPTH} parts deep, take no more memory than one`, async () => {
    const one = await most(type, MIB)
    const all = await most(type, SIZE * MIB)
    assert.ok(all - one < MORE * MIB, `${((all - one) / MIB).toFixed(1)} MiB more`)
  })
}

/** Headers with names and values of almost 64 KiB, in messages that enclose one another. */
function* longNames(change: string, last: string): Generator<Uint8Array> {
  const long = 'n'.repeat(60_000)
  for (let depth = 0; depth < 99; depth++) {
    yield Buffer.from(`Content-Type: message/rfc822; x=${long}\r\nContent-Transfer-Encoding: 8bit (${long})\r\n`)
    yield Buffer.from(`DKIM-Signature: d=x.test; h=${depth}a:${depth}b${long}\r\n`)
    for (let field = 0; field < 20; field++) yield Buffer.from(`x${field}${long}: ${change}\r\n`, 'latin1')
    yield Buffer.from('\r\n')
  }
  yield Buffer.from(last)
}

for (const [what, change, last] of [
  ['raw octets in fields', '\xe9', '\r\n\0'],
  ['fields that have to change', '\0', '\r\nx'],
] as const) {
  test(`what is remembered of ${what} does not grow with their names`, async () => {
    let [peak, chunks] = [0, 0]
    async function* watched(): AsyncGenerator<Uint8Array> {
      for (const chunk of longNames(change, last)) {
        yield chunk
        if (++chunks % 500 === 0) peak = Math.max(peak, await inUse())
      }
    }
    const before = await inUse()
    const plan = await planConversion(watched(), { ...RULES, encoding: '8bit', header: 'raw', maxLine: Infinity })
    assert.ok('tape' in plan && plan.changes, JSON.stringify(plan))
    assert.ok(peak - before < 16 * MIB, `${((peak - before) / MIB).toFixed(1)} MiB more`)
  })
}
