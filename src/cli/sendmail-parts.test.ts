import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressesIn } from '../mail/address-list.ts'
import { Exit } from './exit.ts'
import { readArguments } from './sendmail-arguments.ts'
import { added, checked, decoded } from './sendmail-envelope.ts'
import { completeHeader, recipientsIn, splitHeader } from './sendmail-header.ts'
import { mailLines } from './sendmail-input.ts'

const plain = { mode: 'mail', recipients: [], fromHeader: false, dots: false, verbose: false }

test('arguments in every form that callers use', () => {
  const forms: [argv: string[], said: object][] = [
    [['-t', '-i'], { fromHeader: true, dots: true }],
    [['-ti'], { fromHeader: true, dots: true }],
    [['-t', '-oi', '-oem'], { fromHeader: true, dots: true }],
    [['-o', 'i', 'a@b.example'], { dots: true, recipients: ['a@b.example'] }],
    [['-O', 'IgnoreDots=true', '-ODeliveryMode=b'], { dots: true }],
    [['-fjo@x.example', 'a', 'b'], { sender: 'jo@x.example', recipients: ['a', 'b'] }],
    [['-f', 'jo@x.example', '-r', 'jim'], { sender: 'jim' }],
    [['-tif', 'jo'], { fromHeader: true, dots: true, sender: 'jo' }],
    [['-f', '<>'], { sender: '' }],
    [['-f', ''], { sender: '' }],
    [['-FJo Example', '-F', 'Jim'], { fullName: 'Jim' }],
    [['-bs'], { mode: 'smtp' }],
    [['-bp'], { mode: 'list' }],
    [['-bv', 'a'], { mode: 'verify', recipients: ['a'] }],
    [['-b', 'm', '-v'], { verbose: true }],
    [['-bi'], { mode: 'aliases' }],
    [['-q'], { mode: 'flush' }],
    [['-q15m'], { mode: 'flush' }],
    [['-N', 'never', '-R', 'hdrs', '-V', 'id 1'], { notify: 'never', returns: 'hdrs', envelopeId: 'id 1' }],
    [['-B8BITMIME', '-L', 'tag', '-em', '-h', '5', '-Am', '-GUcmnx', '-p', 'x', '-X/log', 'a'], { recipients: ['a'] }],
    [['-qIq1'], { mode: 'flush', flush: { id: 'q1' } }],
    [['-qRfar.example'], { mode: 'flush', flush: { domain: 'far.example' } }],
    [['-C', '/a', '-C/b'], { config: '/b' }],
    [['--config', '/a', 'x'], { config: '/a', recipients: ['x'] }],
    [['--config=/a=b'], { config: '/a=b' }],
    [['-t', '--help'], { fromHeader: true, mode: 'help' }],
    [['-t', '--', '-a@b.example'], { fromHeader: true, recipients: ['-a@b.example'] }],
    [['-'], { recipients: ['-'] }],
  ]
  for (const [argv, said] of forms) assert.deepEqual(readArguments(argv), { ...plain, ...said }, argv.join(' '))
})

test('arguments that cannot be followed are refused', () => {
  const refused = [
    ...[
      ['-f'],
      ['-bx'],
      ['-bd'],
      ['-y'],
      ['-tz'],
      ['-b'],
      ['-C'],
      ['-L'],
      ['-qSx'],
      ['-qR'],
      ['-qx'],
      ['-XV'],
      ['-XV+='],
    ],
    ...[
      ['-M', 'q1'],
      ['-Qx'],
      ['-s'],
      ['-d0.1'],
      ['--config'],
      ['--confg', 'x'],
      ['--'.padEnd(5, 'x')],
      ['--=x'],
      ['---'],
    ],
  ]
  for (const argv of refused) {
    assert.throws(
      () => readArguments(argv),
      (error) => error instanceof Exit && error.code === 64 && error.message.includes('\nusage: sendmail '),
      argv.join(' '),
    )
  }
})

test('a control character anywhere is refused', () => {
  for (const text of ['a\nb', 'a\r', '\0', '\x1b[2J', 'a\tb', '\x7f', '\x85', '\u2028']) {
    for (const argv of [['-f', text], [`-f${text}`], ['-F', text], ['-V', text], [text], ['--', text], ['-C', text]]) {
      assert.throws(
        () => readArguments(argv),
        (error) => error instanceof Exit && error.code === 64 && !/[\0-\x09\x0b-\x1f\x7f-\x9f]/.test(error.message),
      )
    }
  }
})

test('addresses of a field', () => {
  const fields: [value: string, ...addresses: string[]][] = [
    ['a@b.example', 'a@b.example'],
    [' Jo <jo@x.example>, "Doe, J." <j.doe@x.example>\r\n', 'jo@x.example', 'j.doe@x.example'],
    ['root, postmaster', 'root', 'postmaster'],
    ['jo (a (nested) comment, with comma) @ x . example', 'jo@x.example'],
    ['friends: a@x.example, B <b@x.example>;, c@x.example', 'a@x.example', 'b@x.example', 'c@x.example'],
    ['undisclosed-recipients:;'],
    ['"a, b"@x.example, <"c d"@x.example>', '"a, b"@x.example', '"c d"@x.example'],
    ['<@hop.example,@two.example:a@x.example>', 'a@x.example'],
    ['a@[192.0.2.1], b@[IPv6:2001:db8::1]', 'a@[192.0.2.1]', 'b@[IPv6:2001:db8::1]'],
    ['"an \\"escaped\\" quote" <q@x.example>', 'q@x.example'],
    [',, a@x.example ,,', 'a@x.example'],
    ['Jo Doe', 'Jo Doe'],
    ['', ...[]],
  ]
  for (const [value, ...addresses] of fields) assert.deepEqual(addressesIn(value), addresses, value)
})

