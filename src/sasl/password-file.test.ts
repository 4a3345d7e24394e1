import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePasswords, usualIterations } from './password-file.ts'
import { LEAST_ITERATIONS, MOST_ITERATIONS } from './scram.ts'
import { readVerifier, writeVerifier } from './verifier.ts'

const KEY = 'A'.repeat(43)
const GOOD = `SCRAM-SHA-256$4096:c2FsdCBzYWx0$${KEY}=:${KEY}=`
const SHA1 = `SCRAM-SHA-1$4096:c2FsdCBzYWx0$${'A'.repeat(27)}=:${'A'.repeat(27)}=`

test('names and their verifiers, comments and empty lines', () => {
  const { value, faults } = parsePasswords(
    `# who\n\nalice:${GOOD}\r\n  bob@example.org:${SHA1}  \nalice:${SHA1}\n`,
    'f',
  )
  assert.deepEqual(faults, [])
  assert.deepEqual(
    [...value].map(([name, verifiers]) => [name, verifiers.map(writeVerifier)]),
    [
      ['alice', [GOOD, SHA1]],
      ['bob@example.org', [SHA1]],
    ],
  )
})

test('what is wrong is told by file and line, and secrets are not', () => {
  const lines = [
    'secret',
    ':secret',
    'a:secret',
    `a b:${GOOD}`,
    `a\u0007:${GOOD}`,
    `alice:${GOOD}`,
    `alice:${GOOD}`,
    `al\u00adice:${GOOD}`,
    `b:${GOOD.replace('4096', '4095')}`,
    `c:${GOOD.replace('4096', '1000001')}`,
    `d:${GOOD.replace('c2FsdCBzYWx0', 'c2Fs')}`,
    `e:${GOOD.replace('c2FsdCBzYWx0', 'secret')}`,
    `f:${GOOD.replace(`${KEY}=`, 'c2FsdA==')}`,
    `g:${GOOD.replace('256', '512')}`,
    `h:${'x'.repeat(3000)}`,
    `i:{PLAIN}secret`,
  ]
  const { value, faults } = parsePasswords(lines.join('\n'), 'passwords')
  assert.deepEqual([...value.keys()], ['alice'])
  assert.deepEqual(faults, [
    'passwords:1: no `name:verifier`; `smail password NAME` prints one',
    'passwords:2: no `name:verifier`; `smail password NAME` prints one',
    'passwords:3: "a": no verifier here; expected one as `smail password` prints, SCRAM-SHA-256$4096:…$…:…',
    'passwords:4: "a b": is no name; it holds a space or what no name may hold',
    'passwords:5: "a\\u0007": is no name; it holds a space or what no name may hold',
    'passwords:7: "alice": stands already above',
    'passwords:8: "alice": stands already above',
    'passwords:9: "b": 4095 iterations; expected 4096 to 1000000',
    'passwords:10: "c": 1000001 iterations; expected 4096 to 1000000',
    'passwords:11: "d": the salt has 3 octets; expected 8 to 64',
    'passwords:12: "e": the salt is not base64',
    'passwords:13: "f": the stored key has 4 octets; expected 32',
    'passwords:14: "g": no verifier here; expected one as `smail password` prints, SCRAM-SHA-256$4096:…$…:…',
    'passwords:15: no `name:verifier`; `smail password NAME` prints one',
    'passwords:16: "i": no verifier here; expected one as `smail password` prints, SCRAM-SHA-256$4096:…$…:…',
  ])
})

test('the usual count of iterations is that of most, and the smaller of two', () => {
  const of = (...counts: number[]) =>
    parsePasswords(counts.map((count, at) => `n${at}:${GOOD.replace('4096', String(count))}`).join('\n'), 'f').value
  assert.equal(usualIterations(of(5000, 6000, 6000), 'sha256'), 6000)
  assert.equal(usualIterations(of(6000, 5000), 'sha256'), 5000)
  assert.equal(usualIterations(of(5000), 'sha1'), undefined)
})

test('a verifier that was written reads as it was', () => {
  const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const verifier = fc.record({
    hash: fc.constant('sha256' as const),
    iterations: fc.integer({ min: LEAST_ITERATIONS, max: MOST_ITERATIONS }),
    salt: fc.uint8Array({ minLength: 8, maxLength: 64 }),
    storedKey: octets(32),
    serverKey: octets(32),
  })
  fc.assert(
    fc.property(verifier, (one) => {
      const read = readVerifier(writeVerifier(one))
      assert.deepEqual(
        { ...read, salt: [...read.salt], storedKey: [...read.storedKey], serverKey: [...read.serverKey] },
        {
          ...one,
          salt: [...one.salt],
          storedKey: [...one.storedKey],
          serverKey: [...one.serverKey],
        },
      )
    }),
  )
})
