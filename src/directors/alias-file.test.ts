import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Alias, aliasKey, type Member, parseAliases } from './alias-file.ts'

const parse = (text: string) => parseAliases(text, 'aliases')
const members = (text: string): readonly Member[] => {
  const { value, faults } = parse(text)
  assert.deepEqual(faults, [])
  const [alias, ...more] = [...value.values()]
  assert.deepEqual(more, [])
  return alias?.members ?? assert.fail('no entry')
}
const named = (...locals: string[]) => locals.map((local) => ({ is: 'address', local }))

test('names, lists, comments and continuation lines', () => {
  const { value, faults } = parse(
    [
      '# People',
      'Postmaster: root   # whoever that is',
      '',
      'team : alice, bob@example.org,',
      '  # nobody else',
      '\tcarol',
      '  dave',
      'c#: erin\r',
      'sales@Example.ORG: alice',
    ].join('\n'),
  )
  assert.deepEqual(faults, [])
  assert.deepEqual(value.get(aliasKey('POSTMASTER'))?.members, named('root'))
  assert.deepEqual(value.get(aliasKey('team'))?.members, [
    { is: 'address', local: 'alice' },
    { is: 'address', local: 'bob', domain: 'example.org' },
    { is: 'address', local: 'carol' },
    { is: 'address', local: 'dave' },
  ])
  assert.deepEqual(value.get(aliasKey('c#'))?.members, named('erin'))
  assert.equal(value.get(aliasKey('sales', 'example.org'))?.line, 9)
  assert.equal(value.get(aliasKey('sales')), undefined)
  assert.equal(value.size, 4)
})

test('quoted names and members', () => {
  const { value, faults } = parse('"a b": "c, d", "e\\"f"@x.org\n"g:h": i\n"x@y": j\nk@[IPv6:::1]: l')
  assert.deepEqual(faults, [])
  assert.deepEqual(value.get(aliasKey('a b'))?.members, [
    { is: 'address', local: 'c, d' },
    { is: 'address', local: 'e"f', domain: 'x.org' },
  ])
  assert.deepEqual(value.get(aliasKey('g:h'))?.members, named('i'))
  assert.deepEqual(value.get(aliasKey('x@y'))?.members, named('j'))
  assert.deepEqual(value.get(aliasKey('k', '[IPv6:::1]'))?.members, named('l'))
})

test('what is no address never becomes one', () => {
  assert.deepEqual(
    members('a: "|prog -x, y", |prog, "/var/mail/a b", /dev/null, :include:/etc/list, ":include:/l", :fail: no'),
    [
      { is: 'pipe', text: '|prog -x, y' },
      { is: 'pipe', text: '|prog' },
      { is: 'file', text: '/var/mail/a b' },
      { is: 'file', text: '/dev/null' },
      { is: 'include', text: ':include:/etc/list' },
      { is: 'include', text: ':include:/l' },
      { is: 'special', text: ':fail: no' },
    ],
  )
  assert.deepEqual(members('a: \\a'), [{ is: 'address', local: 'a', asIs: true }])
})

test('every fault is told with its line, and all of them at once', () => {
  const { value, faults } = parse(
    [
      '  stray',
      'no colon here',
      'a b: c',
      'ok: fine',
      'two: x y, good, @bad',
      'OK: again',
      'open: "never closed',
      'empty:',
      'commented: # nothing',
      ': nobody',
      'long: user@-bad-',
      '  and@[1.2.3.400]',
    ].join('\n'),
  )
  assert.deepEqual(faults, [
    'aliases:1: continues an entry, but none has begun',
    'aliases:2: "no colon here": no "name:" here',
    'aliases:3: "a b": is no local part; special characters belong in double quotes',
    'aliases:5: "x y": is no local part; special characters belong in double quotes',
    'aliases:5: "@bad": Bad local part',
    'aliases:6: "OK": stands already in line 4',
    'aliases:7: a quotation mark is never closed',
    'aliases:10: ": nobody": no "name:" here',
    'aliases:11: "user@-bad-": Bad domain',
    'aliases:12: "and@[1.2.3.400]": Bad address literal',
    'aliases:8: "empty": nothing after the colon',
    'aliases:9: "commented": nothing after the colon',
  ])
  assert.deepEqual(value.get(aliasKey('ok'))?.members, named('fine'))
})

