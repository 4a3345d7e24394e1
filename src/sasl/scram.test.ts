import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { fromBase64, toBase64 } from './base64.ts'
import {
  clientProof,
  isClientProof,
  isServerSignature,
  type ScramHash,
  saltPassword,
  scramVerifier,
  serverSignature,
} from './scram.ts'
import {
  authMessage,
  BadScram,
  clientFinalWithoutProof,
  readClientFinal,
  readClientFirst,
  readServerFinal,
  readServerFirst,
  writeClientFinal,
  writeClientFirst,
  writeServerError,
  writeServerFinal,
  writeServerFirst,
} from './scram-messages.ts'

interface Vector {
  readonly hash: ScramHash
  readonly clientFirst: string
  readonly serverFirst: string
  readonly clientFinal: string
  readonly serverFinal: string
}

const VECTORS: Readonly<Record<string, Vector>> = {
  'RFC 5802 section 5': {
    hash: 'sha1',
    clientFirst: 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
    serverFirst: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    clientFinal: 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    serverFinal: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  'RFC 7677 section 3': {
    hash: 'sha256',
    clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
    serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    clientFinal:
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
}

const octets = (text: string) => Buffer.from(text)

for (const [name, vector] of Object.entries(VECTORS)) {
  test(`${name}: both sides say what it says`, async () => {
    const { hash } = vector
    const first = readClientFirst(octets(vector.clientFirst))
    assert.equal(writeClientFirst(first.user, first.nonce).text, vector.clientFirst)
    const challenge = readServerFirst(octets(vector.serverFirst), first.nonce)
    assert.equal(writeServerFirst(challenge.nonce, challenge.salt, challenge.iterations).text, vector.serverFirst)

    const salted = await saltPassword(hash, 'pencil', challenge.salt, challenge.iterations)
    const withoutProof = clientFinalWithoutProof(first.gs2, challenge.nonce)
    const signed = authMessage(first, challenge, withoutProof)
    assert.equal(writeClientFinal(withoutProof, clientProof(hash, salted, signed)), vector.clientFinal)

    const final = readClientFinal(octets(vector.clientFinal))
    assert.deepEqual([final.gs2, final.nonce, final.withoutProof], [first.gs2, challenge.nonce, withoutProof])
    const verifier = await scramVerifier(hash, 'pencil', challenge.salt, challenge.iterations)
    assert.ok(isClientProof(verifier, signed, final.proof))
    assert.ok(!isClientProof(verifier, `${signed} `, final.proof))
    assert.ok(!isClientProof(verifier, signed, final.proof.subarray(1)))

    assert.equal(writeServerFinal(serverSignature(verifier, signed)), vector.serverFinal)
    const said = readServerFinal(octets(vector.serverFinal))
    assert.ok('signature' in said && isServerSignature(hash, salted, signed, said.signature))
    assert.ok(!isServerSignature(hash, salted, signed, Buffer.alloc(said.signature.length)))
    assert.ok(!isServerSignature(hash, salted, signed, said.signature.subarray(1)))
  })
}

const bad = (why: RegExp, read: () => unknown, fault?: string) => {
  assert.throws(
    read,
    (error) => error instanceof BadScram && why.test(error.message) && (!fault || error.fault === fault),
  )
}

suite('what a client says first', () => {
  const read = (text: string) => readClientFirst(octets(text))
  test('may act as another, may believe that channels cannot be bound, may have attributes nobody knows', () => {
    const { gs2, binding, authzid, user, bare } = read('y,a=bo=2Cb,n=al=3Dice,r=abc,x=y=z')
    assert.deepEqual(
      { gs2, binding, authzid, user, bare },
      { gs2: 'y,a=bo=2Cb,', binding: 'y', authzid: 'bo,b', user: 'al=ice', bare: 'n=al=3Dice,r=abc,x=y=z' },
    )
  })
  const malformed: readonly (readonly [text: string, why: RegExp, fault: string])[] = [
    ['', /GS2/, 'invalid-encoding'],
    ['n,n=a,r=b', /GS2/, 'invalid-encoding'],
    ['x,,n=a,r=b', /GS2/, 'invalid-encoding'],
    ['N,,n=a,r=b', /GS2/, 'invalid-encoding'],
    ['p=tls-unique,,n=a,r=b', /binding/, 'channel-binding-not-supported'],
    ['n,a=,n=a,r=b', /name/, 'invalid-username-encoding'],
    ['n,,n=,r=b', /attribute/, 'invalid-encoding'],
    ['n,,n=a=2c,r=b', /name/, 'invalid-username-encoding'],
    ['n,,n=a=,r=b', /name/, 'invalid-username-encoding'],
    ['n,,r=b,n=a', /attribute n/, 'invalid-encoding'],
    ['n,,n=a', /attribute r/, 'invalid-encoding'],
    ['n,,n=a,r=b c', /nonce/, 'invalid-encoding'],
    ['n,,n=a,r=é', /nonce/, 'invalid-encoding'],
    [`n,,n=a,r=${'b'.repeat(513)}`, /nonce/, 'invalid-encoding'],
    ['n,,m=x,n=a,r=b', /extension/, 'extensions-not-supported'],
    ['n,,n=a,r=b,m=x', /extension/, 'extensions-not-supported'],
    ['n,,n=a,r=b,', /malformed/, 'invalid-encoding'],
    ['n,,n=a,r=b,xy', /malformed/, 'invalid-encoding'],
    ['n,,n=a\0,r=b', /NUL/, 'invalid-encoding'],
    [`n,,n=${'a'.repeat(9216)},r=b`, /long/, 'invalid-encoding'],
  ]
  for (const [text, why, fault] of malformed) {
    test(`${JSON.stringify(text.slice(0, 40))} is refused: ${fault}`, () => bad(why, () => read(text), fault))
  }
  test('what is not UTF-8 is refused', () =>
    bad(/UTF-8/, () => readClientFirst(Buffer.from('n,,n=\xe9,r=b', 'latin1')), 'invalid-encoding'))
})

suite('what a server says first', () => {
  const read = (text: string) => readServerFirst(octets(text), 'abc')
  test('may have attributes nobody knows', () => assert.equal(read('r=abcd,s=QQ==,i=4096,z=1').iterations, 4096))
  const malformed: readonly (readonly [text: string, why: RegExp])[] = [
    ['r=abc,s=QQ==,i=4096', /go on/],
    ['r=abd0,s=QQ==,i=4096', /go on/],
    ['s=QQ==,r=abcd,i=4096', /attribute r/],
    ['r=abcd,s=,i=4096', /malformed/],
    ['r=abcd,s=QQ,i=4096', /salt/],
    ['r=abcd,s=QR==,i=4096', /salt/],
    ['r=abcd,s=Q_==,i=4096', /salt/],
    [`r=abcd,s=${toBase64(Buffer.alloc(1025))},i=4096`, /salt/],
    ['r=abcd,s=QQ==', /attribute i/],
    ['r=abcd,s=QQ==,i=0', /iteration count/],
    ['r=abcd,s=QQ==,i=04096', /iteration count/],
    ['r=abcd,s=QQ==,i=-1', /iteration count/],
    ['r=abcd,s=QQ==,i=1e6', /iteration count/],
    ['r=abcd,s=QQ==,i=99999999999', /iteration count/],
    ['r=abcd,s=QQ==,i=4095', /fewer/],
    ['r=abcd,s=QQ==,i=1000001', /more/],
    ['m=x,r=abcd,s=QQ==,i=4096', /extension/],
    ['e=other-error', /attribute r/],
  ]
  for (const [text, why] of malformed)
    test(`${JSON.stringify(text.slice(0, 40))} is refused`, () => bad(why, () => read(text)))
})

suite('what they say last', () => {
  test('a client: binding, nonce, proof, in this order', () => {
    assert.equal(readClientFinal(octets('c=biws,r=a,x=1,p=QQ==')).withoutProof, 'c=biws,r=a,x=1')
    for (const text of [
      'c=biws,r=a',
      'c=biws,r=a,p=',
      'c=biws,r=a,p=Q',
      'r=a,c=biws,p=QQ==',
      'c=bi ws,r=a,p=QQ==',
      'p=QQ==',
    ])
      bad(/./, () => readClientFinal(octets(text)))
  })
  test('a server: its signature, or what is wrong', () => {
    assert.deepEqual(readServerFinal(octets(writeServerError('invalid-proof'))), { error: 'invalid-proof' })
    assert.deepEqual(readServerFinal(octets('v=QQ==,x=1')), { signature: Buffer.from('A') })
    for (const text of ['', 'v=', 'v=Q', 'x=1,v=QQ==', 'e=']) bad(/./, () => readServerFinal(octets(text)))
  })
})

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => !text.includes('\0'))

test('any user and nonce are read as they were written', () => {
  const nonce = fc.stringMatching(/^[!-+\--~]{1,60}$/)
  fc.assert(
    fc.property(name, nonce, (user, r) => {
      const written = writeClientFirst(user.toWellFormed(), r)
      const { text: _text, ...first } = written
      assert.deepEqual(readClientFirst(octets(written.text)), first)
    }),
  )
})

test('readers throw BadScram and nothing else, whatever they read', () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc
      .array(fc.constantFrom('n', ',', 'r=', 's=', 'i=', 'c=', 'p=', 'v=', 'e=', 'm=', 'QQ==', '4096', '=2C', 'a'), {
        maxLength: 12,
      })
      .map((words) => octets(words.join(''))),
  )
  fc.assert(
    fc.property(message, (given) => {
      for (const read of [
        readClientFirst,
        readClientFinal,
        readServerFinal,
        (m: Uint8Array) => readServerFirst(m, 'n'),
      ]) {
        try {
          read(given)
        } catch (error) {
          assert.ok(error instanceof BadScram, String(error))
        }
      }
    }),
    { numRuns: 2000 },
  )
})

test('base64: what was written is read, and nothing that is written otherwise', () => {
  fc.assert(fc.property(fc.uint8Array(), (given) => assert.deepEqual(fromBase64(toBase64(given)), Buffer.from(given))))
  for (const text of ['=', '=AAA', 'AAA=BBB=', 'QQ', 'QQ=', 'QR==', 'QQ==\n', ' QQ==', 'Q-Q_', 'QQ==QQ==', 'Q*==']) {
    assert.equal(fromBase64(text), undefined, text)
  }
  assert.deepEqual(fromBase64(''), Buffer.alloc(0))
})
