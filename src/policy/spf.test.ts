import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { dnsServer } from '../../test/doubles/dns-server.ts'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { scriptOf } from '../../test/systems/kit/records.ts'
import { DnsError, type RecordResolver } from '../net/resolver.ts'
import { stubResolver } from '../net/stub-resolver.ts'
import { silentLog } from '../observe/log.ts'
import { type Asked, type Spf, spfBy } from './spf.ts'

const chain = (name: string, links: number): string =>
  Array.from({ length: links }, (_, at) => `${name}${at}.test TXT v=spf1 include:${name}${at + 1}.test -all`).join('\n')

const ZONE = `
ip4.test TXT v=spf1 ip4:192.0.2.0/24 -all
ip6.test TXT v=spf1 ip6:2001:db8::/32 -all
soft.test TXT v=spf1 ~all
neutral.test TXT v=spf1 ?all
nothing.test TXT v=spf1
bare.test TXT some other text
bare.test TXT v=spf10 +all
two.test TXT v=spf1 +all
two.test TXT v=spf1 -all
upper.test TXT V=SPF1 IP4:192.0.2.1 -ALL
long.test TXT v=spf1 ${Array.from({ length: 40 }, (_, at) => `ip4:198.51.100.${at}`).join(' ')} ip4:192.0.2.1 -all
a.test TXT v=spf1 a -all
a.test A 192.0.2.1
a.test AAAA 2001:db8::1
a24.test TXT v=spf1 a:a.test/24//64 -all
mx.test TXT v=spf1 mx -all
mx.test MX 10 a.test
mx.test MX 20 elsewhere.test
elsewhere.test A 192.0.2.77
nullmx.test TXT v=spf1 mx -all
nullmx.test MX 0 .
manymx.test TXT v=spf1 mx -all
${Array.from({ length: 11 }, (_, at) => `manymx.test MX ${at} h${at}.manymx.test\nh${at}.manymx.test A 198.51.100.1`).join('\n')}
include.test TXT v=spf1 include:ip4.test -all
includesoft.test TXT v=spf1 include:soft.test -all
includenone.test TXT v=spf1 include:bare.test +all
includeperm.test TXT v=spf1 include:two.test +all
redirect.test TXT v=spf1 redirect=ip4.test
redirectnone.test TXT v=spf1 redirect=bare.test
redirectall.test TXT v=spf1 ?all redirect=ip4.test
alias.test CNAME ip4.test
exists.test TXT v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all
1.2.0.192.in-addr._spf.exists.test A 127.0.0.2
local.test TXT v=spf1 exists:%{lr-}.%{o}.who.test -all
lists.ann.local.test.who.test A 127.0.0.2
helo.test TXT v=spf1 exists:%{h}.helo.who.test -all
mail.example.helo.who.test A 127.0.0.2
inner.test TXT v=spf1 include:macro.inner.test -all
macro.inner.test TXT v=spf1 exists:%{d}.seen.test -all
macro.inner.test.seen.test A 127.0.0.2
order.test TXT v=spf1 exists:%{l/-+}.order.who.test -all
x.y.z.order.who.test A 127.0.0.2
range.test TXT v=spf1 exists:%{l+-=}.range.who.test -all
v7.8.range.who.test A 127.0.0.2
time.test TXT v=spf1 exists:%{t}.who.test +all
ptr.test TXT v=spf1 ptr -all
1.2.0.192.in-addr.arpa PTR host.ptr.test
host.ptr.test A 192.0.2.1
9.2.0.192.in-addr.arpa PTR liar.ptr.test
liar.ptr.test A 192.0.2.8
exp.test TXT v=spf1 -all exp=why.exp.test
why.exp.test TXT You are %{i}, and not welcome
syntax.test TXT v=spf1 ip4:192.0.2.1 ip4:not.an.address -all
unknown.test TXT v=spf1 foo:bar +all
modifier.test TXT v=spf1 foo=bar ip4:192.0.2.1 -all
cidr.test TXT v=spf1 ip4:192.0.2.1/33 -all
percent.test TXT v=spf1 exists:%x.test +all
loop.test TXT v=spf1 include:loop.test -all
circle.test TXT v=spf1 redirect=circle.test
${chain('ten', 10)}
ten10.test TXT v=spf1 +all
${chain('eleven', 11)}
eleven11.test TXT v=spf1 +all
voids.test TXT v=spf1 a:v1.test a:v2.test +all
manyvoids.test TXT v=spf1 a:v1.test a:v2.test a:v3.test +all
broken.test FAIL
includebroken.test TXT v=spf1 include:broken.test +all
abroken.test TXT v=spf1 a:broken.test +all
bytes.test TXT v=spf1 ip4:192.0.2.1 é -all
endless.test TXT v=spf1 ${'ip4:198.51.100.1 '.repeat(600)}+all
xn--bcher-kva.test TXT v=spf1 ip4:192.0.2.1 -all
utf8.test TXT v=spf1 exists:%{l}.utf8.who.test ip4:192.0.2.2 -all
spf2.test TXT spf2.0/pra ?all
spf2.test TXT v=spf1 -all
mfrom.test TXT spf2.0/mfrom +all
mfrom.test TXT v=spf1 -all
both.test TXT spf2.0/mfrom,pra ip4:192.0.2.1 -all
twice.test TXT spf2.0/pra +all
twice.test TXT spf2.0/mfrom,pra -all
`

