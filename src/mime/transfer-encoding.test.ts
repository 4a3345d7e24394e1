import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { kernels as simd } from './kernels/fastest.ts'
import type { Kernels } from './kernels/kernels.ts'
import { plainKernels } from './kernels/plain.ts'
import { base64, base64Decoder, type Encoder, measured, qpDecoder, quotedPrintable } from './transfer-encoding.ts'

const ALL: readonly Kernels[] = [plainKernels, simd]

const run = (encoder: Encoder, chunks: readonly Uint8Array[]): Buffer =>
  Buffer.concat([...chunks.map((chunk) => encoder.write(chunk)), encoder.end()])

const qp = (lines: 'text' | 'binary' | 'mend', text: string, kernels?: Kernels): string =>
  run(quotedPrintable({ lines }, kernels), [Buffer.from(text, 'latin1')]).toString('latin1')

/** Octets as mail has them and as it should not have them. */
const octets = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('\r\n', ' ', 'word', 'Straße', 'привет', '-', '--', '.', 'From ', '\t') },
      { weight: 2, arbitrary: fc.constantFrom('=', '==', '=3D', '=c3', '=\r\n', '=  \r\n', '=\n', '\r', '\n', '\0') },
      { weight: 2, arbitrary: fc.nat(90).map((n) => 'x'.repeat(n)) },
      { weight: 1, arbitrary: fc.nat(90).map((n) => ' '.repeat(n)) },
      { weight: 1, arbitrary: fc.nat(90).map((n) => 'я'.repeat(n)) },
      { weight: 1, arbitrary: fc.nat(30).map((n) => '--From .'.repeat(n)) },
    ),
    { maxLength: 40 },
  )
  .map((pieces) => Buffer.from(pieces.join('')))
const any = fc.oneof(
  octets,
  fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array)),
)

/** The octets in pieces, some of them empty. */
const cut = (whole: Buffer, sizes: readonly number[]): Uint8Array[] => {
  const chunks: Uint8Array[] = []
  let at = 0
  for (const size of sizes) {
    chunks.push(new Uint8Array(whole.subarray(at, at + size)))
    at += size
  }
  return [...chunks, whole.subarray(at)]
}
const sizes = fc.array(fc.oneof(fc.nat(5), fc.nat(100)), { maxLength: 30 })

const cutAnywhere = (make: (kernels: Kernels) => Encoder, check: (whole: Buffer, encoded: Buffer) => void): void => {
  for (const kernels of ALL) {
    fc.assert(
      fc.property(any, sizes, (whole, at) => {
        const encoded = run(make(kernels), [whole])
        assert.deepEqual(run(make(kernels), cut(whole, at)), encoded)
        const size = measured(make(kernels))
        for (const chunk of cut(whole, at)) size.write(chunk)
        assert.equal(size.end(), encoded.length)
        check(whole, encoded)
      }),
      { numRuns: 2000 },
    )
  }
}

const goodLines = (encoded: Buffer): void => {
  assert.match(encoded.toString('latin1'), /^(?:[\t -~]|\r\n)*$/)
  for (const line of encoded.toString('latin1').split('\r\n')) assert.ok(line.length <= 76, line)
}

for (const lines of ['text', 'binary'] as const) {
  test(`${lines} comes back from quoted-printable as it was`, () => {
    cutAnywhere(
      (kernels) => quotedPrintable({ lines }, kernels),
      (whole, encoded) => {
        assert.deepEqual(run(qpDecoder(), [encoded]), whole)
        goodLines(encoded)
        assert.doesNotMatch(encoded.toString('latin1'), /(?:^|\r\n)(?:--|From |\.)/)
        assert.doesNotMatch(encoded.toString('latin1'), /[\t ](?:\r\n|$)/)
        if (lines === 'binary') assert.doesNotMatch(encoded.toString('latin1'), /[^=]\r\n/)
      },
    )
  })
}

test('what is mended says what it said before', () => {
  cutAnywhere(
    () => quotedPrintable({ lines: 'mend' }),
    (whole, encoded) => {
      assert.deepEqual(run(qpDecoder(), [encoded]), run(qpDecoder(), [whole]))
      goodLines(encoded)
      assert.deepEqual(run(quotedPrintable({ lines: 'mend' }), [encoded]), encoded)
    },
  )
})

test('what is quoted-printable needs no mending', () => {
  fc.assert(
    fc.property(any, (whole) => {
      const encoded = run(quotedPrintable({ lines: 'text' }), [whole])
      assert.deepEqual(run(quotedPrintable({ lines: 'mend' }), [encoded]), encoded)
    }),
  )
})

test('anything comes back from base64', () => {
  cutAnywhere(
    (kernels) => base64(kernels),
    (whole, encoded) => {
      assert.equal(encoded.toString('latin1').replaceAll('\r\n', ''), whole.toString('base64'))
      assert.match(encoded.toString('latin1'), /^(?:[^\r\n]{76}\r\n)*(?:[^\r\n]{1,76}\r\n)?$/)
      assert.deepEqual(run(base64Decoder(), [encoded]), whole)
    },
  )
})

