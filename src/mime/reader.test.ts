import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMime } from '../../test/fuzz/mime-input.ts'
import { readMimeSlowly } from '../../test/fuzz/reference-mime.ts'
import { type MimeHandler, MimeReader } from './reader.ts'

/** The tree as indented lines: types, and bodies where there are any. Read in one piece and octet by octet. */
const tree = (message: string, maxDepth = 100): string[] => {
  const whole = readMime([Buffer.from(message, 'latin1')], maxDepth)
  const octets = readMime(
    [...message].map((character) => Buffer.from(character, 'latin1')),
    maxDepth,
  )
  assert.equal(whole.all, message)
  assert.equal(octets.all, message)
  assert.deepEqual(octets.told, whole.told)
  assert.deepEqual(whole.told, readMimeSlowly(message, maxDepth))
  const lines: string[] = []
  let indent = ''
  for (const one of whole.told) {
    if (one[0] === 'begins') indent = '  '.repeat(one[1])
    if (one[0] === 'head') lines.push(`${indent}${one[2].type}`)
    else if (one[0] === 'ends') indent = indent.slice(2)
    else if (one[0] === 'body') lines[lines.length - 1] += `: ${JSON.stringify(one[1])}`
    else if (one[0] === 'preamble' || one[0] === 'epilogue') lines.push(`${indent}${one[0]}: ${JSON.stringify(one[1])}`)
  }
  return lines
}

const part = (type: string, body: string) => `Content-Type: ${type}\r\n\r\n${body}`
const mixed = (boundary: string, ...parts: string[]) =>
  `${part(`multipart/mixed; boundary="${boundary}"`, parts.map((one) => `--${boundary}\r\n${one}\r\n`).join(''))}--${boundary}--\r\n`

test('the simple example of RFC 2046 5.1.1', () => {
  const message = [
    'From: Nathaniel Borenstein <nsb@bellcore.com>',
    'MIME-Version: 1.0',
    'Content-type: multipart/mixed; boundary="simple boundary"',
    '',
    'This is the preamble.',
    '--simple boundary',
    '',
    'This is implicitly typed plain US-ASCII text.',
    'It does NOT end with a linebreak.',
    '--simple boundary',
    'Content-type: text/plain; charset=us-ascii',
    '',
    'This one DOES end with a linebreak.',
    '',
    '--simple boundary--',
    '',
    'This is the epilogue.  It is also to be ignored.',
    '',
  ].join('\r\n')
  assert.deepEqual(tree(message), [
    'multipart/mixed',
    'preamble: "This is the preamble."',
    '  text/plain: "This is implicitly typed plain US-ASCII text.\\r\\nIt does NOT end with a linebreak."',
    '  text/plain: "This one DOES end with a linebreak.\\r\\n"',
    'epilogue: "\\r\\nThis is the epilogue.  It is also to be ignored.\\r\\n"',
  ])
})

test('the nested multipart and the digest of RFC 2046 5.1.5', () => {
  const message = `${part('multipart/mixed; boundary="---- main boundary ----"', '')}
------ main boundary ----\r
Content-Type: multipart/digest;\r
              boundary="---- next message ----"\r
\r
------ next message ----\r
\r
From: someone-else\r
\r
...body goes here ...\r
\r
------ next message ----\r
Content-Type: text/plain\r
\r
x\r
------ next message ------\r
\r
------ main boundary ------\r\n`.replace('\n------ main', '------ main')
  assert.deepEqual(tree(message), [
    'multipart/mixed',
    '  multipart/digest',
    '    message/rfc822',
    '      text/plain: "...body goes here ...\\r\\n"',
    '    text/plain: "x"',
  ])
})

test('what a delimiter line is', () => {
  const body = (line: string) => tree(part('multipart/mixed; boundary=b', `--b\r\n\r\none${line}two\r\n--b--`))
  const two = ['multipart/mixed', '  text/plain: "one"', '  text/plain: "two"']
  for (const padding of ['', ' ', '\t \t', ' '.repeat(4000)]) {
    assert.deepEqual(body(`\r\n--b${padding}\r\n\r\n`), two, padding)
  }
  for (const text of [
    '\r\n--bX\r\n', // not of `b`, though RFC 2046 lets implementors match the beginning only
    '\r\n--B\r\n',
    '\r\n --b\r\n',
    '\r\n-- b\r\n',
    '\r\n-b\r\n',
    '\r\n--b-\r\n',
    '\r\n--b---\r\n',
    '\r\n--b --\r\n',
    '\r\n--b x\r\n',
    '\r\n--b\n',
    '\r\n--b\r',
    '\n--b\r\n',
    '\r--b\r\n',
    'x--b\r\n',
    '\r\n--\r\n',
    `\r\n--b${' '.repeat(5000)}\r\n`,
  ]) {
    assert.deepEqual(body(text), ['multipart/mixed', `  text/plain: ${JSON.stringify(`one${text}two`)}`], text)
  }
})

