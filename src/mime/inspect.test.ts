import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BodyFacts } from '../mail/facts.ts'
import { inspector } from './inspect.ts'

const inspect = (chunks: readonly Uint8Array[], maxHeader = 262_144) => {
  const one = inspector({ maxHeader })
  for (const chunk of chunks) one.write(chunk)
  return one.end()
}
const facts = (...chunks: string[]) => inspect(chunks.map((chunk) => Buffer.from(chunk, 'latin1'))).facts

/** The same, octet by octet and with the whole message at hand. */
const slowly = (octets: Buffer): BodyFacts => {
  let bare = false
  let longest = 0
  let length = 0
  let headerEnd: number | undefined
  for (let i = 0; i < octets.length; i++) {
    if (octets[i] === 13 && octets[i + 1] === 10) {
      longest = Math.max(longest, length)
      if (length === 0) headerEnd ??= i + 2
      length = 0
      i++
    } else {
      if (octets[i] === 13 || octets[i] === 10) bare = true
      length++
    }
  }
  longest = Math.max(longest, length)
  const nul = octets.some((octet) => octet === 0)
  const headerOctets = headerEnd ?? octets.length
  return {
    octets: octets.length,
    encoding: nul || bare ? 'binary' : octets.some((octet) => octet > 127) ? '8bit' : '7bit',
    longestLine: longest,
    eightBitHeader: octets.subarray(0, headerOctets).some((octet) => octet > 127),
    bareNewline: bare,
    nul,
    endsWithNewline: length === 0,
    headerOctets,
  }
}

test('ordinary mail', () => {
  assert.deepEqual(facts('Subject: x\r\n\r\nhello\r\n'), {
    octets: 21,
    encoding: '7bit',
    longestLine: 10,
    eightBitHeader: false,
    bareNewline: false,
    nul: false,
    endsWithNewline: true,
    headerOctets: 14,
  })
})

test('what makes a body 8bit, and what makes it binary (RFC 2045 2.7 to 2.9)', () => {
  assert.equal(facts('\r\n\xe9\r\n').encoding, '8bit')
  assert.equal(facts('\r\n\xe9\r\n').eightBitHeader, false)
  assert.equal(facts('S: \xe9\r\n\r\n').eightBitHeader, true)
  assert.equal(facts(`\r\n${'x'.repeat(998)}\r\n`).encoding, '7bit')
  // Too long a line is for `longestLine` to tell: what it asks for is another remedy than NUL does.
  assert.equal(facts(`\r\n${'x'.repeat(999)}\r\n`).encoding, '7bit')
  assert.equal(facts('\r\na\0b\r\n').encoding, 'binary')
  for (const bare of ['a\nb', 'a\rb', '\n', '\r', '\r\r\n', '\n\r\n', '\r\n\n']) {
    assert.equal(facts(bare).bareNewline, true, JSON.stringify(bare))
    assert.equal(facts(bare).encoding, 'binary', JSON.stringify(bare))
  }
})

test('an empty body is ended', () => {
  assert.deepEqual(facts(), slowly(Buffer.alloc(0)))
  assert.equal(facts('').endsWithNewline, true)
  assert.equal(facts('a').endsWithNewline, false)
})

test('the header is kept, the body is not, and a too long header is cut', () => {
  const message = Buffer.from(`A: b\r\nC: d\r\n\r\nbody: no\r\n`)
  const whole = inspect([message])
  assert.equal(Buffer.from(whole.header.raw).toString(), 'A: b\r\nC: d\r\n\r\n')
  assert.deepEqual(whole.header.values('c'), ['d'])
  assert.equal(whole.headerTooLong, false)
  assert.equal(inspect([message], 14).headerTooLong, false)
  const cut = inspect([message], 13)
  assert.equal(cut.headerTooLong, true)
  assert.equal(cut.header.raw.length, 13)
  assert.equal(cut.facts.headerOctets, 14)
})

test('it is known when the header is over', () => {
  const one = inspector({ maxHeader: 100 })
  one.write(Buffer.from('A: b\r\n\r'))
  assert.equal(one.headerEnded, false)
  one.write(Buffer.from('\n'))
  assert.equal(one.headerEnded, true)
})

test('the kept header is a copy', () => {
  const chunk = Buffer.from('A: b\r\n')
  const one = inspector({ maxHeader: 100 })
  one.write(chunk)
  chunk.fill(0)
  assert.deepEqual(one.end().header.values('A'), ['b'])
})

test('any octets, cut anywhere: as the slow reference says', () => {
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('\r\n', '\r\n', '\r\n', 'A: b', 'word ', '\r\n\r\n') },
    { weight: 1, arbitrary: fc.constantFrom('\r', '\n', '\0', '\xff', '\r\r\n', '\r\n\n') },
    { weight: 1, arbitrary: fc.integer({ min: 990, max: 1001 }).map((n) => 'x'.repeat(n)) },
  )
  const message = fc.array(piece, { maxLength: 24 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
  const cuts = fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 1200 })), { minLength: 1 })
  fc.assert(
    fc.property(message, cuts, fc.integer({ min: 0, max: 40 }), (octets, sizes, maxHeader) => {
      const chunks: Uint8Array[] = []
      for (let at = 0, n = 0; at < octets.length && n < 5000; n++) {
        const size = sizes[n % sizes.length] ?? 0
        chunks.push(new Uint8Array(octets.subarray(at, at + size)))
        at += n < 2500 ? size : octets.length
        if (n >= 2500) chunks.push(octets.subarray(octets.length))
      }
      const given = Buffer.concat(chunks)
      const found = inspect(chunks, maxHeader)
      const expected = slowly(given)
      assert.deepEqual(found.facts, expected)
      const header = given.subarray(0, expected.headerOctets)
      assert.equal(found.headerTooLong, header.length > maxHeader)
      assert.deepEqual(Buffer.from(found.header.raw), Buffer.from(header.subarray(0, maxHeader)))
    }),
    { numRuns: 1500 },
  )
})

test('windows within a large chunk are borders like any other', () => {
  for (const before of [65_534, 65_535, 65_536, 65_537]) {
    const octets = Buffer.from(`${'x'.repeat(before)}\r\n\xe9\r\n\r\n`, 'latin1')
    assert.deepEqual(inspect([octets]).facts, slowly(octets))
  }
})

test('a million bare CRs cost one pass', () => {
  const octets = Buffer.alloc(1_000_000, 13)
  assert.deepEqual(inspect([octets]).facts, slowly(octets))
})