test('decoders do not care how their input is cut', () => {
  fc.assert(
    fc.property(any, sizes, (whole, at) => {
      assert.deepEqual(run(qpDecoder(), cut(whole, at)), run(qpDecoder(), [whole]))
      assert.deepEqual(run(base64Decoder(), cut(whole, at)), run(base64Decoder(), [whole]))
    }),
    { numRuns: 1000 },
  )
})

test('quoted-printable, case by case', () => {
  for (const kernels of ALL) {
    const cases: readonly ['text' | 'binary', string, string][] = [
      ['text', '', ''],
      ['text', 'gr\xfcn = 1\r\n', 'gr=FCn =3D 1\r\n'],
      ['text', 'a \r\nb\t', 'a=20\r\nb=09'],
      ['text', 'a\rb\nc\0\x7f', 'a=0Db=0Ac=00=7F'],
      ['binary', 'a \r\nb\r\n', 'a =0D=0Ab=0D=0A'],
      ['text', '--x\r\n-- \r\n- \r\n-', '=2D-x\r\n=2D-=20\r\n-=20\r\n-'],
      ['text', 'From me\r\nFrom: me\r\nFrom\r\n From ', '=46rom me\r\nFrom: me\r\nFrom\r\n From=20'],
      ['text', '.\r\n..\r\n.a.\r\n', '=2E\r\n=2E.\r\n=2Ea.\r\n'],
      ['text', `${'x'.repeat(76)}\r\n`, `${'x'.repeat(76)}\r\n`],
      ['binary', `${'x'.repeat(74)}\r\n`, `${'x'.repeat(74)}=\r\n=0D=0A`],
      ['text', 'x'.repeat(76), 'x'.repeat(76)],
      ['text', 'x'.repeat(77), `${'x'.repeat(75)}=\r\nxx`],
      ['text', `${'x'.repeat(73)}\xff\r\n`, `${'x'.repeat(73)}=FF\r\n`],
      ['text', `${'x'.repeat(73)}\xffy`, `${'x'.repeat(73)}=\r\n=FFy`],
      ['text', `${'x'.repeat(75)}--\r\n`, `${'x'.repeat(75)}=\r\n=2D-\r\n`],
      ['text', `${'x'.repeat(75)}..${'y'.repeat(73)}`, `${'x'.repeat(75)}=\r\n=2E.${'y'.repeat(71)}=\r\nyy`],
      ['text', `${'x'.repeat(75)} \r\n`, `${'x'.repeat(75)}=\r\n=20\r\n`],
    ]
    for (const [lines, plain, encoded] of cases) assert.equal(qp(lines, plain, kernels), encoded, JSON.stringify(plain))
  }
})

test('mending, case by case', () => {
  const long = 'x'.repeat(75)
  for (const [given, mended] of [
    ['gr\xfcn=3D=c3 \r\n', 'gr=FCn=3D=c3 \r\n'],
    ['soft=\r\nbreak=  \r\nhere=', 'soft=\r\nbreak=  \r\nhere='],
    ['a = b =zz ==\xe9', 'a =3D b =3Dzz =3D=3D=E9'],
    ['unix=\nend\n', 'unix=\r\nend=0A'],
    ['a=\n--b\r\n', 'a=\r\n=2D-b\r\n'],
    ['a= \n.\r\n', 'a= \r\n=2E\r\n'],
    ['a=\nFrom b\r\n', 'a=\r\n=46rom b\r\n'],
    ['a=\r\n--b\r\n', 'a=\r\n--b\r\n'],
    ['--x\r\n.\r\nFrom x\r\n', '--x\r\n.\r\nFrom x\r\n'],
    [`${long}--x`, `${long}=\r\n=2D-x`],
    [`${long}= \r\n`, `${long}=\r\n`],
    [`${long}=3D`, `${long}=\r\n=3D`],
    [`${long}x  \r\n`, `${long}=\r\nx  \r\n`],
    [`${' '.repeat(77)}\r\n`, `=20=\r\n${' '.repeat(76)}\r\n`],
  ] as const) {
    assert.equal(qp('mend', given), mended, JSON.stringify(given))
  }
})

test('decoding, case by case', () => {
  const decode = (decoder: Encoder, text: string) => run(decoder, [Buffer.from(text, 'latin1')]).toString('latin1')
  assert.equal(decode(qpDecoder(), 'a=3db \t\r\n=\xff=\nc= \r\nd='), 'a=b\r\n=\xffcd')
  assert.equal(decode(base64Decoder(), ' a-G\r\nk= IGNORED'), 'hi')
  assert.equal(decode(base64Decoder(), '=aGk'), 'hi')
})
