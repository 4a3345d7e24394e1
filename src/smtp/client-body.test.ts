import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { randomFrom } from '../../test/fuzz/runs.ts'
import { BareNewline, DotStuffing, exactly, WrongSize } from './client-body.ts'

const stuff = (...chunks: readonly string[]): string => {
  const stuffing = new DotStuffing()
  const out = chunks.map((chunk) => Buffer.from(stuffing.next(Buffer.from(chunk, 'latin1'))).toString('latin1'))
  return out.join('') + stuffing.end()
}

/** Octet by octet, as RFC 5321 4.5.2 says it; undefined for a bare CR or LF. */
const slowly = (text: string): string | undefined => {
  let out = ''
  for (const [at, char] of [...text].entries()) {
    if (char === '\r' && text[at + 1] !== '\n') return undefined
    if (char === '\n' && text[at - 1] !== '\r') return undefined
    if (char === '.' && (at === 0 || text[at - 1] === '\n')) out += '.'
    out += char
  }
  return `${out}${out === '' || out.endsWith('\n') ? '' : '\r\n'}.\r\n`
}

describe('a body as DATA sends it', () => {
  for (const [what, chunks, sent] of [
    ['nothing', [], '.\r\n'],
    ['an empty chunk', [''], '.\r\n'],
    ['lines', ['a\r\n', 'b\r\n'], 'a\r\nb\r\n.\r\n'],
    ['a last line without CRLF', ['a\r\nb'], 'a\r\nb\r\n.\r\n'],
    ['a dot first of all', ['.'], '..\r\n.\r\n'],
    ['what looks like the end', ['a\r\n.\r\nb'], 'a\r\n..\r\nb\r\n.\r\n'],
    ['a dot after a border', ['a\r\n', '.b'], 'a\r\n..b\r\n.\r\n'],
    ['a dot after a border within CRLF', ['a\r', '\n.b'], 'a\r\n..b\r\n.\r\n'],
    ['dots within a line', ['a.b', '.c'], 'a.b.c\r\n.\r\n'],
  ] as const) {
    test(what, () => assert.equal(stuff(...chunks), sent))
  }

  test('a chunk without dots is not copied', () => {
    const chunk = Buffer.from('a\r\nb.\r\n')
    assert.equal(new DotStuffing().next(chunk).buffer, chunk.buffer)
  })

  for (const chunks of [
    ['a\nb'],
    ['\n.'],
    ['a\r', 'b'],
    ['a\r'],
    ['a\rb\r\n'],
    ['a\r\r\n'],
    ['x', '\n'],
    ['a\r\n\n'],
  ]) {
    test(`never ${JSON.stringify(chunks)}`, () => assert.throws(() => stuff(...chunks), BareNewline))
  }

  test('agrees with a slow one, however it is cut', () => {
    const random = randomFrom(452)
    const letters = ['\r\n', '\r\n', '\r\n', '.', '.', 'a', '\r', '\n', '\xe9', '..', '\r\n.\r\n']
    for (let n = 20_000; n > 0; n -= 1) {
      let text = ''
      // Bare ones are rare, or nothing else would be tried.
      for (let left = random(12); left > 0; left -= 1) text += letters[random(random(5) === 0 ? 11 : 6)] ?? ''
      const chunks: string[] = []
      for (let at = 0; at < text.length; ) {
        const end = at + random(4)
        chunks.push(text.slice(at, end))
        at = end
      }
      const wanted = slowly(text)
      if (wanted === undefined) assert.throws(() => stuff(...chunks), BareNewline, JSON.stringify(chunks))
      else assert.equal(stuff(...chunks), wanted, JSON.stringify(chunks))
    }
  })
})

describe('a body of exactly so many octets', () => {
  const read = async (octets: number, from: number, ...chunks: readonly string[]): Promise<string> => {
    const content = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk)
    })()
    let out = ''
    for await (const chunk of exactly(content, octets, from)) out += Buffer.from(chunk).toString()
    return out
  }
  test('passes', async () => assert.equal(await read(6, 0, 'abc', '', 'def'), 'abcdef'))
  test('from an octet on', async () => {
    for (let from = 0; from <= 6; from += 1) assert.equal(await read(6, from, 'abc', 'def'), 'abcdef'.slice(from))
  })
  test('is refused when there are too few', () => assert.rejects(read(7, 0, 'abc', 'def'), WrongSize))
  test('is refused when there are too many', () => assert.rejects(read(5, 0, 'abc', 'def'), WrongSize))
})
