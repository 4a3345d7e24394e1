import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readServer, serversIn, systemServers } from './dns-servers.ts'

test('a server is an address, with or without a port', () => {
  assert.deepEqual(readServer('192.0.2.1'), { address: '192.0.2.1', port: 53 })
  assert.deepEqual(readServer('192.0.2.1:5353'), { address: '192.0.2.1', port: 5353 })
  assert.deepEqual(readServer('2001:db8::1'), { address: '2001:db8::1', port: 53 })
  assert.deepEqual(readServer('[2001:db8::1]:5353'), { address: '2001:db8::1', port: 5353 })
  assert.deepEqual(readServer('[::1]'), { address: '::1', port: 53 })
  for (const bad of ['', 'ns', 'ns:53', '[ns]', '192.0.2.1:', '192.0.2.1:99999', '[192.0.2.1]:53', '192.0.2.1:53 '])
    assert.throws(() => readServer(bad), /name server/, bad)
})

test('resolv.conf gives up to three servers, and the one on this machine for none', () => {
  const text = [
    '# nameserver 192.0.2.66',
    'search example.org',
    'nameserver 192.0.2.1 # the first',
    '\tnameserver\tfe80::1%eth0\r',
    'nameserver not-an-address',
    'nameservers 192.0.2.67',
    'nameserver 192.0.2.3',
    'nameserver 192.0.2.4',
  ].join('\n')
  assert.deepEqual(serversIn(text), ['192.0.2.1', 'fe80::1%eth0', '192.0.2.3'])
  assert.deepEqual(serversIn(''), ['127.0.0.1'])
})

test('a machine without a resolv.conf asks itself; one that cannot be read is a fault', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'resolv-'))
  try {
    assert.deepEqual(await systemServers(join(folder, 'none')), ['127.0.0.1'])
    await writeFile(join(folder, 'resolv.conf'), 'nameserver 192.0.2.1\n')
    assert.deepEqual(await systemServers(join(folder, 'resolv.conf')), ['192.0.2.1'])
    await assert.rejects(systemServers(folder), /EISDIR/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