interface Case extends Partial<Asked> {
  readonly is: string
  readonly domain: string
  readonly gives: Awaited<ReturnType<Spf>>
}

/** From 192.0.2.1, which calls itself mail.example, unless told. */
const CASES: readonly Case[] = [
  { is: 'ip4 (5.6)', domain: 'ip4.test', gives: 'pass' },
  { is: 'ip4 that is another', domain: 'ip4.test', address: '198.51.100.1', gives: 'fail' },
  { is: 'an IPv4 client and ip6 alone', domain: 'ip6.test', gives: 'fail' },
  { is: 'ip6', domain: 'ip6.test', address: '2001:db8:1::7', gives: 'pass' },
  { is: 'an IPv4 address mapped into IPv6 (5)', domain: 'ip4.test', address: '::ffff:192.0.2.9', gives: 'pass' },
  { is: 'the same in hexadecimal', domain: 'ip4.test', address: '::ffff:c000:209', gives: 'pass' },
  { is: 'an address with a zone', domain: 'ip6.test', address: 'fe80::1%eth0', gives: 'fail' },
  { is: 'no IP address: a UNIX socket', domain: 'ip4.test', address: 'local', gives: 'none' },
  { is: '~all', domain: 'soft.test', gives: 'softfail' },
  { is: '?all', domain: 'neutral.test', gives: 'neutral' },
  { is: 'a record without a mechanism (4.7)', domain: 'nothing.test', gives: 'neutral' },
  { is: 'no record, but others, one nearly one (4.5)', domain: 'bare.test', gives: 'none' },
  { is: 'a domain that does not exist', domain: 'missing.test', gives: 'none' },
  { is: 'a name of one label (4.3)', domain: 'localhost', gives: 'none' },
  { is: 'an address literal', domain: '[192.0.2.1]', gives: 'none' },
  { is: 'an empty name', domain: '', gives: 'none' },
  { is: 'a label beyond 63 octets', domain: `${'a'.repeat(64)}.test`, gives: 'none' },
  { is: 'two records (4.5)', domain: 'two.test', gives: 'permerror' },
  { is: 'letters of any case', domain: 'UPPER.test', gives: 'pass' },
  { is: 'a record of several strings (3.3)', domain: 'long.test', gives: 'pass' },
  { is: 'a, of IPv4', domain: 'a.test', gives: 'pass' },
  { is: 'a, of IPv6', domain: 'a.test', address: '2001:db8::1', gives: 'pass' },
  { is: 'a with lengths of prefixes', domain: 'a24.test', address: '192.0.2.200', gives: 'pass' },
  { is: 'likewise IPv6', domain: 'a24.test', address: '2001:db8::2:3', gives: 'pass' },
  { is: 'mx', domain: 'mx.test', gives: 'pass' },
  { is: 'mx, the second', domain: 'mx.test', address: '192.0.2.77', gives: 'pass' },
  { is: 'a null MX', domain: 'nullmx.test', gives: 'fail' },
  { is: 'more than ten MX (4.6.4)', domain: 'manymx.test', gives: 'permerror' },
  { is: 'include', domain: 'include.test', gives: 'pass' },
  { is: 'include of what does not match', domain: 'include.test', address: '198.51.100.1', gives: 'fail' },
  { is: 'include of softfail', domain: 'includesoft.test', gives: 'fail' },
  { is: 'include of nothing (5.2)', domain: 'includenone.test', gives: 'permerror' },
  { is: 'include of an error', domain: 'includeperm.test', gives: 'permerror' },
  { is: 'redirect', domain: 'redirect.test', gives: 'pass' },
  { is: 'redirect to nothing (6.1)', domain: 'redirectnone.test', gives: 'permerror' },
  { is: 'redirect beside all', domain: 'redirectall.test', gives: 'neutral' },
  { is: 'an alias', domain: 'alias.test', gives: 'pass' },
  { is: 'exists, with macros', domain: 'exists.test', gives: 'pass' },
  { is: 'the local part in macros', domain: 'local.test', local: 'ann-lists', gives: 'pass' },
  { is: 'another local part', domain: 'local.test', local: 'ann', gives: 'fail' },
  { is: 'the name in HELO', domain: 'helo.test', gives: 'pass' },
  { is: '%{d} inside an include', domain: 'inner.test', gives: 'pass' },
  { is: 'delimiters of macros in any order', domain: 'order.test', local: 'x/y-z', gives: 'pass' },
  { is: 'delimiters that are no range', domain: 'range.test', local: 'v7-8', gives: 'pass' },
  { is: 'a macro that is for explanations alone (7.2)', domain: 'time.test', gives: 'permerror' },
  { is: 'ptr', domain: 'ptr.test', gives: 'pass' },
  { is: 'ptr of a name that denies it', domain: 'ptr.test', address: '192.0.2.9', gives: 'fail' },
  { is: 'ptr of no name', domain: 'ptr.test', address: '192.0.2.10', gives: 'fail' },
  { is: 'an explanation', domain: 'exp.test', gives: 'fail' },
  { is: 'a syntax error behind what matches (4.6)', domain: 'syntax.test', gives: 'permerror' },
  { is: 'an unknown mechanism', domain: 'unknown.test', gives: 'permerror' },
  { is: 'an unknown modifier', domain: 'modifier.test', gives: 'pass' },
  { is: 'a prefix that is too long', domain: 'cidr.test', gives: 'permerror' },
  { is: 'a stray %', domain: 'percent.test', gives: 'permerror' },
  { is: 'an include of itself', domain: 'loop.test', gives: 'permerror' },
  { is: 'a redirect to itself', domain: 'circle.test', gives: 'permerror' },
  { is: 'ten look-ups (4.6.4)', domain: 'ten0.test', gives: 'pass' },
  { is: 'eleven look-ups', domain: 'eleven0.test', gives: 'permerror' },
  { is: 'two look-ups that find nothing', domain: 'voids.test', gives: 'pass' },
  { is: 'three look-ups that find nothing', domain: 'manyvoids.test', gives: 'permerror' },
  { is: 'SERVFAIL', domain: 'broken.test', gives: 'temperror' },
  { is: 'SERVFAIL within an include', domain: 'includebroken.test', gives: 'temperror' },
  { is: 'SERVFAIL within a', domain: 'abroken.test', gives: 'temperror' },
  { is: 'octets beyond ASCII in a record', domain: 'bytes.test', gives: 'permerror' },
  { is: 'a record of 10,000 octets', domain: 'endless.test', gives: 'permerror' },
  { is: 'a domain in U-labels (RFC 8616 4)', domain: 'Bücher.test', gives: 'pass' },
  {
    is: 'a local part beyond ASCII, which matches nothing',
    domain: 'utf8.test',
    local: 'ü',
    address: '192.0.2.2',
    gives: 'pass',
  },
  { is: 'a name that is no domain', domain: 'a☃b.test', gives: 'none' },
  { is: 'a policy for PRA before that of SPF (RFC 4406 4.4)', domain: 'spf2.test', scope: 'pra', gives: 'neutral' },
  { is: 'that of SPF, where PRA was not asked for', domain: 'spf2.test', gives: 'fail' },
  { is: 'a policy for another scope', domain: 'mfrom.test', scope: 'pra', gives: 'fail' },
  { is: 'a policy for both scopes', domain: 'both.test', scope: 'pra', gives: 'pass' },
  { is: 'the same for SPF, whose it is not', domain: 'both.test', gives: 'none' },
  { is: 'two policies for PRA', domain: 'twice.test', scope: 'pra', gives: 'permerror' },
  { is: 'PRA by the record of SPF', domain: 'ip4.test', scope: 'pra', gives: 'pass' },
  { is: 'PRA of a domain that does not exist (RFC 4406 4.3)', domain: 'missing.test', scope: 'pra', gives: 'fail' },
  { is: 'PRA of a domain without any record', domain: 'elsewhere.test', scope: 'pra', gives: 'none' },
]

