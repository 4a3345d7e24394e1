import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Credentials } from '../sasl/credentials.ts'
import { parsePasswords } from '../sasl/password-file.ts'
import { Turns } from '../sasl/turns.ts'
import { smail } from './smail.ts'

interface Typing {
  readonly terminal?: true
}

const run = async (given: readonly string[], input: string | Uint8Array, { terminal }: Typing = {}) => {
  const io = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), env: {} }
  if (terminal) Object.assign(io.stdin, { isTTY: true, setRawMode: () => io.stdin })
  io.stdin.end(input)
  const code = await smail(['password', ...given], io)
  io.stdout.end()
  io.stderr.end()
  return { code, out: await text(io.stdout), err: await text(io.stderr) }
}

/** Whether a line lets a password in. */
const lets = async (line: string, name: string, password: string): Promise<boolean> => {
  const { value, faults } = parsePasswords(line, 'f')
  assert.deepEqual(faults, [])
  const known = new Credentials({
    passwords: async () => value,
    secret: () => Buffer.from('x'),
    turns: new Turns(1, 1),
  })
  return known.check(name, password, '192.0.2.1').then(
    () => true,
    () => false,
  )
}

const FEW = ['--iterations', '4096']

test('the first line of standard input is the password, and the line holds something else', async () => {
  const { code, out, err } = await run([...FEW, 'alice'], 'wonder land\nmore\n')
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /^alice:SCRAM-SHA-256\$4096:[\w+/=]+\$[\w+/=]+:[\w+/=]+\n$/)
  assert.deepEqual([await lets(out, 'alice', 'wonder land'), await lets(out, 'alice', 'wonder land\n')], [true, false])
  assert.notEqual((await run([...FEW, 'alice'], 'wonder land\n')).out, out)
  const old = await run([...FEW, '--mechanism', 'scram-sha-1', 'al\u00adice'], 'x')
  assert.match(old.out, /^alice:SCRAM-SHA-1\$4096:/)
  assert.ok(await lets(old.out, 'alice', 'x'))
})

test('at a terminal it is asked for twice, and not shown', async () => {
  const { code, out, err } = await run([...FEW, 'bob'], 'secret\rsecret\r', { terminal: true })
  assert.deepEqual([code, err], [0, 'Password: \nOnce more: \n'])
  assert.ok(await lets(out, 'bob', 'secret'))
  assert.deepEqual(await run([...FEW, 'bob'], 'secret\rother\r', { terminal: true }), {
    code: 65,
    out: '',
    err: 'Password: \nOnce more: \nsmail: the two are not the same\n',
  })
  assert.deepEqual((await run(['bob'], 'sec\x03', { terminal: true })).code, 65)
  assert.deepEqual((await run(['bob'], '', { terminal: true })).code, 65)
})

test('what is wrong is told', async () => {
  const told = async (given: readonly string[], input: string | Uint8Array = 'x\n') => {
    const { code, err, out } = await run(given, input)
    assert.equal(out, '')
    return `${code} ${err.split('\n')[0]}`
  }
  assert.match(await told([]), /^64 .*usage: smail password/)
  assert.match(await told(['a', 'b']), /^64 .*usage: smail password/)
  assert.match(await told(['a b']), /^64 smail: 'a b' can be no name/)
  assert.match(await told(['a:b']), /^64 smail: 'a:b' can be no name/)
  assert.match(await told(['#a']), /^64 smail: '#a' can be no name/)
  assert.match(await told(['--mechanism', 'PLAIN', 'a']), /^64 smail: --mechanism is 'PLAIN'; expected one of/)
  assert.match(await told(['--iterations', '9', 'a']), /^64 smail: --iterations is '9'; expected 4096 to 1000000/)
  assert.equal(await told(['a'], ''), '65 smail: there is no password')
  assert.equal(await told(['a'], '\n'), '65 smail: there is no password')
  assert.equal(await told(['a'], 'a\u0007\n'), '65 smail: it holds what no password may hold (RFC 4013)')
  assert.equal(await told(['a'], new Uint8Array([255, 10])), '65 smail: it is not UTF-8')
  assert.equal(await told(['a'], 'x'.repeat(1001)), '65 smail: it is longer than 1000 octets')
})
