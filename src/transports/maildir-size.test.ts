import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type Disk, localDisk } from './local-disk.ts'
import { maildirOctets } from './maildir-size.ts'

const made = async (t: { after(run: () => Promise<void>): void }, files: Readonly<Record<string, number>>) => {
  const path = await mkdtemp(join(tmpdir(), 'smail-maildir-size-'))
  t.after(() => rm(path, { recursive: true }))
  for (const [name, octets] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), Buffer.alloc(octets))
  }
  return path
}

test('messages of all folders count, whatever else lies there does not', async (t) => {
  const path = await made(t, {
    'new/1.a.mx': 100,
    'cur/2.b.mx:2,S': 20,
    'tmp/3.c.mx': 1000,
    '.Sent/cur/4.d.mx:2,': 3,
    'Archive/2026/new/5.e.mx': 4,
    'dovecot.index': 5000,
    'new/sub/deep': 7000,
  })
  await symlink(path, join(path, 'link'))
  // A folder where a message should be counts as what it takes itself, which is little.
  const octets = (await maildirOctets(localDisk, path)) - (await localDisk.status(join(path, 'new/sub'))).size
  assert.equal(octets, 127)
})

test('a size in a name is believed, and the file not looked at', async (t) => {
  const path = await made(t, {
    'new/1.a.mx,S=12': 1,
    'cur/2.b.mx,S=30,W=31:2,RS': 1,
    'cur/3.c,S=x.mx': 5,
    'cur/4.d.mx:2,S=9': 6,
  })
  const looked: string[] = []
  const disk: Disk = {
    ...localDisk,
    status(file) {
      looked.push(file.slice(path.length + 1))
      return localDisk.status(file)
    },
  }
  assert.equal(await maildirOctets(disk, path), 12 + 30 + 5 + 9)
  assert.deepEqual(looked, ['cur/3.c,S=x.mx'])
})

test('no Maildir is an empty one, and what is gone by now is gone', async (t) => {
  const path = await made(t, { 'new/1.a.mx': 10 })
  assert.equal(await maildirOctets(localDisk, join(path, 'nowhere')), 0)
  const disk: Disk = { ...localDisk, names: async (of) => [...(await localDisk.names(of)), 'gone'] }
  assert.equal(await maildirOctets(disk, path), 10)
})
