import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressKey, BadAddress, formatAddress, formatPath, isDomain, readAddress, readPath } from './address.ts'

const kindOf = (text: string, utf8 = false): string => {
  try {
    return `read ${formatPath(readPath(text, utf8).path)}`
  } catch (error) {
    assert.ok(error instanceof BadAddress)
    return error.kind
  }
}

test('paths and what is made of them', () => {
  const cases: Readonly<Record<string, string>> = {
    '<>': 'read <>',
    '<a@example.org>': 'read <a@example.org>',
    '<a.b+c@sub.example.org>': 'read <a.b+c@sub.example.org>',
    '<"a b"@example.org>': 'read <"a b"@example.org>',
    '<"plain"@example.org>': 'read <plain@example.org>',
    '<"a\\"b"@example.org>': 'read <"a\\"b"@example.org>',
    '<""@example.org>': 'read <""@example.org>',
    '<@one,@two:a@example.org>': 'read <a@example.org>',
    '<postmaster>': 'read <postmaster>',
    '<PostMaster>': 'read <PostMaster>',
    '<a@[192.0.2.1]>': 'read <a@[192.0.2.1]>',
    '<a@[IPv6:2001:db8::1]>': 'read <a@[IPv6:2001:db8::1]>',
    '<a@my_host>': 'read <a@my_host>',
    'a@example.org': 'syntax',
    '<a@example.org': 'syntax',
    '<a>': 'syntax',
    '<@example.org>': 'syntax',
    '<a@>': 'domain',
    '<a@-b.example>': 'domain',
    '<a@b-.example>': 'syntax',
    '<a..b@example.org>': 'syntax',
    '<.a@example.org>': 'syntax',
    '<a b@example.org>': 'syntax',
    '<a@[192.0.2.256]>': 'domain',
    '<a@[nonsense]>': 'domain',
    [`<${'x'.repeat(65)}@example.org>`]: 'length',
    [`<a@${'x'.repeat(64)}.org>`]: 'domain',
    [`<a@${'x.'.repeat(150)}org>`]: 'length',
    '<müller@example.org>': 'international',
    '<a@müller.example>': 'international',
  }
  for (const [text, expected] of Object.entries(cases)) assert.equal(kindOf(text), expected, text)
  assert.equal(kindOf('<müller@example.org>', true), 'read <müller@example.org>')
  // Control characters and halves of pairs are no UTF-8 text that a field could hold.
  assert.equal(kindOf('<a\u009b@example.org>', true), 'syntax')
  assert.equal(kindOf('<"\u009b31m"@example.org>', true), 'syntax')
  assert.equal(kindOf('<a@\ud800.example>', true), 'domain')
})

test('what follows a path is left alone', () => {
  assert.deepEqual(readPath('<a@b> SIZE=1', false), { path: { local: 'a', domain: 'b' }, rest: ' SIZE=1' })
})

test('property: an address that was written is read as the same', () => {
  const local = fc.string({ unit: fc.constantFrom(...'ab .@"\\<>(),:;é'), minLength: 1, maxLength: 30 })
  const domain = fc.constantFrom('example.org', 'a', '[192.0.2.1]', 'münchen.example')
  fc.assert(
    fc.property(local, domain, (l, d) => {
      const address = { local: l, domain: d }
      assert.deepEqual(readAddress(formatAddress(address)), address)
      assert.deepEqual(readPath(formatPath(address), true).path, address)
    }),
  )
})

test('keys compare domains without case and local parts with it', () => {
  assert.equal(addressKey({ local: 'A', domain: 'Example.ORG' }), 'A@example.org')
})

test('domains and literals as EHLO has them', () => {
  assert.deepEqual(['a.example', '[192.0.2.1]', '[IPv6:::1]', '', 'a b', '-a', '[x'].map(isDomain), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ])
})
