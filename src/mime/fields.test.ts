import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyEdits, readHeader, unfold } from './fields.ts'

const read = (text: string) => readHeader(Buffer.from(text, 'latin1'))
const edited = (text: string, edits: Parameters<typeof applyEdits>[1]) =>
  Buffer.from(applyEdits(read(text), edits)).toString('latin1')

test('names are found in any case, topmost first, values unfolded', () => {
  const header = read('Received: by b\r\nSUBJECT: a\r\n  b\r\n\tc \r\nreceived: by a\r\n\r\nSubject: body\r\n')
  assert.deepEqual(header.values('subject'), ['a  b\tc'])
  assert.deepEqual(header.values('Received'), ['by b', 'by a'])
  assert.deepEqual(header.values('To'), [])
  assert.equal(header.fields[1]?.value, ' a\r\n  b\r\n\tc ')
  assert.equal(
    Buffer.from(header.raw).toString(),
    'Received: by b\r\nSUBJECT: a\r\n  b\r\n\tc \r\nreceived: by a\r\n\r\n',
  )
})

test('a header ends at its first empty line, and there only', () => {
  assert.equal(read('\r\nA: b\r\n').raw.length, 2)
  assert.equal(read('').raw.length, 0)
  assert.equal(read('\r').raw.length, 1)
  assert.deepEqual(read('A: b\n\nC: d\r\n').fields.length, 1)
  assert.deepEqual(read('A: b').values('a'), ['b'])
  assert.deepEqual(read('A: b\r\n').values('a'), ['b'])
})

test('lines that are no field are kept under no name', () => {
  const header = read(' folded from nowhere\r\nFrom me Mon 1 10:00:00\r\n more\r\n: x\r\nA \t: b\r\nC:\r\nlast')
  assert.deepEqual(
    header.fields.map(({ name, value }) => [name, value]),
    [
      ['', ' folded from nowhere'],
      ['', 'From me Mon 1 10:00:00\r\n more'],
      ['', ': x'],
      ['A', ' b'],
      ['C', ''],
      ['', 'last'],
    ],
  )
})

test('names like those of Object are just names', () => {
  assert.deepEqual(read('__proto__: a\r\nconstructor: b\r\n').values('constructor'), ['b'])
  assert.deepEqual(read('A: b\r\n').values('constructor'), [])
})

test('unfolding leaves no line break, whatever came', () => {
  assert.equal(unfold(' a\r\n b'), 'a b')
  assert.equal(unfold(' a\nBcc: x\rb\r\nc'), 'a Bcc: x b  c')
})

test('octets of UTF-8 are no white space', () => {
  const voila = Buffer.from('voilà').toString('latin1')
  assert.equal(unfold(` ${voila} `), voila)
})

test('added fields go on top, the last one topmost', () => {
  assert.equal(
    edited('A: 1\r\n\r\n', [
      { field: 'add', name: 'B', value: '2' },
      { field: 'add', name: 'C', value: ' 3' },
    ]),
    'C: 3\r\nB: 2\r\nA: 1\r\n\r\n',
  )
})

test('edits count in the header as it came', () => {
  const text = 'A: 1\r\nB: x\r\na: 2\r\nA: 3\r\n\r\n'
  assert.equal(
    edited(text, [
      { field: 'add', name: 'A', value: '0' },
      { field: 'remove', name: 'A', nth: 1 },
      { field: 'replace', name: 'A', nth: 2, value: 'two' },
    ]),
    'A: 0\r\nB: x\r\nA: two\r\nA: 3\r\n\r\n',
  )
  assert.equal(edited(text, [{ field: 'remove', name: 'A' }]), 'B: x\r\n\r\n')
  assert.equal(edited(text, [{ field: 'replace', name: 'A', value: '9' }]), 'A: 9\r\nB: x\r\n\r\n')
  assert.equal(edited(text, [{ field: 'replace', name: 'C', value: '9' }]), `C: 9\r\n${text}`)
  assert.equal(edited(text, [{ field: 'remove', name: 'A', nth: 4 }]), text)
})

test('a replaced last line without its end gets one', () => {
  assert.equal(edited('A: 1\r\nB: 2', [{ field: 'replace', name: 'B', value: '3' }]), 'A: 1\r\nB: 3\r\n')
})

