import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { mimeMessage, mutatedMessage } from '../../test/fuzz/mime-input.ts'
import { readMimeSlowly } from '../../test/fuzz/reference-mime.ts'
import { randomFrom } from '../../test/fuzz/runs.ts'
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
    ...(isUtf8(octets) ? {} : { notUtf8: true }),
    ...structure(octets.toString('latin1')),
  }
}

const structure = (message: string): Pick<BodyFacts, 'rawHeaders' | 'sealed'> => {
  const fields: { name: string; depth: number; utf8: boolean }[] = []
  let depth = 0
  let sealed = false
  for (const one of readMimeSlowly(message, 100)) {
    if (one[0] === 'begins') depth = one[1]
    if (one[0] === 'head') sealed ||= /^(multipart.(signed|encrypted)|application.(x-)?pkcs7-mime)$/.test(one[2].type)
    if (one[0] !== 'field' || !/[\x80-\xff]/.test(one[2])) continue
    fields.push({ name: one[1].slice(0, 100), depth, utf8: isUtf8(Buffer.from(one[2], 'latin1')) })
  }
  const rawHeaders = {
    utf8: fields.some(({ utf8 }) => utf8),
    unknown: fields.some(({ utf8 }) => !utf8),
    fields: fields.slice(0, 20).map(({ name, depth }) => ({ name, depth })),
  }
  return { ...(fields.length > 0 ? { rawHeaders } : {}), ...(sealed ? { sealed: true } : {}) }
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

test('octets above 127 in header fields, at any depth', () => {
  const message =
    'Subject: gr\xc3\xbcn\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n' +
    'Content-Type: message/rfc822\r\n\r\nX: \xe9\r\nno field: \xe9\r\n\r\n\xe9\r\n--b\r\nA: \xc3\xbc\r\n'
  assert.deepEqual(facts(message).rawHeaders, {
    utf8: true,
    unknown: true,
    fields: [
      { name: 'Subject', depth: 0 },
      { name: 'X', depth: 2 },
      { name: '', depth: 2 },
      { name: 'A', depth: 1 },
    ],
  })
  assert.equal(facts(message).eightBitHeader, true)
  assert.equal(facts('A: b\r\n\r\nX: \xe9\r\n').rawHeaders, undefined)
  assert.deepEqual(facts('A: \xc3', '\xbc').rawHeaders, {
    utf8: true,
    unknown: false,
    fields: [{ name: 'A', depth: 0 }],
  })
  assert.deepEqual(facts('A: \xc3\r\n \xbc').rawHeaders?.utf8, false)
  assert.equal(facts('A: \xe9\r\n'.repeat(30)).rawHeaders?.fields.length, 20)
})

test('a character that is cut where a long field is, is whole', () => {
  const field = `${'A'.repeat(200)}: ${'x'.repeat(65_333)}\xc3\xbc\r\n`
  assert.deepEqual(facts(field).rawHeaders, {
    utf8: true,
    unknown: false,
    fields: [{ name: 'A'.repeat(100), depth: 0 }],
  })
})

test('octets that are not UTF-8, anywhere', () => {
  assert.equal(facts('A: \xc3\xbc\r\n\r\n\xc3', '\xbc\r\n').notUtf8, undefined)
  for (const odd of ['A: \xfc\r\n', '\r\n\xfc\r\n', '\r\n\xc3', '\r\n\xed\xa0\x80'])
    assert.equal(facts(odd).notUtf8, true)
})

test('what is signed or encrypted, at any depth', () => {
  for (const type of [
    'Multipart / Signed; boundary=b',
    'multipart/encrypted',
    'application/pkcs7-mime; smime-type=signed-data',
    'application/(x)x-pkcs7-mime',
    'multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/signed',
    'message/rfc822\r\n\r\nContent-Type: application/pkcs7-mime',
  ]) {
    assert.equal(facts(`Content-Type: ${type}\r\n\r\n`).sealed, true, type)
    assert.equal(inspect([Buffer.from(`A: b\r\nContent-Type: ${type}\r\n\r\n`)], 7).facts.sealed, true, type)
  }
  for (const type of [
    'application/pkcs7-signature',
    'multipart/mixed; x="multipart/signed"',
    'text/plain\r\n\r\nContent-Type: multipart/signed',
    'multipart/mixed; boundary=b\r\n\r\nContent-Type: multipart/signed',
    'text/plain\r\nContent-Type: multipart/signed',
  ]) {
    assert.equal(facts(`Content-Type: ${type}\r\n\r\n`).sealed, undefined, type)
  }
})

test('messages of many parts, well-formed or not, cut anywhere: as the slow reference says', () => {
  for (let seed = 0; seed < 3000; seed++) {
    const random = randomFrom(seed)
    const octets = Buffer.from(seed % 2 === 0 ? mimeMessage(random) : mutatedMessage(random), 'latin1')
    const chunks: Uint8Array[] = []
    const most = [1, 10, 10_000][random(3)] ?? 1
    for (let at = 0; at < octets.length; ) {
      const end = at + 1 + random(most)
      chunks.push(octets.subarray(at, end))
      at = end
    }
    assert.deepEqual(inspect(chunks, [0, 30, 262_144][random(3)]).facts, slowly(octets), `seed ${seed}`)
  }
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

test('what originators permit to be made of content is found, at any depth', () => {
  const permits = (text: string, maxHeader = 1000) => {
    const look = inspector({ maxHeader })
    look.write(Buffer.from(text))
    return look.end().facts.permitsConversion
  }
  assert.equal(permits('Subject: x\r\n\r\nContent-Convert: ANY\r\n'), undefined)
  assert.equal(permits('content-convert: NONE\r\n\r\nx\r\n'), true)
  const parts = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Convert: ANY\r\n\r\nx\r\n--b--\r\n'
  assert.equal(permits(parts), true)
  assert.equal(permits(parts, 10), true)
})

test('UTF-8 in what may be header fields of parts counts as such; what is no multipart has no parts (RFC 2045 5.2, 2046 5.1.1)', () => {
  const header = '\r\n\r\n--b\r\nContent-Description: gr\xc3\xbcn\r\n\r\nx\r\n--b--\r\n'
  const raw = (type: string, rest = header) =>
    inspect([Buffer.from(`Content-Type: ${type}${rest}`, 'latin1')]).facts.rawHeaders
  const found = { utf8: true, unknown: false, fields: [{ name: 'Content-Description', depth: 1 }] }
  assert.deepEqual(raw('multipart/mixed; boundary=b'), found)
  assert.deepEqual(raw('multipart/mixed (\xe9; boundary=b'), {
    utf8: false,
    unknown: true,
    fields: [{ name: 'Content-Type', depth: 0 }],
  })
  for (const none of [
    'multipart/mixed boundary=b',
    'multipart/mixed; boundary=""',
    'multipart; boundary=b',
    'multipart/mixed',
  ]) {
    assert.equal(raw(none), undefined, none)
  }
  const hidden = { utf8: true, unknown: false, fields: [{ name: 'Content-Type', depth: 0 }] }
  assert.deepEqual(raw(`multipart/mixed${'; a=b'.repeat(1000)}; boundary=b`), hidden)
  assert.equal(raw(`multipart/mixed${'; a=b'.repeat(1000)}; boundary=b`, '\r\n\r\nplain\r\n'), undefined)
  const deep = (text: string) =>
    raw('message/rfc822', `${'\r\n\r\nContent-Type: message/rfc822'.repeat(120)}\r\n\r\n${text}`)
  assert.deepEqual(deep('Subject: gr\xc3\xbcn\r\n'), { ...hidden, fields: [{ name: 'Content-Type', depth: 100 }] })
  assert.equal(deep('Subject: green\r\n'), undefined)
})
