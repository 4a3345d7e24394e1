import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { formatAddress, readAddress } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { type Log, silentLog } from '../observe/log.ts'
import { type AliasesOptions, aliasesDirector } from './aliases.ts'
import type { Director } from './director.ts'
import { fileSource, textSource } from './source.ts'

const director = (text: string, more: Partial<AliasesOptions> = {}) =>
  aliasesDirector({
    name: 'aliases',
    source: textSource('aliases', text),
    defaultDomain: 'example.org',
    clock: manualClock(),
    log: silentLog,
    ...more,
  })

/** Where it goes, as text: members, and the owner after `<`. */
const directed = async (by: Director, to: string, ...ancestors: string[]): Promise<string | undefined> => {
  const found = await by.direct(
    readAddress(to),
    ancestors.map((one) => readAddress(one)),
  )
  if (found === undefined) return undefined
  assert.equal(found.to, 'addresses')
  if (found.to !== 'addresses') return undefined
  const owner = found.sender ? ` < ${formatAddress(found.sender)}` : ''
  return found.addresses.map(formatAddress).join(' ') + owner
}

test('a name without domain stands for all domains, one with a domain comes before it', async () => {
  const by = await director('info: alice\ninfo@b.test: bob@else.test')
  assert.equal(await directed(by, 'INFO@a.test'), 'alice@example.org')
  assert.equal(await directed(by, 'info@B.test'), 'bob@else.test')
  assert.equal(await directed(by, 'nobody@a.test'), undefined)
})

test('only the domains it serves are looked at', async () => {
  const by = await director('info: alice', { domains: ['A.test'] })
  assert.equal(await directed(by, 'info@a.test'), 'alice@example.org')
  assert.equal(await directed(by, 'info@b.test'), undefined)
  assert.equal(await by.expand?.(readAddress('info@b.test')), undefined)
})

test('a tag is passed over where there is no entry for the whole', async () => {
  const text = 'info: alice\ninfo+x: bob'
  const by = await director(text)
  assert.equal(await directed(by, 'info+x@a.test'), 'bob@example.org')
  assert.equal(await directed(by, 'info+y@a.test'), 'alice@example.org')
  assert.equal(await directed(by, '+info@a.test'), undefined)
  assert.equal(await directed(await director(text, { separator: '' }), 'info+y@a.test'), undefined)
})

test('the owner of a list of several is its sender, in the domain that was asked for', async () => {
  const by = await director('list: a, b\nowner-list: carol\none: a\nowner-one: carol\nfree: a, b')
  assert.equal(await directed(by, 'List@b.test'), 'a@example.org b@example.org < owner-list@b.test')
  assert.equal(await directed(by, 'list+x@b.test'), 'a@example.org b@example.org < owner-list@b.test')
  assert.equal(await directed(by, 'one@b.test'), 'a@example.org')
  assert.equal(await directed(by, 'free@b.test'), 'a@example.org b@example.org')
})

test('members that are one mailbox are named once', async () => {
  assert.equal(await directed(await director('a: b, b@EXAMPLE.org, c'), 'a@x.test'), 'b@EXAMPLE.org c@example.org')
})

test('an entry that names itself leaves its own mail to the next director', async () => {
  const by = await director('alice: \\alice, archive@else.test\nbob: alice')
  assert.equal(await directed(by, 'alice@example.org'), 'alice@example.org archive@else.test')
  assert.equal(await directed(by, 'alice@example.org', 'alice@example.org'), undefined)
  assert.equal(await directed(by, 'alice@example.org', 'alice+tag@example.org'), undefined)
  assert.equal(await directed(by, 'alice@example.org', 'bob@example.org'), 'alice@example.org archive@else.test')
})

test('pipes, files, includes and passed-over aliases are refused with a reason, and the other names work', async () => {
  const by = await director(
    'p: a, "|prog x"\nf: /tmp/x\ni: :include:/l\ns: :blackhole:\nr: \\root\nroot: a\nq: \\quiet\nfine: a',
  )
  const refused = async (name: string, why: RegExp) => {
    const named = (error: unknown) => error instanceof Misconfigured && why.test(error.message)
    await assert.rejects(by.direct(readAddress(name), []), named)
    await assert.rejects(async () => by.expand?.(readAddress(name)), named)
  }
  await refused('p@a.test', /^aliases:1: the alias p has the member "\|prog x", which hands mail to a program/)
  await refused('f@a.test', /^aliases:2: .* writes mail to a file/)
  await refused('i@a.test', /^aliases:3: .* includes a file/)
  await refused('s@a.test', /^aliases:4: .* is a special item/)
  await refused('r@a.test', /^aliases:5: the alias r passes over the alias root/)
  assert.equal(await directed(by, 'q@a.test'), 'quiet@example.org')
  assert.equal(await directed(by, 'fine@a.test'), 'a@example.org')
})