test('one line may delimit in two ways: inner before outer, opening before closing', () => {
  const same = mixed('b', mixed('b', part('text/a', 'a')).slice(0, -2))
  assert.deepEqual(tree(same), ['multipart/mixed', '  multipart/mixed', '    text/a: "a"'])
  const opens = part(
    'multipart/mixed; boundary=b--',
    '--b--\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n\r\nx',
  )
  assert.deepEqual(tree(opens), ['multipart/mixed', '  multipart/mixed', '  text/plain: "x"'])
})

test('a boundary that begins like another delimits its own parts only', () => {
  const message = mixed('b', mixed('b2', part('text/a', 'a'), part('text/b', '--b3')).slice(0, -2), part('text/c', 'c'))
  assert.deepEqual(tree(message), [
    'multipart/mixed',
    '  multipart/mixed',
    '    text/a: "a"',
    '    text/b: "--b3"',
    '  text/c: "c"',
  ])
})

test('what is not closed ends with what it is in, or with the message', () => {
  const inner = part('multipart/mixed; boundary=inner', 'preamble\r\n--inner\r\n\r\na')
  assert.deepEqual(tree(mixed('outer', inner, part('text/b', 'b'))), [
    'multipart/mixed',
    '  multipart/mixed',
    '  preamble: "preamble"',
    '    text/plain: "a"',
    '  text/b: "b"',
  ])
  assert.deepEqual(tree(inner), ['multipart/mixed', 'preamble: "preamble"', '  text/plain: "a"'])
  const message = part('message/rfc822', part('message/rfc822', inner))
  assert.deepEqual(tree(mixed('outer', message, part('text/b', 'b'))).at(-1), '  text/b: "b"')
})

test('a boundary that never occurs, one that is missing, and one that is too long', () => {
  assert.deepEqual(tree(part('multipart/mixed; boundary=b', '--c\r\nx')), ['multipart/mixed', 'preamble: "--c\\r\\nx"'])
  for (const odd of ['', 'boundary=""', 'boundary=" "', `boundary=${'b'.repeat(1001)}`]) {
    assert.deepEqual(tree(part(`multipart/mixed; ${odd}`, '--\r\n--b\r\nx')), ['multipart/mixed: "--\\r\\n--b\\r\\nx"'])
  }
  const long = 'b'.repeat(1000)
  assert.deepEqual(tree(mixed(long, part('text/a', 'a'))), ['multipart/mixed', '  text/a: "a"'])
  assert.equal(counted([mixed('b'.repeat(1 << 20), part('text/a', 'a'))]), 1)
})

test('headers that are cut off', () => {
  assert.deepEqual(tree(''), ['text/plain'])
  assert.deepEqual(tree('\r'), ['text/plain'])
  assert.deepEqual(tree('\r\n'), ['text/plain'])
  assert.deepEqual(tree('Content-Type: message/rfc822'), ['message/rfc822'])
  assert.deepEqual(tree('Content-Type: message/rfc822\r\n\r\n'), ['message/rfc822', '  text/plain'])
  const cut = 'Content-Type: multipart/mixed; boundary=inner\r\n'
  assert.deepEqual(tree(mixed('b', cut.slice(0, -2), part('text/b', 'b'), `${cut}--inner`)), [
    'multipart/mixed',
    '  multipart/mixed',
    '  text/b: "b"',
    '  multipart/mixed',
  ])
  assert.deepEqual(tree(part('multipart/mixed; boundary=b', '--b')), ['multipart/mixed', '  text/plain'])
})

test('of two fields of one name the first counts', () => {
  const { told } = readMime(
    [
      Buffer.from(
        'Content-Type: message/global\r\nCONTENT-TYPE: text/html\r\n' +
          'Content-Transfer-Encoding:\t8Bit (x)\r\ncontent-transfer-encoding: binary\r\n\r\n',
      ),
    ],
    100,
  )
  const head = told.find((one) => one[0] === 'head')?.[2]
  assert.deepEqual(head, {
    type: 'message/global',
    kind: 'message',
    encoding: '8bit',
    encodingConflict: true,
    mime: true,
  })
})