test('no field value makes the address reader fail, and text never becomes no address at all', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', '@', '.', ',', '"', '\\', '(', ')', '<', '>', ':', ';', '[', ']', ' '), {
        maxLength: 30,
      }),
      (parts) => {
        for (const address of addressesIn(parts.join(''))) assert.notEqual(address, '')
      },
    ),
  )
  for (const value of ['a <b', '"a', 'a@[1', '<<a>>']) assert.ok(addressesIn(value).length > 0, value)
})

test('a header is split from its body; what is no field is body', () => {
  const names = (text: string) => {
    const { fields, rest } = splitHeader(text)
    return [fields.map(({ name }) => name).join(' '), rest]
  }
  assert.deepEqual(names('To: a\r\nSubject: x\r\n\ty\r\n\r\nbody\r\n'), ['to subject', 'body\r\n'])
  assert.deepEqual(names('hello\r\n\r\nworld\r\n'), ['', 'hello\r\n\r\nworld\r\n'])
  assert.deepEqual(names('To: a\r\nno field\r\n'), ['to', 'no field\r\n'])
  assert.deepEqual(names('From jo Mon Jan 1\r\nTo: a\r\n\r\n'), ['to', ''])
  assert.deepEqual(names('To: a\r\n'), ['to', ''])
  assert.deepEqual(names(''), ['', ''])
  assert.deepEqual(names('\r\n\r\nx'), ['', '\r\nx'])
})

test('-t takes To, Cc and Bcc, or those of a resending; Bcc goes, what is missing comes', () => {
  const { fields } = splitHeader('To: a@x\r\nbcc: hidden@x\r\nCC: b@x\r\nSubject: s\r\n\r\n')
  assert.deepEqual(recipientsIn(fields), ['a@x', 'hidden@x', 'b@x'])
  const added = { from: 'jo@h.example', date: 'D', messageId: '<m>' }
  assert.equal(
    completeHeader(fields, added),
    'To: a@x\r\nCC: b@x\r\nSubject: s\r\nDate: D\r\nFrom: jo@h.example\r\nMessage-ID: <m>\r\n\r\n',
  )
  const all = splitHeader('From: x\r\nDATE: y\r\nMessage-Id: z\r\n\r\n').fields
  assert.equal(completeHeader(all, added), 'From: x\r\nDATE: y\r\nMessage-Id: z\r\n\r\n')
  assert.deepEqual(recipientsIn(splitHeader('To: a@x\r\nResent-To: r@x\r\nResent-Bcc: s@x\r\n\r\n').fields), [
    'r@x',
    's@x',
  ])
})

async function* cut(text: string, sizes: readonly number[]): AsyncIterable<Uint8Array> {
  const whole = Buffer.from(text)
  let at = 0
  for (const size of sizes) {
    yield whole.subarray(at, at + size)
    at += size
  }
  yield whole.subarray(at)
}

const lines = async (text: string, dots: boolean, sizes: readonly number[] = []): Promise<string> => {
  let out = ''
  for await (const chunk of mailLines(cut(text, sizes), dots)) out += chunk.toString()
  return out
}

test('lines get their CRLF, and a dot alone ends the message', async () => {
  assert.equal(await lines('a\nb\r\nc', false), 'a\r\nb\r\nc\r\n')
  assert.equal(await lines('a\n.\nb\n', false), 'a\r\n')
  assert.equal(await lines('a\n.\nb\n', true), 'a\r\n.\r\nb\r\n')
  assert.equal(await lines('.', false), '')
  assert.equal(await lines('.', true), '.\r\n')
  assert.equal(await lines('..\n.x\n', false), '..\r\n.x\r\n')
  assert.equal(await lines('a\rb\r\r\n', false), 'a\rb\r\r\n')
  assert.equal(await lines('', false), '')
  assert.equal(await lines('\n', false), '\r\n')
})

/** One line at a time, octet by octet: slow and plain. */
const reference = (text: string, dots: boolean): string => {
  const out: string[] = []
  const all = text.split('\n')
  if (all.at(-1) === '') all.pop()
  for (const line of all) {
    const bare = line.endsWith('\r') ? line.slice(0, -1) : line
    if (bare === '.' && !dots) break
    out.push(`${bare}\r\n`)
  }
  return out.join('')
}

test('every way of cutting the input gives the same lines', async () => {
  const text = fc
    .array(fc.constantFrom('.', '\r', '\n', 'a', '\r\n', '.\n'), { maxLength: 14 })
    .map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat({ max: 4 }), { maxLength: 8 }), fc.boolean(), async (input, sizes, dots) => {
      assert.equal(await lines(input, dots, sizes), reference(input, dots))
    }),
    { numRuns: 1000 },
  )
})

test('addresses beyond ASCII: as text from arguments, as octets from the header, and in a From field that is wanting', () => {
  assert.equal(checked('jürgen@bücher.test'), 'jürgen@bücher.test')
  assert.equal(checked(decoded('j\xc3\xbcrgen@x')), 'jürgen@x')
  assert.throws(() => decoded('j\xfcrgen@x'), /'j.*rgen@x' in the header is no address: it is not UTF-8/)
  assert.throws(() => checked('a@☃.test'), /no U-label/)
  assert.equal(added('jürgen@bücher.test', undefined, 'bücher.test', 0).from, 'j\xc3\xbcrgen@b\xc3\xbccher.test')
  assert.equal(added('ann@bücher.test', undefined, 'bücher.test', 0).from, 'ann@xn--bcher-kva.test')
  assert.match(added('ann', 'Ann', 'bücher.test', 0).messageId, /@xn--bcher-kva\.test>$/)
  assert.equal(added('ann', 'Ann', 'bücher.test', 0).from, 'Ann <ann@xn--bcher-kva.test>')
})
