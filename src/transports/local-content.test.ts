import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { withLf } from '../mime/line-ends.ts'
import { batched, quoteFrom, withTop } from './local-content.ts'

async function* each(chunks: readonly string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk, 'latin1')
}
const joined = async (octets: AsyncIterable<Uint8Array>): Promise<string> => {
  const parts: Uint8Array[] = []
  for await (const part of octets) parts.push(Buffer.from(part))
  return Buffer.concat(parts).toString('latin1')
}

/** Text of pieces that matter, cut anywhere. */
const cut = (pieces: readonly string[]) =>
  fc
    .tuple(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), fc.array(fc.nat(80), { maxLength: 12 }))
    .map(([parts, borders]) => {
      const text = parts.join('')
      const sorted = [0, ...borders.map((at) => at % (text.length + 1)).sort((a, b) => a - b), text.length]
      return sorted.slice(1).map((end, i) => text.slice(sorted[i], end))
    })

test('CRLF becomes LF wherever the chunks end, and a CR or LF alone stays', async () => {
  await fc.assert(
    fc.asyncProperty(cut(['\r', '\n', '\r\n', 'a', 'bc', '\0', '\xe9']), async (chunks) => {
      assert.equal(await joined(withLf(each(chunks))), chunks.join('').replaceAll('\r\n', '\n'))
    }),
    { numRuns: 1000 },
  )
})

test('lines of From get one more > wherever the chunks end', async () => {
  await fc.assert(
    fc.asyncProperty(cut(['From ', 'From', 'F', 'ro', 'm ', '>', '>>', '\n', ' ', 'x', '\r']), async (chunks) => {
      assert.equal(await joined(quoteFrom(each(chunks))), chunks.join('').replace(/(?<=^|\n)>*From /g, '>$&'))
    }),
    { numRuns: 1000 },
  )
})

test('pieces are gathered, in order, and nothing yields nothing', async () => {
  const chunks = Array.from({ length: 5000 }, (_, i) => `${i} `.repeat(20))
  const sizes: number[] = []
  const counted = async function* () {
    for await (const piece of batched(each(chunks))) {
      sizes.push(piece.length)
      yield piece
    }
  }
  assert.equal(await joined(counted()), chunks.join(''))
  assert.ok(sizes.length < 4 && sizes.slice(0, -1).every((size) => size >= 256 * 1024), sizes.join())
  assert.equal(await joined(batched(each([]))), '')
  assert.equal(await joined(withTop('a\n', each(['b']))), 'a\nb')
})
