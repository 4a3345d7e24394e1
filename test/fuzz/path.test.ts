import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadAddress, formatPath, readPath } from '../../src/mail/address.ts'
import { referencePath } from './reference-path.ts'
import { randomFrom, runs } from './runs.ts'

const PIECES = [
  '<',
  '>',
  '@',
  '.',
  ',',
  ':',
  '"',
  '\\',
  '[',
  ']',
  '-',
  '_',
  ' ',
  'a',
  'B',
  '0',
  '9',
  '..',
  'postmaster',
  'POSTMASTER',
  'example.org',
  'x'.repeat(63),
  'y'.repeat(64),
  'z'.repeat(255),
  'IPv6:',
  '::1',
  '127.0.0.1',
  '256.1.1.1',
  'tag:x',
  'é',
  '用户',
  '\t',
  '\0',
  '\x7f',
  '<>',
  '<a@b>',
  '@relay:',
  '@a,@b:',
  '"quoted \\" local"',
  "!#$%&'*+/=?^_`{|}~",
  '(',
  ')',
  ';',
  '\u2028',
  '😀',
]

const generate = (random: (below: number) => number): string => {
  const start = random(4)
  let text = start === 0 ? '' : '<'
  for (let n = random(9); n >= 0; n--) text += PIECES[random(PIECES.length)]
  return start > 1 ? `${text}>` : text
}

const outcome = (text: string): ReturnType<typeof readPath> | undefined => {
  try {
    return readPath(text, true)
  } catch (error) {
    if (error instanceof BadAddress) return undefined
    throw error
  }
}

test('the path parser agrees with a reader that goes character by character', () => {
  const random = randomFrom(5321)
  let accepted = 0
  for (let n = runs(40_000); n > 0; n--) {
    const text = generate(random)
    const [ours, reference] = [outcome(text), referencePath(text)]
    assert.deepEqual(ours, reference, JSON.stringify(text))
    if (!ours?.path) continue
    accepted++
    // What was read can be written, and means the same when it is read again.
    assert.deepEqual(outcome(formatPath(ours.path))?.path, ours.path, JSON.stringify(text))
  }
  assert.ok(accepted > 100, `only ${accepted} inputs were paths`)
})

test('a parser that backtracks would hang on these', () => {
  for (const text of [
    `<${'a.'.repeat(2000)}`,
    `<@${'a.'.repeat(2000)}`,
    `<"${'\\\\'.repeat(2000)}`,
    `<a@${'a-'.repeat(2000)}>`,
    `<@${'a,@'.repeat(2000)}`,
  ]) {
    assert.equal(outcome(text), undefined)
  }
})
