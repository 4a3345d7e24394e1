import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadNetwork, networks, readNetwork } from './networks.ts'

test('addresses lie in networks, whatever the form they come in', () => {
  const inside = networks(['192.0.2.0/24', '2001:db8::/32', '198.51.100.7', '::1'])
  for (const address of [
    '192.0.2.0',
    '192.0.2.255',
    '::ffff:192.0.2.9',
    '2001:db8:ffff::1',
    '198.51.100.7',
    '::1',
    '0:0::1',
  ]) {
    assert.ok(inside(address), address)
  }
  for (const address of [
    '192.0.3.0',
    '198.51.100.8',
    '2001:db9::1',
    '::2',
    '',
    'localhost',
    '192.0.2.1.example',
    '192.0.2',
    '::ffff:192.0.3.1',
  ]) {
    assert.ok(!inside(address), address)
  }
})

test('no network holds nothing, /0 holds its own family only', () => {
  assert.ok(!networks([])('127.0.0.1'))
  assert.ok(networks(['0.0.0.0/0'])('203.0.113.1'))
  assert.ok(!networks(['0.0.0.0/0'])('2001:db8::1'))
})

test('what is no network is refused', () => {
  for (const text of [
    '',
    '/8',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0/8',
    'localhost',
    '10.0.0.0/8/8',
    '10.0.0.0/1e1',
    'fe80::1%eth0',
    '010.0.0.1',
  ]) {
    assert.throws(() => readNetwork(text), BadNetwork, text)
  }
  assert.deepEqual(readNetwork('[::1]/128'), { address: '::1', prefix: 128, family: 'ipv6' })
})

test('an IPv6 network is of IPv6 addresses alone', () => {
  for (const text of ['::/0', '::/64', '::1/0']) {
    const inside = networks([text])
    assert.equal(inside('8.8.8.8'), false, text)
    assert.equal(inside('::ffff:8.8.8.8'), false, text)
    assert.equal(inside('::2'), true, text)
  }
})