test('enclosed messages that are encoded, partial or external are leaves; multiparts never are', () => {
  const encoded = (type: string, encoding: string) =>
    tree(`Content-Transfer-Encoding: ${encoding}\r\n${part(type, '--b\r\n\r\nx')}`).length
  for (const encoding of ['7bit', '8BIT', 'binary (x)', '']) assert.equal(encoded('message/rfc822', encoding), 2)
  for (const encoding of ['base64', 'Quoted-Printable', 'x-uuencode'])
    assert.equal(encoded('message/rfc822', encoding), 1)
  for (const type of ['message/partial', 'message/external-body', 'message/delivery-status', 'message/news']) {
    assert.equal(encoded(type, '7bit'), 1)
  }
  assert.equal(encoded('multipart/mixed; boundary=b', 'base64'), 2)
})

test('parts nested deeper than allowed are not taken apart', () => {
  const message = mixed('a', mixed('b', part('message/rfc822', 'Subject: x\r\n\r\ny')).slice(0, -2))
  assert.equal(tree(message, 3).length, 4)
  assert.deepEqual(tree(message, 2).slice(2), ['    message/rfc822: "Subject: x\\r\\n\\r\\ny"'])
  assert.equal(tree(message, 1).length, 2)
  assert.equal(tree(message, 0).length, 1)
})

test('a field of more than 64 KiB comes in pieces, the same however it is cut', () => {
  for (const length of [65_536, 65_537, 300_000]) {
    const field = `X-Long: ${'x'.repeat(length - 10)}\r\n`
    const octets = Buffer.from(`A: b\r\n${field}Content-Type: text/html\r\n\r\n`)
    for (const size of [octets.length, 1000, 65_537]) {
      const pieces: [string | undefined, number][] = []
      const reader = new MimeReader({
        ...silent,
        field: (name, raw) => void pieces.push([name, raw.length]),
      })
      for (let at = 0; at < octets.length; at += size) reader.write(octets.subarray(at, at + size))
      reader.end()
      const full = Math.ceil(length / 65_536) - 1
      assert.deepEqual(pieces, [
        ['A', 6],
        ...Array.from({ length: full }, (_, index) => [index === 0 ? 'X-Long' : undefined, 65_536]),
        [full === 0 ? 'X-Long' : undefined, length - full * 65_536],
        ['Content-Type', 25],
      ])
    }
  }
})

const silent: MimeHandler = {
  partBegins() {},
  field() {},
  headerEnds() {},
  body() {},
  between() {},
  partEnds() {},
}

/** How many parts a message has that would take for ever if anything were quadratic. */
const counted = (pieces: Iterable<string>, maxDepth = 100): number => {
  let parts = 0
  const reader = new MimeReader({ ...silent, partBegins: () => void parts++ }, { maxDepth })
  for (const text of pieces) reader.write(Buffer.from(text, 'latin1'))
  reader.end()
  return parts
}

function* repeated(times: number, text: (index: number) => string): Generator<string, void> {
  for (let i = 0; i < times; i += 100) yield Array.from({ length: 100 }, (_, index) => text(i + index)).join('')
}

test('a million parts', () => {
  const message = [part('multipart/mixed; boundary=b', ''), ...repeated(1_000_000, () => '--b\r\n\r\n')]
  assert.equal(counted(message), 1_000_001)
})

test('parts nested a hundred thousand deep, as far as is allowed', () => {
  const nested = [...repeated(100_000, (index) => part(`multipart/mixed; boundary=b${index}`, `--b${index}\r\n`))]
  assert.equal(counted(nested), 101)
  assert.equal(counted(nested, Number.POSITIVE_INFINITY), 100_001)
  // With all those boundaries open, lines that look like delimiters, and then all of them closed from outside.
  const lines = repeated(100_000, (index) => `\r\n--c${index}\r\n--b99999\r\n`)
  assert.equal(counted([...nested, ...lines, '\r\n--b0--'], Number.POSITIVE_INFINITY), 200_001)
  assert.equal(
    counted(
      repeated(100_000, () => part('message/rfc822', '')),
      Number.POSITIVE_INFINITY,
    ),
    100_001,
  )
})

test('a header of ten mebibytes, of one field, of short ones, of empty lines that are none', () => {
  const message = (text: string) => counted([text, part('multipart/mixed; boundary=b', '--b')])
  assert.equal(message(`X: ${'x'.repeat(10 << 20)}\r\n`), 2)
  assert.equal(message('a:\r\n'.repeat(10 << 18)), 2)
  assert.equal(message(`a:${' \r\n'.repeat(10 << 18)}x\r\n`), 2)
  assert.equal(message(`${'x'.repeat(10 << 20)}\r\n`), 2)
  assert.equal(message('Content-Transfer-Encoding: 8bit\r\n'.repeat(300_000)), 2)
})
