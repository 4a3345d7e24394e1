import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asciiDomain, canonicalAddress, literalAddress, literalOf } from './domain.ts'

test('names come out as A-labels in lower case', () => {
  const cases = {
    'Example.ORG': 'example.org',
    'bücher.example': 'xn--bcher-kva.example',
    'BÜCHER.example': 'xn--bcher-kva.example',
    'faß.de': 'xn--fa-hia.de',
    'xn--bcher-kva.exämple': 'xn--bcher-kva.xn--exmple-cua',
    'ü。example': 'xn--tda.example',
    '_dmarc.example': '_dmarc.example',
  }
  for (const [given, ascii] of Object.entries(cases)) assert.equal(asciiDomain(given), ascii, given)
})

test('what is no name is none, also where domainToASCII makes one of it', () => {
  const cases = [
    ...['', '.', 'a..b', 'a.', '.a', '-a.b', 'a-.b', 'a b', 'a%41.com', 'a/b', 'a:25', 'a@b', 'a\t.b', '[192.0.2.1]'],
    ...[
      '1.2.3',
      '192.0.2.1',
      '１.２.３',
      '０x7f.１',
      'ü.１２',
      'ü/evil.com',
      'ü\\evil.com',
      'ü?x',
      'ü#x',
      'ü:25',
      'ü\t.com',
    ],
    ...[
      'a／b.com',
      '％41ü.com',
      'xn--ü.com',
      '\u200d.com',
      'ü..com',
      'ü.com.',
      '1א.com',
      '℀.com',
      '\ud800.com',
      'ü com',
    ],
    ...[`${'a'.repeat(64)}.com`, `${'ü'.repeat(60)}.com`, 'a.'.repeat(127), `${'ü.'.repeat(60)}com`],
  ]
  for (const given of cases) assert.equal(asciiDomain(given), undefined, JSON.stringify(given))
})

test('whatever comes out is a name, and comes out of itself', () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.domain(), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(text, (given) => {
      const ascii = asciiDomain(given)
      if (ascii === undefined) return
      assert.match(ascii, /^[a-z0-9_.-]{1,253}$/)
      assert.equal(asciiDomain(ascii), ascii)
    }),
    { numRuns: 2000 },
  )
})

test('address literals give their address in one spelling, and nothing else does', () => {
  const cases = {
    '[192.0.2.1]': '192.0.2.1',
    '[IPv6:2001:DB8:0::1]': '2001:db8::1',
    '[ipv6:2001:db8::1]': '2001:db8::1',
    '[IPv6:::ffff:127.0.0.1]': '127.0.0.1',
    '[IPv6:::ffff:7f00:1]': '127.0.0.1',
  }
  for (const [given, address] of Object.entries(cases)) assert.equal(literalAddress(given), address, given)
  for (const given of ['[]', '192.0.2.1', '[192.0.2.256]', '[1.2.3]', '[2001:db8::1]', '[IPv6:192.0.2.1]', '[x:y]'])
    assert.equal(literalAddress(given), undefined, given)
  assert.equal(literalOf('192.0.2.1'), '[192.0.2.1]')
  assert.equal(literalOf('2001:db8::1'), '[IPv6:2001:db8::1]')
})

test('a zone is kept, for it is part of the address', () => {
  assert.equal(canonicalAddress('fe80::1%eth0'), 'fe80::1%eth0')
})
