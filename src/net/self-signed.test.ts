import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { selfSigned } from './self-signed.ts'

const now = Date.UTC(2026, 4, 6, 7, 8, 9)

test('a self-signed certificate says what it should, and is signed with its own key', async () => {
  const { certificate, key } = await selfSigned('mx.example.test', now, 30)
  const read = new X509Certificate(certificate)
  assert.equal(read.subject, 'CN=mx.example.test')
  assert.equal(read.issuer, read.subject)
  assert.equal(read.ca, false)
  assert.equal(read.verify(read.publicKey), true)
  assert.equal(read.checkPrivateKey(createPrivateKey(key)), true)
  assert.equal(read.checkHost('mx.example.test'), 'mx.example.test')
  assert.equal(read.checkHost('other.example.test'), undefined)
  assert.deepEqual(read.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  assert.equal(read.validFromDate.getTime(), now - 3_600_000)
  assert.equal(read.validToDate.getTime(), now + 30 * 86_400_000)
})

test('it can be for an address, for a name that is long, and for one that is not ASCII', async () => {
  assert.equal(
    new X509Certificate((await selfSigned('192.0.2.7', now, 1)).certificate).checkIP('192.0.2.7'),
    '192.0.2.7',
  )
  const six = new X509Certificate((await selfSigned('2001:db8::ff:7', now, 1)).certificate)
  assert.equal(six.checkIP('2001:db8::ff:7'), '2001:db8::ff:7')
  assert.equal(six.checkIP('2001:db8::ff:8'), undefined)
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.example.test`
  assert.equal(new X509Certificate((await selfSigned(long, now, 1)).certificate).checkHost(long), long)
  const ascii = 'xn--bcher-kva.example.test'
  assert.equal(
    new X509Certificate((await selfSigned('bücher.example.test', now, 1)).certificate).checkHost(ascii),
    ascii,
  )
})

test('what is no name gets no certificate', async () => {
  for (const name of ['', 'a b', 'a/b', '[::1]x']) await assert.rejects(selfSigned(name, now, 1), /neither/)
})

test('it may be valid beyond 2049, and each has its own serial number', async () => {
  const made = await Promise.all([selfSigned('a.test', now, 20_000), selfSigned('a.test', now, 20_000)])
  const [one, other] = made.map(({ certificate }) => new X509Certificate(certificate))
  assert.equal(one?.validToDate.getTime(), now + 20_000 * 86_400_000)
  assert.notEqual(one?.serialNumber, other?.serialNumber)
})
