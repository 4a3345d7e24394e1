import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Misconfigured } from '../mail/misconfigured.ts'
import { localDisk } from './local-disk.ts'
import { makeFolders, placeOf, refuseLinks } from './local-place.ts'

const alice = { user: 'alice', home: '/home/alice' }
const virtual = { user: 'bob@b.test', home: '/srv/mail/b.test/bob', root: '/srv/mail' }

test('paths in the home and elsewhere', () => {
  assert.deepEqual(placeOf('~/Maildir')(alice), { path: '/home/alice/Maildir', floor: '/home/alice' })
  assert.deepEqual(placeOf('~')(virtual), { path: '/srv/mail/b.test/bob', floor: '/srv', strictBelow: '/srv/mail' })
  const fixed = { floor: '/var/mail', strictBelow: '/var/mail' }
  assert.deepEqual(placeOf(`/var/mail/\${user}`)(alice), { path: '/var/mail/alice', ...fixed })
  assert.deepEqual(placeOf(`/var/mail/u-\${user}/\${user}.d/`)(virtual), {
    path: '/var/mail/u-bob@b.test/bob@b.test.d',
    ...fixed,
  })
  assert.deepEqual(placeOf('/var/mail/all')(alice), { path: '/var/mail/all', ...fixed })
})

test('templates that cannot be are refused at once, users that do not fit later', () => {
  for (const bad of [
    '',
    'Maildir',
    '~alice/x',
    '/x/../y',
    `/x/\${home}`,
    '/x/$user',
    `/x/\${user`,
    '/x\0y',
    '~/../x',
  ]) {
    assert.throws(() => placeOf(bad), Misconfigured, bad)
  }
  for (const user of ['', '..', '.x', 'a/b', 'a\0b']) {
    assert.throws(() => placeOf(`/var/mail/\${user}`)({ ...alice, user }), Misconfigured, user)
  }
  assert.throws(() => placeOf('~')({ ...alice, home: 'home' }), Misconfigured)
  for (const home of ['/srv/mail', '/srv/mail/..', '/srv', '/srv/mailbox/x', '/srv/mail/../x']) {
    assert.throws(() => placeOf('~')({ ...virtual, home }), Misconfigured, home)
  }
  assert.throws(() => placeOf(`~/\${user}`)({ ...virtual, user: '../x' }), Misconfigured)
})

test('folders are made down from the floor, private, and links below the root are refused', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'smail-place-'))
  t.after(() => rm(folder, { recursive: true }))
  const root = join(folder, 'root')
  const place = placeOf('~/Maildir')({ user: 'x', home: join(root, 'a/b'), root })
  await makeFolders(localDisk, place.floor, join(place.path, 'tmp'))
  await makeFolders(localDisk, place.floor, join(place.path, 'tmp'))
  assert.equal((await stat(join(root, 'a/b/Maildir/tmp'))).mode & 0o777, 0o700)
  await refuseLinks(localDisk, place, place.path)
  await mkdir(join(folder, 'elsewhere'))
  await symlink(join(folder, 'elsewhere'), join(root, 'link'))
  for (const home of ['link', 'link/x', 'a/b/../../link']) {
    const linked = placeOf('~/Maildir')({ user: 'x', home: join(root, home), root })
    await assert.rejects(refuseLinks(localDisk, linked, linked.path), Misconfigured)
  }
  await symlink(root, join(folder, 'way'))
  const way = placeOf('~')({ user: 'x', home: join(folder, 'way/a'), root: join(folder, 'way') })
  await refuseLinks(localDisk, way, way.path)
  const own = placeOf('~/m')({ user: 'x', home: join(root, 'link') })
  await refuseLinks(localDisk, own, own.path)
  const nowhere = placeOf('~/m')({ user: 'x', home: join(folder, 'none') })
  await assert.rejects(makeFolders(localDisk, nowhere.floor, nowhere.path), { code: 'ENOENT' })
})
