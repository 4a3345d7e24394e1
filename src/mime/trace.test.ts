import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rfc5322Date } from './date.ts'
import { readHeader } from './fields.ts'
import {
  countReceived,
  deliveredTo,
  loops,
  type Mark,
  ourTrace,
  protocol,
  type Reception,
  received,
  returnPath,
  wasDeliveredTo,
} from './trace.ts'

const bob = { local: 'bob', domain: 'example.net' }
const usual: Reception = {
  helo: 'client.example.org',
  peer: '192.0.2.1',
  hostname: 'mx.example.net',
  extended: true,
  marks: [],
  id: '0A1B2C',
  recipients: [bob],
  at: Date.UTC(2025, 10, 24, 6, 5, 4),
}
const header = (...fields: string[]) => readHeader(Buffer.from(`${fields.join('')}\r\n`))

test('dates (RFC 5322 3.3)', () => {
  assert.equal(rfc5322Date(0), 'Thu, 1 Jan 1970 00:00:00 +0000')
  assert.equal(rfc5322Date(Date.UTC(2024, 1, 29, 23, 30), 90), 'Fri, 1 Mar 2024 01:00:00 +0130')
  assert.equal(rfc5322Date(Date.UTC(2025, 0, 1, 2), -210), 'Tue, 31 Dec 2024 22:30:00 -0330')
})

test('every with keyword of RFC 3848 and RFC 6531', () => {
  const utf8: Mark = { prefix: 'UTF8' }
  const lmtp: Mark = { base: 'LMTP' }
  const tls: Mark = { suffix: 'S' }
  const auth: Mark = { suffix: 'A' }
  const table: [string, boolean, Mark[]][] = [
    ['SMTP', false, []],
    ['SMTP', false, [tls]],
    ['ESMTP', true, []],
    ['ESMTPS', true, [tls]],
    ['ESMTPA', true, [auth]],
    ['ESMTPSA', true, [auth, tls]],
    ['UTF8SMTP', true, [utf8]],
    ['UTF8SMTPS', true, [utf8, tls]],
    ['UTF8SMTPA', true, [auth, utf8]],
    ['UTF8SMTPSA', true, [utf8, auth, tls]],
    ['LMTP', true, [lmtp]],
    ['LMTPA', true, [lmtp, auth]],
    ['LMTPS', true, [tls, lmtp]],
    ['LMTPSA', true, [tls, lmtp, auth]],
    ['UTF8LMTP', true, [utf8, lmtp]],
    ['UTF8LMTPSA', true, [utf8, lmtp, tls, auth]],
  ]
  for (const [expected, extended, marks] of table) assert.equal(protocol(marks, extended), expected)
})

test('a Received field (RFC 5321 4.4)', () => {
  assert.equal(
    received(usual),
    'Received: from client.example.org ([192.0.2.1]) by mx.example.net with ESMTP\r\n' +
      '\tid 0A1B2C for <bob@example.net>; Mon, 24 Nov 2025 06:05:04 +0000\r\n',
  )
  const marks: Mark[] = [{ suffix: 'S', clause: 'tls TLS_AES_128_GCM_SHA256' }, { clause: '(SOLICIT=net.example:ADV)' }]
  assert.equal(
    received({ ...usual, marks, peer: '2001:db8::1', peerName: 'c.example.org', recipients: [bob, bob], offset: 60 }),
    'Received: from client.example.org (c.example.org [IPv6:2001:db8::1])\r\n' +
      '\tby mx.example.net with ESMTPS (SOLICIT=net.example:ADV) id 0A1B2C\r\n' +
      '\ttls TLS_AES_128_GCM_SHA256; Mon, 24 Nov 2025 07:05:04 +0100\r\n',
  )
})

test('mail that came over no network', () => {
  const local = { ...usual, helo: '', peer: '', protocol: 'local', recipients: [] }
  assert.equal(
    received(local),
    'Received: by mx.example.net with local id 0A1B2C;\r\n\tMon, 24 Nov 2025 06:05:04 +0000\r\n',
  )
  assert.match(received({ ...usual, peer: '' }), /^Received: from client\.example\.org by /)
  assert.match(received({ ...usual, peer: 'fe80::1%eth0' }), /\(\[IPv6:fe80::1\]\)/)
})

test('a hostile HELO is shown, but does no harm', () => {
  const shown = (helo: string) => received({ ...usual, helo }).split(/\s+by mx/)[0]
  assert.equal(shown('[192.0.2.7]'), 'Received: from [192.0.2.7] ([192.0.2.1])')
  assert.equal(shown('a b'), 'Received: from [192.0.2.1] ([192.0.2.1]) (HELO a b)')
  assert.equal(
    shown('a) by evil; (\r\nBcc: x'),
    'Received: from [192.0.2.1] ([192.0.2.1]) (HELO a? by evil? ???Bcc: x)',
  )
  assert.equal(shown('[x:((]'), 'Received: from [192.0.2.1] ([192.0.2.1]) (HELO [x:??])')
  assert.equal(shown('bücher.example'), 'Received: from xn--bcher-kva.example ([192.0.2.1])')
  assert.equal(shown(''), 'Received: from [192.0.2.1] ([192.0.2.1])')
})

