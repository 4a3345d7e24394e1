import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BodyFacts } from '../mail/facts.ts'
import { withHeader } from './edited-facts.ts'
import { inspector } from './inspect.ts'

const factsOf = (text: string): BodyFacts => {
  const look = inspector({ maxHeader: 1000 })
  look.write(Buffer.from(text, 'latin1'))
  return look.end().facts
}

const HEADER = 'X: x\r\n\r\n'
const ENCLOSING = 'Content-Type: message/rfc822\r\n\r\n'

/** A header; what is put on top of it, or in its place; a body. */
const CASES = [
  [HEADER, 'X: y\r\n', 'on top', 'body\r\n'],
  [HEADER, 'X: \xc3\xa9\r\n', 'on top', 'body\r\n'],
  [HEADER, 'X: \xe9\r\n', 'on top', 'body\r\n'],
  [HEADER, `X: ${'y'.repeat(100)}\r\n`, 'on top', 'body\r\n'],
  ['Subject: \xc3\xa9\r\n\r\n', 'X: y\r\n', 'on top', 'b\xe9\r\n'],
  ['Subject: \xc3\xa9\r\n\r\n', 'X: \xe9\r\n', 'on top', ''],
  [HEADER, 'X: y\r\n\r\n', 'in its place', 'a\0b\r\n'],
  [HEADER, 'X: \xc3\xa9\r\n\r\n', 'in its place', 'b\xe9\r\n'],
  [HEADER, 'X: \xe9\r\n\r\n', 'in its place', ''],
  ['X: \xc3\xa9\r\n\r\n', 'X: y\r\n\r\n', 'in its place', '\xc3\xa9 or so'],
  [ENCLOSING, `X: y\r\n${ENCLOSING}`, 'in its place', 'Subject: \xc3\xa9\r\n\r\n'],
  [ENCLOSING, 'X: \xe9\r\n', 'on top', 'Subject: \xc3\xa9\r\n\r\n'],
  ['no \xe9 field\r\n\r\n', 'X: y\r\n\r\nno \xe9 field\r\n\r\n', 'in its place', 'body\r\n'],
] as const

for (const [header, other, how, body] of CASES) {
  test(`${JSON.stringify(other.slice(0, 30))} ${how} of ${JSON.stringify(header)}, before ${JSON.stringify(body)}`, () => {
    const before = factsOf(header + body)
    const after = how === 'on top' ? other + header + body : other + body
    const replaced = how === 'on top' ? 0 : header.length
    assert.deepEqual(withHeader(before, Buffer.from(other, 'latin1'), replaced), factsOf(after))
  })
}

test('where not all raw fields are listed, there may be more in the parts', () => {
  const fields = Array.from({ length: 20 }, () => ({ name: 'Subject', depth: 0 }))
  const before: BodyFacts = { ...factsOf(HEADER), rawHeaders: { utf8: true, unknown: false, fields } }
  const after = withHeader(before, Buffer.from(HEADER), HEADER.length)
  assert.deepEqual(after.rawHeaders, { utf8: true, unknown: false, fields: [] })
})
