import assert from 'node:assert/strict'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { hostsFile, readHosts } from './hosts-file.ts'

test('a name has all its addresses, in order; comments and nonsense are passed over', () => {
  const table = readHosts(
    [
      '# 192.0.2.66 h.test',
      '192.0.2.1\tH.test alias. # 192.0.2.67',
      '2001:db8::1 h.test\r',
      '192.0.2.1 h.test',
      'nonsense h.test',
      '192.0.2.300 h.test',
      '192.0.2.2',
      '',
    ].join('\n'),
  )
  assert.deepEqual(
    [...table],
    [
      ['h.test', ['192.0.2.1', '2001:db8::1']],
      ['alias', ['192.0.2.1']],
    ],
  )
})

test('the file is read again when it has changed, and counts as empty while it is gone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hosts-'))
  try {
    const path = join(folder, 'hosts')
    const hosts = hostsFile(path)
    assert.deepEqual(await hosts.addresses('h.test'), [])
    await writeFile(path, '192.0.2.1 h.test\n')
    assert.deepEqual(await hosts.addresses('H.TEST'), ['192.0.2.1'])
    await utimes(path, 1, 1)
    assert.deepEqual(await hosts.addresses('h.test'), ['192.0.2.1'])
    await writeFile(path, '192.0.2.2 h.test\n')
    await utimes(path, 2, 2)
    assert.deepEqual(await hosts.addresses('h.test'), ['192.0.2.2'])
    // Of the same size and time: taken for the same, for it is not read at every question.
    await writeFile(path, '192.0.2.3 h.test\n')
    await utimes(path, 2, 2)
    assert.deepEqual(await hosts.addresses('h.test'), ['192.0.2.2'])
    await rm(path)
    assert.deepEqual(await hosts.addresses('h.test'), [])
    assert.deepEqual(await hostsFile(folder).addresses('h.test'), [])
  } finally {
    await rm(folder, { recursive: true })
  }
})