test('what cannot stand in a header is refused', () => {
  for (const name of ['', 'A B', 'A:', 'A\r\nB', 'Ä', 'A\0', 'x'.repeat(77)]) {
    assert.throws(() => edited('A: 1\r\n\r\n', [{ field: 'add', name, value: 'x' }]), Error, name)
  }
  for (const value of [
    'a\r\nBcc: b',
    'a\nb',
    'a\rb',
    'a\r\n',
    'a\n b',
    '\0',
    'a\r\n\r\n b',
    '\u0100',
    'x'.repeat(999),
  ]) {
    assert.throws(() => edited('A: 1\r\n\r\n', [{ field: 'replace', name: 'A', value }]), Error, JSON.stringify(value))
  }
})

test('a fold of nothing but white space is dropped', () => {
  assert.equal(edited('', [{ field: 'add', name: 'A', value: 'a\r\n \r\n\t\r\n b\r\n ' }]), 'A: a\r\n b\r\n')
})

test('long values are folded at white space', () => {
  const words = Array.from({ length: 40 }, (_, i) => `word-${i}`).join(' ')
  const lines = edited('', [{ field: 'add', name: 'Subject', value: words }]).split('\r\n')
  assert.ok(lines.length > 4)
  assert.ok(lines.every((line) => line.length <= 78))
  const long = `a ${'x'.repeat(900)} b`
  assert.equal(edited('', [{ field: 'add', name: 'A', value: long }]), `A: a\r\n ${'x'.repeat(900)}\r\n b\r\n`)
})

test('fields on top never run into what follows them', () => {
  const add = (text: string) => edited(text, [{ field: 'add', name: 'A', value: '1' }])
  assert.equal(add(' by evil\r\nB: 2\r\n\r\n'), 'A: 1\r\n\r\n by evil\r\nB: 2\r\n\r\n')
  assert.equal(add('just text\r\n'), 'A: 1\r\n\r\njust text\r\n')
  assert.equal(add('From me Mon 1\r\nB: 2\r\n\r\n'), 'A: 1\r\nFrom me Mon 1\r\nB: 2\r\n\r\n')
  assert.equal(add('\r\n'), 'A: 1\r\n\r\n')
  assert.equal(edited(' x\r\n\r\n', []), ' x\r\n\r\n')
})

const octet = fc.constantFrom('\r\n', '\r\n', ' ', '\t', ':', 'a', 'B', 'c-d', '\r', '\n', '\0', '\xe9', '(')
const anything = fc.array(octet, { maxLength: 60 }).map((parts) => parts.join(''))

test('any octets at all: the fields cover the header without a gap', () => {
  fc.assert(
    fc.property(anything, (text) => {
      const header = read(text)
      const raw = Buffer.from(header.raw).toString('latin1')
      assert.ok(text.startsWith(raw))
      const cover = header.fields.map(({ start, end }) => raw.slice(start, end)).join('')
      const rest = raw.slice(cover.length)
      assert.ok(rest === '' || rest === '\r\n')
      assert.ok(raw.startsWith(cover))
      assert.ok(rest === '\r\n' || raw === text)
      for (const { name } of header.fields) assert.ok(header.values(name).every((value) => !/[\r\n]/.test(value)))
      assert.equal(edited(text, []), raw)
    }),
    { numRuns: 500 },
  )
})

test('whatever is edited, untouched fields keep their octets and the new value reads back', () => {
  const word = fc.stringMatching(/^[!-9;-~]{1,90}$/)
  const value = fc.array(word, { minLength: 1, maxLength: 30 }).map((words) => words.join(' '))
  fc.assert(
    fc.property(anything, value, (text, wanted) => {
      const before = read(text)
      const octets = applyEdits(before, [{ field: 'replace', name: 'X-New', value: wanted }])
      const after = readHeader(octets)
      assert.deepEqual(after.values('x-new'), [wanted])
      assert.ok(Buffer.from(octets).toString('latin1').endsWith(Buffer.from(before.raw).toString('latin1')))
      const top = after.fields[0]
      assert.ok(top?.name === 'X-New')
    }),
    { numRuns: 300 },
  )
})

test('a header of many lines and folds is read in linear time', () => {
  const text = `A: ${'b\r\n '.repeat(60_000)}\r\n${'X\r\n'.repeat(60_000)}\r\n`
  assert.equal(read(text).fields.length, 60_001)
  assert.equal(read(`${' '.repeat(200_000)}:\r\nA${'\t'.repeat(200_000)}\r\n\r\n`).fields.length, 2)
})
