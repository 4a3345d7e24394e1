import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadSettings, readSettings } from './load.ts'
import { type Machine, thisMachine } from './machine.ts'

const machine: Machine = { ...thisMachine({}), hostname: 'host.example.org', home: '/home/jo' }
const read = (source: string) => readSettings(source, 'smail.yaml', machine, new Map())
const faults = (source: string): readonly string[] => {
  const loaded = read(source)
  assert.ok('faults' in loaded, 'no fault')
  return loaded.faults
}

const TOO_DEEP = 'is nested too deep; expected at most 100 levels'

test('what is nested too deep is told at the level that is too many, whatever it is made of', () => {
  const deep: [source: string, place: string][] = [
    ['['.repeat(100_000), '1:101'],
    [`log:\n  level: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`, '2:108'],
    ['{a: '.repeat(100_000), '1:401'],
    [`${'{a: '.repeat(3000)}1${'}'.repeat(3000)}`, '1:401'],
    ['- '.repeat(50_000), '1:201'],
    ['? '.repeat(50_000), '1:201'],
    [Array.from({ length: 1400 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''), '101:101'],
  ]
  for (const [source, place] of deep) {
    const [line = '', column = ''] = place.split(':')
    const [fault = '', ...more] = faults(source)
    const [, atLine, atColumn, says] = /^smail\.yaml:(\d+):(\d+): (.*)$/.exec(fault) ?? []
    assert.deepEqual([atLine, says, more], [line, TOO_DEEP, []], source.slice(0, 20))
    // One level more or less is the parser's affair.
    assert.ok(Math.abs(Number(atColumn) - Number(column)) <= 4, fault)
  }
})

test('a hundred levels are read, and what is wrong with them is said', () => {
  assert.deepEqual(faults(`log: ${'['.repeat(98)}${']'.repeat(98)}`), ['smail.yaml:1:6 log: is a list; expected a map'])
})

test('aliases of aliases go no deeper', () => {
  const chain = ['a0: &a0 [x]', ...Array.from({ length: 20_000 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]`)]
  assert.ok(faults(chain.join('\n')).some((fault) => fault.endsWith(TOO_DEEP)))
})

test('anchors may be used, and a bomb of them is refused', () => {
  const loaded = read('domains: &d [a.example]\ndns: { hosts: { b: &h [192.0.2.1], c: *h } }')
  assert.ok('settings' in loaded)
  assert.deepEqual(loaded.settings.dns.hosts.get('c'), ['192.0.2.1'])
  const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 12; i++) bomb.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`)}]`)
  const said =
    /^smail\.yaml:1:28 a4\S*: is too much; expected at most 100000 values, each counted wherever an alias names it$/
  assert.ok(faults(bomb.join('\n')).some((fault) => said.test(fault)))
})

test('an alias stands for the last anchor of its name before it', () => {
  const loaded = read('dns: { hosts: { a: &x [192.0.2.1], b: *x, c: &x [192.0.2.2], d: *x } }')
  assert.ok('settings' in loaded)
  const { hosts } = loaded.settings.dns
  assert.deepEqual([hosts.get('b'), hosts.get('d')], [['192.0.2.1'], ['192.0.2.2']])
})

test('many aliases, many keys and many faults take no more than their number', () => {
  const aliases = `a: &a x\nb: [${'*a,'.repeat(15_000)}]\n`
  assert.equal(faults(aliases).length, 2)
  const keys = Array.from({ length: 15_000 }, (_, i) => `k${i}: 1\n`).join('')
  assert.equal(faults(keys).at(-1), 'and 14950 more')
  assert.equal(faults('a: 1\n'.repeat(15_000)).at(-1), 'and 14950 more')
})

test('strange characters are told with their places', () => {
  const told: [source: string, fault: string][] = [
    ['hostname: a\n# \0\n', 'smail.yaml:2:3: the control character \\x00 stands here; expected text'],
    ['hostname: a.example\x85\n', 'smail.yaml:1:20: the control character \\x85 stands here; expected text'],
    ['log: {}\n  \ufeff\n', 'smail.yaml:2:3: the character U+FEFF stands here; expected text'],
    ['log: {}\rdns: {}\r', 'smail.yaml:1:8: a carriage return without a line feed stands here; expected text'],
    ['log:\n\tlevel: info\n', 'smail.yaml:2:1: a tab cannot indent; expected spaces'],
    ['log: { level: info, level: info }\nlog: {}\n', 'smail.yaml:1:21 log.level: stands here twice'],
    ['hostname: "\\e[31mx"\n', "smail.yaml:1:11 hostname: '\\x1b[31mx' is no domain; expected one as in example.org"],
    ['"log\u202e": {}\n', 'smail.yaml:1:1 log\\u{202e}: is no setting; did you mean log?'],
  ]
  for (const [source, fault] of told) assert.equal(faults(source)[0], fault)
  assert.deepEqual(faults('log: { level: info, level: info }\nlog: {}\n')[1], 'smail.yaml:2:1 log: stands here twice')
  assert.ok('settings' in read('log:\tinfo\n'.replace('info', '{ level:\tinfo }')))
  assert.ok('settings' in read('hostname: a.example\r\nlog: {}\r\n'))
})

const folder = mkdtempSync(join(tmpdir(), 'smail-hostile-'))
after(() => rmSync(folder, { recursive: true }))
const faultsOfFile = (name: string, octets: Uint8Array, size?: number): readonly string[] => {
  const file = join(folder, name)
  writeFileSync(file, octets)
  chmodSync(file, 0o644)
  if (size !== undefined) truncateSync(file, size)
  const loaded = loadSettings({ file, env: {}, extensions: new Map(), machine })
  return 'faults' in loaded ? loaded.faults.map((fault) => fault.replace(`${folder}/`, '')) : []
}

test('octets that are no text are told with their places', () => {
  const bom = Buffer.from([0xef, 0xbb, 0xbf])
  assert.deepEqual(faultsOfFile('bom.yaml', Buffer.concat([bom, Buffer.from('hostname: a.example\n')])), [])
  const told: [name: string, octets: Buffer, fault: string][] = [
    ['bom-fault.yaml', Buffer.concat([bom, Buffer.from('lgo: {}\n')]), '1:1 lgo: is no setting; did you mean log?'],
    ['bom-latin1.yaml', Buffer.concat([bom, Buffer.from([0x23, 0xfc])]), '1:2: the octet \\xfc is no UTF-8 text'],
    ['utf16.yaml', Buffer.from('\ufefflog: {}', 'utf16le'), '1:1: the octet \\xff is no UTF-8 text'],
    ['latin1.yaml', Buffer.from('log: {}\n# grü\xdfe', 'latin1'), '2:5: the octet \\xfc is no UTF-8 text'],
    ['half.yaml', Buffer.from('# ü\ufffd€\n').subarray(0, -2), '1:5: the octet \\xe2 is no UTF-8 text'],
    ['overlong.yaml', Buffer.from([0x23, 0x0a, 0xc0, 0x80]), '2:1: the octet \\xc0 is no UTF-8 text'],
  ]
  for (const [name, octets, fault] of told) assert.deepEqual(faultsOfFile(name, octets), [`${name}:${fault}`])
})

test('a default that cannot be is told as any other fault', () => {
  const loaded = readSettings('log: {}\n', 'smail.yaml', { ...machine, runtime: `/${'x'.repeat(100)}` }, new Map())
  assert.ok('faults' in loaded)
  assert.match(
    loaded.faults.join('\n'),
    /^smail\.yaml:1:1 control\.socket: '\/x+\/control\.sock' is too long for a socket; /,
  )
})

test('a file of 100 MiB is not read', () => {
  const said = 'large.yaml: has 104857600 octets; expected at most 1048576'
  assert.deepEqual(faultsOfFile('large.yaml', Buffer.from('log: {}\n'), 100 * 2 ** 20), [said])
})
