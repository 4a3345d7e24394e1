import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadHost, listenKey, readHost, readListenAddress } from './hosts.ts'

test('addresses to listen on', () => {
  assert.deepEqual(readListenAddress('127.0.0.1:25'), { host: '127.0.0.1', port: 25 })
  assert.deepEqual(readListenAddress('[::]:0'), { host: '::', port: 0 })
  assert.deepEqual(readListenAddress('localhost:2525'), { host: 'localhost', port: 2525 })
  assert.deepEqual(readListenAddress('unix:/run/smail/lmtp.sock'), { path: '/run/smail/lmtp.sock' })
  assert.deepEqual(readListenAddress('[::1]', 1038), { host: '::1', port: 1038 })
  assert.deepEqual(readListenAddress('::1', 1038), { host: '::1', port: 1038 })
  assert.deepEqual(readListenAddress('localhost', 1038), { host: 'localhost', port: 1038 })
  assert.deepEqual(readListenAddress('localhost:7', 1038), { host: 'localhost', port: 7 })
  for (const text of [
    '',
    '25',
    ':25',
    '127.0.0.1',
    '127.0.0.1:65536',
    '::1:25x',
    '[127.0.0.1.2]:25',
    '[::1]',
    'unix:run',
    `unix:/${'x'.repeat(103)}`,
    'a b:25',
    '127.0.0.1:-1',
  ]) {
    assert.throws(() => readListenAddress(text), BadHost, text)
  }
})

test('hosts to connect to', () => {
  assert.deepEqual(readHost('MX.example.org', 25), { name: 'mx.example.org', port: 25 })
  assert.deepEqual(readHost('mx.example.org:2525', 25), { name: 'mx.example.org', port: 2525 })
  assert.deepEqual(readHost('[2001:db8::1]:26', 25), { name: '2001:db8::1', port: 26 })
  assert.deepEqual(readHost('2001:db8::1', 25), { name: '2001:db8::1', port: 25 })
  for (const text of ['', 'a:0', 'a:b', 'a:65536', '[::1', '[a]', 'a/b', 'unix:/x'])
    assert.throws(() => readHost(text, 25), BadHost, text)
})

test('one address in two spellings has one key', () => {
  assert.equal(listenKey({ host: '0:0::1', port: 25 }), listenKey({ host: '::1', port: 25 }))
  assert.notEqual(listenKey({ host: '::1', port: 25 }), listenKey({ host: '::1', port: 26 }))
  assert.notEqual(listenKey({ path: '/a' }), listenKey({ path: '/b' }))
})