test('lines and lists are bounded', () => {
  assert.match(parse(`a: ${'b'.repeat(70_000)}`).faults.join(), /^aliases:1: longer than 65536 characters/)
  const many = `a:\n${Array.from({ length: 100_001 }, (_, i) => ` u${i}`).join('\n')}`
  assert.deepEqual(parse(many).faults, ['aliases:100002: more than 100000 members'])
})

const atom = fc.stringMatching(/^[a-z0-9!#$%&'*+=?^_`{}~-][a-z0-9#.-]{0,6}[a-z0-9]$/).filter((s) => !s.includes('..'))
const local = fc.oneof(
  atom,
  fc.stringMatching(/^[ -~]{1,12}$/),
  fc.constantFrom('ä', 'pöst', 'a,b', '|x', '/y', ':include:z'),
)
const domain = fc.option(fc.constantFrom('example.org', 'x.test', '[127.0.0.1]', '[IPv6:::1]'), { nil: undefined })
const address = fc.record({ local, domain })
const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`
const writeName = ({ local, domain }: { local: string; domain: string | undefined }, bare: boolean) =>
  `${bare && /^[a-z0-9]+(\.[a-z0-9]+)*$/.test(local) ? local : quote(local)}${domain === undefined ? '' : `@${domain}`}`
// A whole string that begins so is no address: the file cannot write such a local part without a domain.
const special = (one: { local: string; domain: string | undefined }) =>
  one.domain === undefined && /^[|/:]/.test(one.local)

test('what is written is what is read', () => {
  const entry = fc.record({
    name: address,
    members: fc.array(
      address.filter((one) => !special(one)),
      { minLength: 1, maxLength: 5 },
    ),
  })
  const styles = fc.record({
    separator: fc.constantFrom(', ', ',', ',\n  ', '\n\t', ' ,\n# remark\n '),
    bare: fc.boolean(),
  })
  const entries = fc.uniqueArray(entry, { selector: ({ name }) => aliasKey(name.local, name.domain), maxLength: 6 })
  fc.assert(
    fc.property(entries, styles, (list, { separator, bare }) => {
      const text = list
        .map(
          ({ name, members }) =>
            `${writeName(name, bare)}: ${members.map((m) => writeName(m, bare)).join(separator)}\n`,
        )
        .join('\n')
      const { value, faults } = parse(text)
      assert.deepEqual(faults, [])
      const plain = (one: { local: string; domain?: string | undefined }) => [one.local, one.domain]
      const read = (alias: Alias) => [plain(alias), alias.members.map((m) => (m.is === 'address' ? plain(m) : m))]
      assert.deepEqual(
        [...value.values()].map(read),
        list.map(({ name, members }) => [plain(name), members.map(plain)]),
      )
    }),
    { numRuns: 300 },
  )
})

test('any text is read without throwing, in linear time, and gives no name twice', () => {
  const piece = fc.constantFrom(
    'a',
    '"',
    '\\',
    ':',
    ',',
    '#',
    ' ',
    '\n',
    '@',
    '[',
    ']',
    '|',
    '/',
    'b.c',
    '\t',
    '\0',
    'é',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
      const { faults } = parse(pieces.join(''))
      for (const fault of faults) assert.match(fault, /^aliases:\d+: /)
    }),
    { numRuns: 500 },
  )
  for (const nasty of ['[]', '""', '\\"', '[', '#', '@', ' ,', '"\\']) parse(`a${nasty.repeat(30_000)}`)
})
