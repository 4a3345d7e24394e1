import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import type { Direction, Director } from '../directors/director.ts'
import { type Address, formatAddress, readAddress } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { reply } from '../mail/reply.ts'
import { silentLog } from '../observe/log.ts'
import type { Router, Routing } from '../routers/router.ts'
import { createResolver, type Resolution, type Resolver, type ResolverOptions } from './resolve.ts'

/** A director with this table; keys are local parts, or whole addresses. */
const table = (name: string, entries: Record<string, string | Direction>, asked: string[] = []): Director => ({
  name,
  async direct(target, ancestors) {
    asked.push(formatAddress(target))
    const found = entries[formatAddress(target)] ?? entries[target.local]
    if (typeof found !== 'string') return found
    const to = found.split(' ').map((one) => readAddress(one))
    return ancestors[0]?.local === target.local ? undefined : { to: 'addresses', addresses: to }
  },
})
const box = (user: string): Direction => ({ to: 'mailbox', transport: 'local', mailbox: { user, home: `/m/${user}` } })
const router = (name: string, matched: Routing['matched'] | undefined, asked: string[] = []): Router => ({
  name,
  async route(address) {
    asked.push(`${name} ${address.domain}`)
    if (matched === undefined) return undefined
    return {
      matched,
      way: { to: 'host', transport: 'smtp', destination: `${name}:${address.domain}`, hosts: async () => [] },
    }
  },
})
const resolver = (more: Partial<ResolverOptions> = {}): Resolver =>
  createResolver({
    domains: ['A.test', 'b.test'],
    hostname: 'mx.a.test',
    directors: [],
    routers: [],
    clock: manualClock(),
    log: silentLog,
    ...more,
  })
const resolve = (by: Resolver, to: string, ...ancestors: string[]): Promise<Resolution> =>
  by.resolve(
    readAddress(to),
    ancestors.map((one) => readAddress(one)),
  )
const said = (found: Resolution): string =>
  found.to === 'nobody' ? `${found.reply.code} ${found.reply.status}` : `${found.to} ${found.lane} by ${found.by}`

test('mailboxes of one store are one lane, for it wants a message once for all of them', async () => {
  const by = resolver({
    directors: [table('one', { alice: box('alice'), bob: box('bob') })],
    stores: new Set(['local']),
  })
  for (const to of ['alice@a.test', 'bob@b.test']) assert.equal(said(await resolve(by, to)), 'mailbox local/* by one')
})

test('the first director to answer decides, and the lane is one mailbox', async () => {
  const one = table('one', { alice: box('alice') })
  const two = table('two', { alice: box('other'), bob: box('bob@b.test'), carol: 'x@else.test' })
  const by = resolver({ directors: [one, two] })
  assert.equal(said(await resolve(by, 'alice@a.TEST')), 'mailbox local/alice@a.test by one')
  assert.equal(said(await resolve(by, 'alice@b.test')), 'mailbox local/alice@b.test by one')
  assert.equal(said(await resolve(by, 'bob@a.test')), 'mailbox local/bob@b.test by two')
  assert.equal(said(await resolve(by, 'carol@a.test')), 'addresses null by two')
  const unknown = await resolve(by, 'dave@a.test')
  assert.equal(said(unknown), '550 5.1.1')
  assert.equal(unknown.lane, null)
})

test('which domains are ours', () => {
  const by = resolver({ isOurAddress: (address) => ['192.0.2.1', '2001:DB8:0:0::1'].includes(address) })
  for (const mine of ['', 'a.test', 'B.TEST', '[192.0.2.1]', '[IPv6:2001:DB8:0:0::1]']) assert.ok(by.isOurs(mine), mine)
  for (const not of ['mx.a.test', 'x.a.test', '[192.0.2.2]', '[IPv6:2001:db8::2]', '[tag:x]'])
    assert.ok(!by.isOurs(not), not)
})

