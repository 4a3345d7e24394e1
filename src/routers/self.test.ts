import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOurAddress, isOurName, type Self } from './self.ts'

const bound = (...at: string[]): Self => ({
  hostname: 'mx.Example.org',
  names: ['other.example.org'],
  addresses: () => at.map((address) => ({ address, port: 25 })),
})
const machine = () => ['192.0.2.1', '2001:db8::1']

test('our names are ours in any case', () => {
  assert.ok(isOurName(bound(), 'MX.example.org'))
  assert.ok(isOurName(bound(), 'Other.Example.ORG'))
  assert.ok(!isOurName(bound(), 'x.example.org'))
})

test('an address is ours where we listen, at the port at which we listen', () => {
  const self = bound('192.0.2.1', '2001:DB8:0::1')
  for (const ours of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1'])
    assert.ok(isOurAddress(self, ours, 25, machine), ours)
  assert.ok(!isOurAddress(self, '192.0.2.1', 2525, machine))
  assert.ok(!isOurAddress(self, '192.0.2.2', 25, machine))
  assert.ok(!isOurAddress(self, '127.0.0.1', 25, machine))
})

test('bound to everything, all addresses of the machine are ours', () => {
  for (const ours of ['192.0.2.1', '127.0.0.1', '127.9.9.9', '2001:db8::1', '::1'])
    assert.ok(isOurAddress(bound('::'), ours, 25, machine), ours)
  assert.ok(!isOurAddress(bound('::'), '192.0.2.2', 25, machine))
  assert.ok(!isOurAddress(bound('::'), '192.0.2.1', 26, machine))
  assert.ok(isOurAddress(bound('0.0.0.0'), '192.0.2.1', 25, machine))
  assert.ok(!isOurAddress(bound('0.0.0.0'), '2001:db8::1', 25, machine))
})

test("unless told, the machine's interfaces are asked", () => {
  assert.ok(isOurAddress(bound('0.0.0.0'), '127.0.0.1', 25))
  assert.ok(!isOurAddress(bound('0.0.0.0'), '192.0.2.77', 25))
})
