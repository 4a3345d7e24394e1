import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { SOURCE_HASH } from './compiled.ts'
import { engineHere, kernels, kernelsFor } from './fastest.ts'
import type { Encoder, Kernels, LineFacts } from './kernels.ts'
import { plainKernels } from './plain.ts'

test('compiled.ts is made of kernels.c as it is now: else run scripts/kernels.mjs', () => {
  const source = readFileSync(new URL('kernels.c', import.meta.url))
  assert.equal(createHash('sha256').update(source).digest('hex'), SOURCE_HASH)
})

test('plain JavaScript where there is no WebAssembly, or none with SIMD', () => {
  assert.equal(kernels.name, 'simd')
  assert.equal(kernelsFor(undefined).name, 'plain')
  assert.ok(engineHere)
  const withoutSimd = class {
    constructor() {
      throw new Error('Wasm SIMD unsupported')
    }
  }
  assert.equal(kernelsFor({ ...engineHere, Instance: engineHere.Instance, Module: withoutSimd }).name, 'plain')
})

const pieces = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('\r\n', ' ', '\t', 'word ', 'From ', '--', '.', '=', 'ä', 'слово ') },
    { weight: 1, arbitrary: fc.constantFrom('\r', '\n', '\0', '\x7f', '\r\r\n', ' \r', '\r\n\r\n') },
    { weight: 2, arbitrary: fc.nat(100).map((n) => 'x'.repeat(n)) },
    { weight: 1, arbitrary: fc.nat(100).map((n) => 'я'.repeat(n)) },
    { weight: 1, arbitrary: fc.nat(40).map((n) => '--.From '.repeat(n)) },
  ),
  { maxLength: 60 },
)
const octets = fc.oneof(
  pieces.map((all) => Buffer.from(all.join(''))),
  fc.uint8Array({ maxLength: 500 }).map((all) => Buffer.from(all)),
)
/** More than the kernels take at once. */
const many = fc.tuple(pieces, fc.integer({ min: 65_400, max: 65_700 })).map(([all, half]) => {
  const some = all.join('') || '\xff'
  return Buffer.from(some.repeat(Math.ceil(140_000 / some.length))).subarray(0, 2 * half)
})
const sizes = fc.array(fc.oneof(fc.nat(5), fc.nat(100), fc.constant(65_536)), { maxLength: 40 })

const cut = (whole: Buffer, at: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = []
  let from = 0
  for (const size of at) {
    chunks.push(whole.subarray(from, from + size))
    from += size
  }
  return [...chunks, whole.subarray(from)]
}

const ENCODERS: readonly ((one: Kernels) => Encoder)[] = [
  (one) => one.quotedPrintable('text'),
  (one) => one.quotedPrintable('binary'),
  (one) => one.base64(),
]

const agreeOnFacts = (whole: Buffer, at: readonly number[]): void => {
  const none: LineFacts = { eightBit: 0, nul: false, bareNewline: false, longest: 0, line: 0, afterCr: false }
  const [plain, simd] = [{ ...none }, { ...none }]
  for (const chunk of cut(whole, at).filter(({ length }) => length > 0)) {
    plainKernels.scan(chunk, plain)
    kernels.scan(chunk, simd)
    assert.deepEqual(simd, plain)
  }
}

/** deepEqual of large buffers takes minutes to say where they differ. */
const same = (found: Buffer, expected: Buffer): void => {
  if (found.equals(expected)) return
  const at = Math.max(0, found.findIndex((octet, index) => octet !== expected[index]) - 100)
  assert.equal(found.toString('latin1', at, at + 200), expected.toString('latin1', at, at + 200), `at ${at}`)
  assert.equal(found.length, expected.length)
}

const agree = (wholes: readonly Buffer[], at: readonly number[]): void => {
  const running = wholes.flatMap((whole) =>
    ENCODERS.map((make) => ({ whole, make, one: make(kernels), chunks: cut(whole, at), outputs: [] as Uint8Array[] })),
  )
  for (let n = 0; n <= at.length; n++) {
    for (const { one, chunks, outputs } of running) outputs.push(one.write(chunks[n] ?? Buffer.alloc(0)))
  }
  for (const { whole, make, one, outputs } of running) {
    outputs.push(one.end())
    const plain = make(plainKernels)
    same(Buffer.concat(outputs), Buffer.concat([plain.write(whole), plain.end()]))
  }
}

test('encoders that take turns on one memory give what plain JavaScript gives of the whole', () => {
  fc.assert(fc.property(fc.array(octets, { minLength: 1, maxLength: 3 }), sizes, agree), { numRuns: 500 })
})

test('scans agree after every piece', () => {
  fc.assert(fc.property(octets, sizes, agreeOnFacts), { numRuns: 1000 })
})

test('more than the kernels take at once', () => {
  // Made smaller, such input shows nothing more, but takes minutes.
  const once = { numRuns: 50, endOnFailure: true }
  fc.assert(fc.property(fc.array(many, { minLength: 1, maxLength: 2 }), sizes, agree), once)
  fc.assert(fc.property(many, sizes, agreeOnFacts), once)
})