test('the bare postmaster and address literals belong to the first domain', async () => {
  const asked: string[] = []
  const by = resolver({
    directors: [table('t', { postmaster: box('pm'), alice: box('alice') }, asked)],
    isOurAddress: (address) => address === '192.0.2.1',
  })
  assert.equal(said(await resolve(by, 'postmaster')), 'mailbox local/pm@a.test by t')
  assert.equal(said(await resolve(by, 'alice@[192.0.2.1]')), 'mailbox local/alice@a.test by t')
  assert.deepEqual(asked, ['postmaster@A.test', 'alice@A.test'])
})

test('there is a postmaster in every domain of ours, or the mail waits for one', async () => {
  const directors = [table('t', { 'postmaster@b.test': box('own'), root: box('root') })]
  const by = resolver({ directors, postmaster: readAddress('root@a.test') })
  assert.equal(said(await resolve(by, 'postmaster@b.test')), 'mailbox local/own@b.test by t')
  const found = await resolve(by, 'PostMaster@a.test')
  assert.deepEqual(found.to === 'addresses' && found.addresses, [readAddress('root@a.test')])
  assert.equal((await resolve(by, 'Postmaster')).to, 'addresses')
  await assert.rejects(resolve(resolver({ directors }), 'postmaster@a.test'), Misconfigured)
  const own = resolver({ directors, postmaster: readAddress('postmaster@a.test') })
  await assert.rejects(resolve(own, 'Postmaster'), Misconfigured)
  const none = resolver({ domains: [], directors, postmaster: readAddress('root@else.test') })
  assert.equal((await resolve(none, 'postmaster')).to, 'addresses')
})

test('loops end', async () => {
  const by = resolver({ directors: [table('t', { a: 'b@a.test', b: 'a@a.test' })] })
  assert.equal(said(await resolve(by, 'A@a.test', 'b@a.test', 'a@A.test')), '554 5.4.6')
  assert.equal(said(await resolve(by, 'a@a.test', 'b@a.test')), 'addresses null by t')
  assert.equal(said(await resolve(by, 'a@else.test', 'a@else.test')), '554 5.4.6')
  const others = Array.from({ length: 51 }, (_, i) => `x${i}@a.test`)
  assert.equal(said(await resolve(by, 'a@a.test', ...others.slice(1))), 'addresses null by t')
  assert.equal(said(await resolve(by, 'a@a.test', ...others)), '554 5.4.6')
})

test('an entry that names itself leaves its own mail to whoever has the mailbox', async () => {
  const aliases = table('aliases', { alice: 'alice@a.test archive@else.test', ghost: 'ghost@a.test' })
  const rest = table('rest', { ghost: { to: 'addresses', addresses: [readAddress('box@a.test')] } })
  const by = resolver({ directors: [aliases, table('users', { alice: box('alice') }), rest] })
  assert.equal(said(await resolve(by, 'alice@a.test')), 'addresses null by aliases')
  assert.equal(said(await resolve(by, 'alice@a.test', 'alice@a.test')), 'mailbox local/alice@a.test by users')
  assert.equal(said(await resolve(by, 'alice@a.test', 'x@a.test', 'alice@a.test')), '554 5.4.6')
  assert.equal(said(await resolve(by, 'ghost@a.test', 'ghost@a.test')), '554 5.4.6')
})

test('of the routers a complete match decides, else the longest, else the first', async () => {
  const best = async (...matched: (Routing['matched'] | undefined)[]) =>
    said(await resolve(resolver({ routers: matched.map((one, i) => router(`r${i}`, one)) }), 'x@else.test'))
  assert.equal(await best(0, 'complete', 'complete'), 'host smtp/r1:else.test by r1')
  assert.equal(await best(0, 4, 5, 5), 'host smtp/r2:else.test by r2')
  assert.equal(await best(undefined, 0, 0), 'host smtp/r1:else.test by r1')
  assert.equal(await best(undefined), '550 5.4.4')
  assert.equal(await best(), '550 5.4.4')
})

