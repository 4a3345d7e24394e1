import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { readAddress } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { silentLog } from '../observe/log.ts'
import type { Director, Mailbox } from './director.ts'
import { textSource } from './source.ts'
import { type Passwd, type UsersOptions, usersDirector } from './users.ts'
import { parseVirtualUsers } from './virtual-users.ts'

type Rest = Partial<Omit<UsersOptions, 'from'>>
const users = (from: UsersOptions['from'], rest: Rest = {}) =>
  usersDirector({ name: 'users', transport: 'local', clock: manualClock(), log: silentLog, from, ...rest })
const virtual = (text: string, rest: Rest = {}) =>
  users({ is: 'virtual', source: textSource('users', text), root: '/srv/mail' }, rest)

const PASSWD = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
# a remark
+::::::
alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash
Bob:x:1001:1001::/home/bob/:/bin/sh
bob:x:1002:1002::/home/second:/bin/sh
broken:x:abc:1003::/home/broken:/bin/sh
homeless:x:1004:1004:::/bin/sh
a/b:x:1005:1005::/home/ab:/bin/sh
..:x:1006:1006::/home/dots:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`
const passwd = (more: Partial<Passwd> = {}, rest: Rest = {}) =>
  users({ is: 'passwd', source: textSource('passwd', PASSWD), runningUid: 1000, ...more }, rest)

const mailbox = async (by: Director, to: string): Promise<Mailbox | undefined> => {
  const found = await by.direct(readAddress(to), [])
  if (found === undefined) return undefined
  assert.ok(found.to === 'mailbox' && found.transport === 'local')
  return found.mailbox
}

test('accounts of the machine from a minimum uid on, in any case, the first of a name', async () => {
  const by = await passwd()
  assert.deepEqual(await mailbox(by, 'ALICE@example.org'), { user: 'alice', uid: 1000, gid: 1000, home: '/home/alice' })
  assert.deepEqual(await mailbox(by, 'bob@example.org'), { user: 'Bob', uid: 1001, gid: 1001, home: '/home/bob' })
  for (const name of ['root', 'daemon', 'broken', 'homeless', 'a/b', '".."', 'nobody', '""', '"#"']) {
    assert.equal(await mailbox(by, `${name}@example.org`), undefined, name)
  }
})

test('the minimum can be moved, and system accounts listed', async () => {
  const by = await passwd({ minimumUid: 1001, listed: ['daemon'] })
  assert.equal(await mailbox(by, 'alice@example.org'), undefined)
  assert.equal((await mailbox(by, 'bob@example.org'))?.uid, 1001)
  assert.equal((await mailbox(by, 'daemon@example.org'))?.uid, 1)
})

test('as root, accounts of the machine are refused with the reason', async () => {
  await assert.rejects(passwd({ runningUid: 0 }), (error: unknown) => {
    return (
      error instanceof Misconfigured &&
      /runs as root, and would write into home directories as root/.test(error.message)
    )
  })
})

test('virtual users: one name for all domains or for one, a path of their own or not', async () => {
  const by = await virtual(
    '# people\nAlice\nbob@B.test   # the other bob\nbob staff/bob\ncarol  with space/c # remark\n',
  )
  const root = '/srv/mail'
  assert.deepEqual(await mailbox(by, 'alice@a.test'), { user: 'Alice', home: '/srv/mail/Alice', root })
  assert.deepEqual(await mailbox(by, 'BOB@b.TEST'), { user: 'bob@b.test', home: '/srv/mail/b.test/bob', root })
  assert.deepEqual(await mailbox(by, 'bob@a.test'), { user: 'bob', home: '/srv/mail/staff/bob', root })
  assert.deepEqual(await mailbox(by, 'carol@a.test'), { user: 'carol', home: '/srv/mail/with space/c', root })
  assert.equal(await mailbox(by, 'dave@a.test'), undefined)
})

test('tags, and domains that are not served', async () => {
  const text = 'alice\nalice+own\n'
  const by = await virtual(text, { domains: ['a.test'] })
  assert.equal((await mailbox(by, 'alice+tag+x@a.test'))?.user, 'alice')
  assert.equal((await mailbox(by, 'alice+own@a.test'))?.user, 'alice+own')
  assert.equal(await mailbox(by, '+alice@a.test'), undefined)
  assert.equal(await mailbox(by, 'alice@b.test'), undefined)
  const dash = await virtual(text, { separator: '-' })
  assert.equal((await mailbox(dash, 'alice-x@a.test'))?.user, 'alice')
  assert.equal(await mailbox(dash, 'alice+x@a.test'), undefined)
  const none = await virtual(text, { separator: '' })
  assert.equal(await mailbox(none, 'alice-x@a.test'), undefined)
})

test('names and paths that could leave the root are refused with their line', async () => {
  const bad = [
    '../x',
    'a/b',
    '.hidden',
    'x ..',
    'x a/../../b',
    'x /etc',
    'x a//b',
    'x .ssh',
    'x a/',
    'x a\0b',
    '"a b"',
    '@x',
  ]
  const { value, faults } = parseVirtualUsers(bad.join('\n'), 'users')
  assert.equal(value.size, 0)
  assert.deepEqual(
    faults.map((fault) => fault.split(': ')[0]),
    bad.map((_, index) => `users:${index + 1}`),
  )
  await assert.rejects(virtual('ok\n../x\nOK\n'), (error: unknown) => {
    return (
      error instanceof Misconfigured &&
      /^users:2: "\.\.\/x".*\nusers:3: "OK": the name stands already/.test(error.message)
    )
  })
  await assert.rejects(users({ is: 'virtual', source: textSource('users', 'a'), root: 'mail' }), Misconfigured)
})

test('whatever the file says, every home lies below the root', () => {
  const piece = fc.constantFrom('a', '..', '.', '/', ' ', '\n', '@', 'b.c', '\\', '"', '\0', '~', '#', 'é', '[1.2.3.4]')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      for (const { path } of parseVirtualUsers(pieces.join(''), 'users').value.values()) {
        const { pathname } = new URL(path.split('/').map(encodeURIComponent).join('/'), 'file:///srv/mail/')
        assert.ok(pathname.startsWith('/srv/mail/') && pathname.length > '/srv/mail/'.length, path)
        assert.doesNotMatch(path, /(^|\/)\.|\/\/|\0/)
      }
    }),
    { numRuns: 500 },
  )
})

test('a user beyond ASCII is found composed or not, in any case, under U-labels and A-labels', async () => {
  const by = await virtual('m\u00fcller\njos\u00e9@b\u00fccher.example', { domains: ['b\u00fccher.example'] })
  for (const name of ['m\u00fcller', 'mu\u0308ller', 'M\u00dcLLER', 'm\u00fcller+tag']) {
    for (const domain of [
      'b\u00fccher.example',
      'B\u00dcCHER.example',
      'bu\u0308cher.example',
      'xn--bcher-kva.example',
    ]) {
      assert.equal((await mailbox(by, `${name}@${domain}`))?.user, 'm\u00fcller', `${name}@${domain}`)
    }
  }
  assert.equal((await mailbox(by, 'jose\u0301@XN--bcher-kva.example'))?.home, '/srv/mail/b\u00fccher.example/jos\u00e9')
  assert.equal(await mailbox(by, 'muller@b\u00fccher.example'), undefined)
})