describe('SPF, RFC 7208', async () => {
  const server = await dnsServer(scriptOf(ZONE))
  const clock = manualClock()
  const resolver = stubResolver({ servers: [server.address], clock })
  const log = keptLog()
  const spf = spfBy({ resolver, clock, log, hostname: 'mx.example' })
  after(async () => {
    await resolver.close()
    await server.close()
  })

  for (const { is, gives, ...asked } of CASES) {
    test(`${is}: ${gives}`, async () => {
      assert.equal(await spf({ address: '192.0.2.1', helo: 'mail.example', ...asked }), gives)
      assert.deepEqual(log.events, [])
      assert.equal(clock.pending, 0)
    })
  }
})

const ASKED: Asked = { address: '192.0.2.1', domain: 'some.test', helo: 'mail.example' }

test('a name server that says nothing is asked no longer than it may take', async () => {
  const server = await dnsServer(() => [])
  const clock = manualClock()
  const resolver = stubResolver({ servers: [server.address], clock, timeout: 1000, tries: 1 })
  const verdict = spfBy({ resolver, clock, log: silentLog, hostname: 'mx.example' })(ASKED)
  await server.asked(1)
  await clock.advance(1000)
  assert.equal(await verdict, 'temperror')
  await resolver.close()
  await server.close()
})

