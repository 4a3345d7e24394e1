import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { kernels as simd } from './kernels/fastest.ts'
import type { Kernels } from './kernels/kernels.ts'
import { plainKernels } from './kernels/plain.ts'
import { octetScan, type ScanFacts } from './octet-scan.ts'

const ALL: readonly Kernels[] = [plainKernels, simd]

/** The same, octet by octet and with all of them at hand. */
const slowly = (octets: Buffer): ScanFacts => {
  const lines = octets.toString('latin1').split('\r\n')
  return {
    octets: octets.length,
    eightBit: octets.filter((octet) => octet > 127).length,
    nul: octets.includes(0),
    bareNewline: lines.some((line) => /[\r\n]/.test(line)),
    longestLine: Math.max(...lines.map((line) => line.length)),
    endsWithNewline: lines.at(-1) === '',
    notUtf8: !isUtf8(octets),
  }
}

const scan = (chunks: readonly Uint8Array[], kernels: Kernels): ScanFacts => {
  const one = octetScan(kernels)
  for (const chunk of chunks) one.write(chunk)
  return one.end()
}

test('any octets, cut anywhere: as the slow reference says', () => {
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('\r\n', '\r\n', 'word ', 'ä', '€', '😀') },
    { weight: 1, arbitrary: fc.constantFrom('\r', '\n', '\0', '\r\r\n', '\r\n\n') },
    { weight: 2, arbitrary: fc.nat(200).map((n) => 'x'.repeat(n)) },
  )
  const octets = fc.oneof(
    fc.array(piece, { maxLength: 24 }).map((pieces) => Buffer.from(pieces.join(''))),
    fc.uint8Array({ maxLength: 40, min: 120, max: 255 }).map((array) => Buffer.from(array)),
    fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  )
  const cuts = fc.array(fc.oneof(fc.nat(3), fc.nat(80)), { maxLength: 60 })
  for (const kernels of ALL) {
    fc.assert(
      fc.property(octets, cuts, (whole, sizes) => {
        const chunks: Uint8Array[] = []
        let at = 0
        for (const size of sizes) {
          chunks.push(new Uint8Array(whole.subarray(at, at + size)))
          at += size
        }
        chunks.push(whole.subarray(at))
        assert.deepEqual(scan(chunks, kernels), slowly(whole))
      }),
      { numRuns: 3000 },
    )
  }
})

test('a large chunk, whatever stands where it may be cut', () => {
  for (const kernels of ALL) {
    for (const before of [16_383, 16_384, 65_534, 65_535, 65_536, 65_537, 131_071]) {
      const octets = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from('\r\n€\r\n\0')])
      assert.deepEqual(scan([octets], kernels), slowly(octets))
    }
  }
})

test('the chunk may be reused', () => {
  for (const kernels of ALL) {
    const one = octetScan(kernels)
    const chunk = Buffer.from('x\xe2\x82', 'latin1')
    one.write(chunk)
    chunk.fill(0xac)
    one.write(chunk.subarray(0, 1))
    assert.deepEqual(one.end(), slowly(Buffer.from('x€')))
  }
})