test('a router may refuse, and what it throws is thrown', async () => {
  const closed: Router = {
    name: 'closed',
    route: async () => ({ matched: 0, way: { to: 'nobody', reply: reply(550, '5.7.1', 'Closed') } }),
  }
  assert.equal(said(await resolve(resolver({ routers: [closed] }), 'x@else.test')), '550 5.7.1')
  const broken: Router = { name: 'broken', route: () => Promise.reject(new Misconfigured('table')) }
  await assert.rejects(resolve(resolver({ routers: [router('mx', 0), broken] }), 'x@else.test'), Misconfigured)
})

test('answers are remembered for a while, refusals and errors are not', async () => {
  const clock = manualClock()
  const asked: string[] = []
  let broken = true
  const flaky: Director = {
    name: 'flaky',
    async direct({ local }) {
      if (local === 'flaky' && broken) throw new Error('look-up')
      return undefined
    },
  }
  const users = table('users', { alice: box('alice'), flaky: box('flaky') }, asked)
  const by = resolver({ clock, directors: [flaky, users], routers: [router('mx', 0, asked)] })
  for (let i = 0; i < 3; i += 1) {
    for (const to of ['alice@a.test', 'ALICE@A.test', 'x@else.test', 'nobody@a.test']) await resolve(by, to)
  }
  assert.deepEqual(asked, ['alice@a.test', 'mx else.test', 'nobody@a.test', 'nobody@a.test', 'nobody@a.test'])
  await assert.rejects(resolve(by, 'flaky@a.test'), /look-up/)
  broken = false
  assert.equal((await resolve(by, 'flaky@a.test')).to, 'mailbox')
  await clock.advance(5000)
  await resolve(by, 'alice@a.test')
  assert.equal(asked.at(-1), 'alice@a.test')
  // What came out of another address is asked anew.
  const before = asked.length
  await resolve(by, 'alice@a.test', 'list@a.test')
  assert.equal(asked.length, before + 1)
})

test('remembering is bounded', async () => {
  const asked: string[] = []
  const by = resolver({ routers: [router('mx', 0, asked)] })
  for (let i = 0; i <= 10_000; i += 1) await resolve(by, `x@d${i}.test`)
  await resolve(by, 'x@d10000.test')
  assert.equal(asked.length, 10_001)
  await resolve(by, 'x@d0.test')
  assert.equal(asked.length, 10_002)
})

test('EXPN sees the members that mail would go to, and nothing else', async () => {
  const lists = (name: string, members: Record<string, Address[]>): Director => ({
    name,
    direct: async ({ local }) => (members[local] ? { to: 'addresses', addresses: members[local] } : undefined),
    expand: async ({ local }) => members[local],
  })
  const members = [readAddress('x@else.test'), readAddress('y@else.test')]
  const by = resolver({
    directors: [table('users', { alice: box('alice') }), lists('lists', { alice: members, list: members })],
  })
  assert.deepEqual(await by.expand(readAddress('list@a.test')), members)
  assert.equal(await by.expand(readAddress('alice@a.test')), undefined)
  assert.equal(await by.expand(readAddress('nobody@a.test')), undefined)
  assert.equal(await by.expand(readAddress('list@else.test')), undefined)
})

test('a domain of ours is ours as U-labels and as A-labels, and a mailbox in it is one lane', async () => {
  const by = resolver({ domains: ['bücher.example'], directors: [table('one', { alice: box('alice') })] })
  const lanes = new Set<string>()
  for (const domain of ['bücher.example', 'BÜCHER.example', 'xn--bcher-kva.example']) {
    assert.ok(by.isOurs(domain))
    lanes.add(said(await resolve(by, `alice@${domain}`)))
  }
  assert.deepEqual([...lanes], ['mailbox local/alice@xn--bcher-kva.example by one'])
  assert.equal(by.isOurs('bucher.example'), false)
})
