import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { withSmtpLineEnds } from './typed.ts'

const through = async (pieces: readonly string[]): Promise<string> => {
  const source = Readable.from(pieces.filter((one) => one !== '').map((one) => Buffer.from(one, 'latin1')))
  return Buffer.concat(await Array.fromAsync(withSmtpLineEnds(source))).toString('latin1')
}

test('the first line tells how lines end, however they come in pieces', async () => {
  const lines = fc.array(fc.constantFrom('NOOP', '\r', 'a\nb', ''), { minLength: 2, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(lines, fc.constantFrom('\n', '\r\n'), fc.array(fc.nat(40)), async (rest, lineEnd, cuts) => {
      const text = ['EHLO x', ...rest].join(lineEnd)
      const borders = [0, ...cuts.map((at) => at % (text.length + 1)).sort((a, b) => a - b), text.length]
      const pieces = borders.slice(1).map((end, at) => text.slice(borders[at], end))
      assert.equal(await through(pieces), lineEnd === '\n' ? text.replaceAll('\n', '\r\n') : text)
    }),
  )
})

test('nothing, a line without an end, and one that is no command pass as they are', async () => {
  for (const text of ['', 'QUIT', `${'x'.repeat(5000)}\nQUIT\n`]) {
    const pieces = text.match(/.{1,1000}/gs) ?? []
    assert.equal(await through(pieces), text)
  }
})