test('the members of a name, for EXPN', async () => {
  const by = await director('list: a, b@else.test')
  assert.deepEqual((await by.expand?.(readAddress('list@a.test')))?.map(formatAddress), [
    'a@example.org',
    'b@else.test',
  ])
  assert.equal(await by.expand?.(readAddress('other@a.test')), undefined)
})

test('a file that changes is read again; a broken one leaves the last good version in force', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'smail-aliases-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'aliases')
  const clock = manualClock()
  const told: string[] = []
  const log: Log = { event: (level, event, fields) => void told.push(`${level} ${event} ${fields?.['why'] ?? ''}`) }
  await writeFile(path, 'a: x\n', { mode: 0o600 })
  const by = await director('', { source: fileSource(path), clock, log })
  assert.equal(await directed(by, 'a@a.test'), 'x@example.org')

  await writeFile(path, 'a: yy\n')
  assert.equal(await directed(by, 'a@a.test'), 'x@example.org', 'looked at once a second')
  await clock.advance(1000)
  assert.equal(await directed(by, 'a@a.test'), 'yy@example.org')

  await writeFile(path, 'a: zz\nb b\n')
  for (let i = 0; i < 3; i += 1) {
    await clock.advance(1000)
    assert.equal(await directed(by, 'a@a.test'), 'yy@example.org')
  }
  await unlink(path)
  await clock.advance(1000)
  assert.equal(await directed(by, 'a@a.test'), 'yy@example.org')
  await writeFile(path, 'a: www\n')
  await clock.advance(1000)
  assert.equal(await directed(by, 'a@a.test'), 'www@example.org')
  assert.deepEqual(told, [
    'info file-reread ',
    `error file-unusable ${path}:2: "b b": no "name:" here`,
    `error file-unusable ${path}: does not exist`,
    'info file-reread ',
  ])
})

test('at the first reading a fault is thrown', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'smail-aliases-'))
  t.after(() => rm(folder, { recursive: true }))
  const read = (path: string, more = {}) => director('', { source: fileSource(path), ...more })
  const misconfigured = (why: RegExp) => (error: unknown) => error instanceof Misconfigured && why.test(error.message)
  const file = async (name: string, content: string | Buffer, mode = 0o600) => {
    await writeFile(join(folder, name), content)
    await chmod(join(folder, name), mode)
    return join(folder, name)
  }
  await assert.rejects(read(join(folder, 'none')), misconfigured(/none: does not exist$/))
  await assert.rejects(read(folder), misconfigured(/is not a regular file$/))
  await assert.rejects(read(await file('open', 'a: b', 0o666)), misconfigured(/can be written by anyone/))
  await assert.rejects(
    read(await file('latin1', Buffer.from('a: \xe9', 'latin1'))),
    misconfigured(/is not UTF-8 text$/),
  )
  await assert.rejects(read(await file('large', 'a'.repeat(17 * 1024 * 1024))), misconfigured(/larger than/))
  const broken = Array.from({ length: 30 }, (_, i) => `bad ${i}`).join('\n')
  await assert.rejects(director(broken), misconfigured(/^aliases:1: .*\naliases:20: .*\naliases: and 10 more$/s))
  const optional = await read(join(folder, 'none'), { optional: true })
  assert.equal(await directed(optional, 'a@a.test'), undefined)
})

test('names beyond ASCII are found composed or not, and their domains as U-labels or A-labels', async () => {
  const by = await director('b\u00fcro@b\u00fccher.example: alice@xn--bcher-kva.example, alice@b\u00fccher.example')
  assert.equal(await directed(by, 'B\u00dcRO@xn--bcher-kva.example'), 'alice@b\u00fccher.example')
  assert.equal(await directed(by, 'bu\u0308ro@b\u00fccher.example'), 'alice@b\u00fccher.example')
})
