import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BadUnit, formatSize, formatTime, readMode, readSize, readTime } from './units.ts'

const refused = (read: (text: string) => unknown, texts: readonly string[]) => {
  for (const text of texts) assert.throws(() => read(text), BadUnit, text)
}

test('sizes', () => {
  const sizes = {
    '0': 0,
    '1024': 1024,
    '25MiB': 26_214_400,
    '1.5KiB': 1536,
    '10MB': 10_000_000,
    '2G': 2 ** 31,
    '1 KiB': 1024,
  }
  for (const [text, octets] of Object.entries(sizes)) assert.equal(readSize(text), octets, text)
  refused(readSize, [
    '',
    'MiB',
    '-1',
    '1e3',
    '1,5MiB',
    '5d',
    '1mib',
    '0x10',
    '1_000',
    '9999999GiB',
    ' 1',
    '1KiB ',
    '1  KiB',
    'constructor',
  ])
})

test('times', () => {
  const times = {
    '90s': 90_000,
    '5d': 432_000_000,
    '1h30m': 5_400_000,
    '250ms': 250,
    '0s': 0,
    '1.5h': 5_400_000,
    '2w': 1_209_600_000,
  }
  for (const [text, ms] of Object.entries(times)) assert.equal(readTime(text), ms, text)
  refused(readTime, [
    '',
    '5',
    's',
    '-5s',
    '5 s',
    '5x',
    '5D',
    '1h30',
    's5',
    '1e3s',
    '999999999999999w',
    '1hasOwnProperty',
    '5d\n',
  ])
})

test('modes', () => {
  assert.deepEqual(['0600', '600', '0755'].map(readMode), [0o600, 0o600, 0o755])
  refused(readMode, ['', '0', '384', '0o600', '01777', '0x1ff', '0680', '-600', '00600'])
})

test('no text makes the readers throw anything else, and what they read is a whole number', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,20}[a-zA-Z]{0,3}$/)), (text) => {
      for (const read of [readSize, readTime, readMode]) {
        try {
          assert.ok(Number.isSafeInteger(read(text)))
        } catch (error) {
          assert.ok(error instanceof BadUnit)
        }
      }
    }),
  )
})

test('what is written back is read as the same', () => {
  assert.deepEqual([0, 1, 65_536, 50 * 2 ** 20, 3 * 2 ** 30].map(formatSize), ['0', '1', '64KiB', '50MiB', '3GiB'])
  assert.deepEqual([0, 250, 90_000, 3_600_000, 5 * 86_400_000].map(formatTime), ['0ms', '250ms', '90s', '1h', '5d'])
  fc.assert(
    fc.property(fc.nat(), (value) => {
      assert.equal(readSize(formatSize(value)), value)
      assert.equal(readTime(formatTime(value)), value)
    }),
  )
})