test('UTF-8 only when the mail was sent as such, and has UTF-8 in its header anyway', () => {
  const domain = 'bücher.example'
  const how = { ...usual, helo: domain, recipients: [{ local: 'bob', domain }] }
  for (const ascii of [how, { ...how, utf8: true }, { ...how, marks: [{ prefix: 'UTF8' }] }]) {
    assert.match(received(ascii), /from xn--bcher-kva\.example [^\x80-\uffff]*for <bob@xn--bcher-kva\.example>/)
  }
  const local = { ...how, recipients: [{ local: 'jürgen', domain }], marks: [{ prefix: 'UTF8' }] }
  assert.doesNotMatch(received(local), / for /)
  assert.match(received({ ...local, utf8: true }), /for <jürgen@bücher\.example>/)
  const utf8 = received({ ...how, marks: [{ prefix: 'UTF8' }], utf8: true })
  assert.match(utf8, /from bücher\.example /)
  assert.match(utf8, /with UTF8SMTP\s/)
  assert.match(utf8, /for <bob@bücher\.example>/)
})

test('whatever a client says, the field is one field and our own clauses are found in it', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(fc.constantFrom('\r\n', '(', ')', ';', ' by evil ', '\\', '"', 'a', '.', '\0', ' ', '['), {
        maxLength: 20,
      })
      .map((p) => p.join('')),
  )
  fc.assert(
    fc.property(text, text, text, fc.boolean(), (helo, peer, clause, utf8) => {
      const marks = [{ clause }, { clause: `(${clause})` }, ...(utf8 ? [{ prefix: 'UTF8' }] : [])]
      const field = received({ ...usual, helo, peer, peerName: clause, marks, utf8 })
      const read = readHeader(Buffer.from(`${field}\r\n`))
      assert.equal(read.fields.length, 1)
      assert.equal(ourTrace(read, 'MX.example.net'), 1)
      assert.equal(ourTrace(read, 'evil'), 0)
      assert.ok(field.split('\r\n').every((line) => Buffer.byteLength(line) <= 998))
      assert.ok(field.split(';').length === 2)
      assert.doesNotMatch(field, utf8 ? /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/ : /[^\t\r\n -~]/)
    }),
    { numRuns: 500 },
  )
})

test('Return-Path and Delivered-To', () => {
  assert.equal(returnPath(null), 'Return-Path: <>\r\n')
  assert.equal(returnPath({ local: 'a b', domain: 'x' }), 'Return-Path: <"a b"@x>\r\n')
  assert.equal(deliveredTo(bob), 'Delivered-To: bob@example.net\r\n')
  assert.throws(() => returnPath({ local: 'a\r\nBcc: b', domain: 'x' }))
})

test('a mailbox that had the message is recognised, whatever the case of its domain', () => {
  const book = { local: 'Jürgen', domain: 'bücher.example' }
  const seen = header(deliveredTo(bob), deliveredTo(book))
  assert.equal(wasDeliveredTo(seen, { local: 'bob', domain: 'EXAMPLE.net' }), true)
  assert.equal(wasDeliveredTo(seen, book), true)
  assert.equal(wasDeliveredTo(seen, { local: 'Bob', domain: 'example.net' }), false)
  assert.equal(wasDeliveredTo(seen, { local: 'alice', domain: 'example.net' }), false)
})

test('loops are seen by the number of fields, and of our own', () => {
  const ours = received(usual)
  const theirs = received({ ...usual, hostname: 'other.example' })
  const trace = header(ours, theirs, ours, theirs, theirs)
  assert.equal(countReceived(trace), 5)
  assert.equal(ourTrace(trace, 'mx.example.net'), 2)
  assert.equal(loops(trace, 'mx.example.net'), false)
  assert.equal(loops(trace, 'mx.example.net', { received: 4 }), true)
  assert.equal(loops(trace, 'mx.example.net', { ours: 1 }), true)
  assert.equal(loops(trace, 'mx.example.net', { received: 5, ours: 2 }), false)
  assert.equal(loops(header(...Array(101).fill(theirs)), 'mx.example.net'), true)
})

test('the host that wrote a field is read from its by clause only', () => {
  const by = (value: string) => ourTrace(header(`Received: ${value}\r\n`), 'mx.example.net')
  assert.equal(by('from by by mx.example.net; x'), 1)
  assert.equal(by('from mx.example.net by other.example; by mx.example.net'), 0)
  assert.equal(by('from a (by mx.example.net (by mx.example.net)) by other.example; x'), 0)
  assert.equal(by('from a (\\) by mx.example.net) by other.example; x'), 0)
  assert.equal(by('by MX.Example.NET (Postfix)\r\n\tid 1; x'), 1)
  assert.equal(by(''), 0)
})