test('all look-ups together have their time; when it is over, nothing more is asked', async () => {
  const clock = manualClock()
  const asked: string[] = []
  const slow: RecordResolver = {
    records: (name) => {
      asked.push(name)
      return new Promise((resolve) => {
        clock.after(3000, () => resolve([{ preference: 0, value: `v=spf1 include:x${asked.length}.test -all` }]))
      })
    },
  }
  const spf = spfBy({ resolver: slow, clock, log: silentLog, hostname: 'mx.example' })
  await spf({ ...ASKED, domain: '' })
  let verdict: string | undefined
  const done = spf(ASKED).then((one) => {
    verdict = one
  })
  while (asked.length === 0) await clock.settle()
  await clock.advance(19_999)
  assert.equal(verdict, undefined)
  await clock.advance(1)
  assert.equal(verdict, 'temperror')
  await done
  const before = asked.length
  await clock.advance(60_000)
  assert.equal(asked.length, before)
})

test('a fault of ours is temperror, and logged', async () => {
  const log = keptLog()
  const clock = { now: () => 0, after: () => assert.fail('a broken clock') }
  const resolver: RecordResolver = { records: async () => [] }
  assert.equal(await spfBy({ resolver, clock, log, hostname: 'mx.example' })(ASKED), 'temperror')
  assert.equal(log.named('spf-fault').length, 1)
})

test('whatever a record says, there is a verdict', async () => {
  const terms =
    'v=spf1| |a|mx|:|/|//|%{|}|%|d|l9r-|include:|redirect=|exists:|ip4:|ptr|-all|.test|é|\0|999|%{p}|exp='.split('|')
  const record = fc.array(fc.constantFrom(...terms), { maxLength: 12 }).map((some) => `v=spf1 ${some.join('')}`)
  const value = fc.oneof(record, fc.string({ unit: 'binary' }))
  const answer = fc.oneof(fc.array(value, { maxLength: 3 }), fc.constantFrom('notFound' as const, 'failed' as const))
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(answer), fc.string({ unit: 'binary' }), async (answers, local) => {
      const resolver: RecordResolver = {
        async records(name) {
          const next: string[] | 'notFound' | 'failed' = answers.next().value
          if (next === 'notFound' || next === 'failed') throw new DnsError(next, name)
          return next.map((one) => ({ preference: 0, value: one }))
        },
      }
      const log = keptLog()
      const spf = spfBy({ resolver, clock: manualClock(), log, hostname: 'mx.example' })
      assert.match(await spf({ ...ASKED, local, helo: local }), /^[a-z]+$/)
      assert.deepEqual(log.events, [])
    }),
  )
})

test('a record that begins macros without end, policy or not, is not searched for long', async () => {
  const endless = `%{s${'-'.repeat(1_000_000)}`
  const texts = [`some text ${endless}`, `v=spf1 exists:${endless}`.slice(0, 8192)]
  const resolver: RecordResolver = { records: async () => texts.map((value) => ({ preference: 0, value })) }
  const spf = spfBy({ resolver, clock: manualClock(), log: silentLog, hostname: 'mx.example' })
  assert.equal(await spf(ASKED), 'permerror')
  assert.equal(await spf({ ...ASKED, scope: 'pra' }), 'permerror')
})

test('the library is not loaded before the first client is asked about', () => {
  const program = `
    import { createRequire } from 'node:module'
    import { spfBy } from './src/policy/spf.ts'
    await import('./src/app/compose.ts')
    const { cache } = createRequire(import.meta.url)
    const loaded = () => Object.keys(cache).some((path) => path.includes('mailauth'))
    const before = loaded()
    const resolver = { records: async () => [] }
    const clock = { now: () => 0, after: () => ({ cancel() {} }) }
    const spf = spfBy({ resolver, clock, log: { event() {} }, hostname: 'mx.example' })
    console.log(before, await spf({ address: '192.0.2.1', domain: 'some.test', helo: 'x' }), loaded())`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.equal(stdout, 'false none true\n', stderr)
})
