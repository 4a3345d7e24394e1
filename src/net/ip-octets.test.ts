import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipOctets } from './ip-octets.ts'

test('an address is read into its octets', () => {
  const hex = (address: string): string => ipOctets(address).toString('hex')
  assert.equal(hex('192.0.2.255'), 'c00002ff')
  assert.equal(hex('::'), '0'.repeat(32))
  assert.equal(hex('::1'), `${'0'.repeat(31)}1`)
  assert.equal(hex('2001:db8::'), `20010db8${'0'.repeat(24)}`)
  assert.equal(hex('2001:DB8:1:2:3:4:5:6'), '20010db8000100020003000400050006')
  assert.equal(hex('::ffff:192.0.2.1'), '00000000000000000000ffffc0000201')
  assert.equal(hex('fe80::1%lo'), 'fe800000000000000000000000000001')
})

test('what is no address is refused', () => {
  for (const text of ['', '1.2.3', '1::2::3', 'example.org', '[::1]']) assert.throws(() => ipOctets(text), /no IP/)
})
