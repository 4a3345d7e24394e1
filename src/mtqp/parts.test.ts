import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { SECRET_TEXT, trackedSpool } from '../../test/doubles/tracked-spool.ts'
import { put, to } from '../spool/contract-fixtures.ts'
import { memorySpool } from '../spool/memory.ts'
import { answerLines } from './answer.ts'
import { readCommand, readEnvid } from './command.ts'
import { readAnswer } from './read-answer.ts'
import { certifierOf, newTracking, proves, readSecret } from './secret.ts'
import { formatTrackingUri, readAskedHost, readTrackingUri } from './uri.ts'
import { WrongSecrets } from './wrong-secrets.ts'

test('a secret is base64 with or without padding, of 1024 bits at most, and proves its certifier alone', () => {
  const secret = readSecret('YWJjZGVmZ2gK')
  assert.equal(secret?.toString(), 'abcdefgh\n')
  const certifier = createHash('sha1').update('abcdefgh\n').digest('base64').slice(0, 27)
  assert.equal(certifierOf(Buffer.from('abcdefgh\n')), certifier)
  assert.ok(proves(Buffer.from('abcdefgh\n'), certifier))
  assert.ok(!proves(Buffer.from('abcdefgh'), certifier))
  assert.ok(!proves(Buffer.from('abcdefgh\n'), certifier.slice(0, 20)))
  assert.deepEqual(readSecret('YQ'), readSecret('YQ=='))
  assert.equal(readSecret('A'.repeat(171))?.length, 128)
  for (const text of ['', 'Y', '=', 'YQ===', 'Y-Q_', 'YQ==YQ==', 'A'.repeat(172)])
    assert.equal(readSecret(text), undefined, text)
})

test('property: any secret is read as it was written, and no other has its certifier', () => {
  const octets = fc.uint8Array({ minLength: 16, maxLength: 128 })
  fc.assert(
    fc.property(octets, octets, (one, other) => {
      const text = Buffer.from(one).toString('base64')
      assert.deepEqual(readSecret(text), Buffer.from(one))
      assert.deepEqual(readSecret(text.replace(/=+$/, '')), Buffer.from(one))
      assert.match(certifierOf(one), /^[A-Za-z0-9+/]{27}$/)
      assert.equal(proves(other, certifierOf(one)), Buffer.compare(one, other) === 0)
    }),
  )
})

test('a new name is unique and short enough, whatever the host is called', () => {
  const made = newTracking('mx.a.test')
  assert.match(made.envid, /^[\w-]{20}@mx\.a\.test$/)
  assert.notEqual(newTracking('mx.a.test').envid, made.envid)
  const secret = readSecret(made.secret)
  assert.ok(secret && secret.length * 8 >= 128 && proves(secret, made.certifier))
  // RFC 3885 3.2: the SHA-1 of the host in its place, 27 characters in base64.
  const long = newTracking(`${'a'.repeat(60)}.${'b'.repeat(60)}.test`)
  assert.ok(long.envid.length <= 100)
  assert.ok(readEnvid(long.envid) !== undefined)
  assert.match(newTracking('a=b').envid, /@a\+3Db$/)
})

test('property: any line is a command or bad, and what is read is what was meant', () => {
  const word = fc.string({ unit: fc.constantFrom(...'TRACKQUIT track@<>+=09azAZ/:.\t \0\r\n\xff') })
  fc.assert(
    fc.property(word, (line) => {
      const command = readCommand(line)
      if (/[^\t -~]/.test(line)) assert.equal(command.is, 'bad')
    }),
    { numRuns: 2000 },
  )
  const local = fc.string({ unit: fc.constantFrom(...'abz019._%/?#+@'), minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(local, fc.uint8Array({ minLength: 1, maxLength: 128 }), (name, octets) => {
      const envid = `${name.replace(/[+=]/g, '+2B')}@host.test`
      const secret = Buffer.from(octets).toString('base64')
      const command = readCommand(`track ${envid}  ${secret}`)
      assert.deepEqual(command, { is: 'track', envid: `${name}@host.test`, secret: Buffer.from(octets) })
    }),
  )
})

test('URIs of RFC 3887 section 9', () => {
  const secret = 'YWJj/GVmZ2gK'
  const uri = { host: 'mx.a.test', envid: 'a/b?c%d#e@a.test', secret }
  const text = 'mtqp://mx.a.test/track/a%2Fb%3Fc%25d%23e@a.test/YWJj%2FGVmZ2gK'
  assert.equal(formatTrackingUri(uri), text)
  assert.deepEqual(readTrackingUri(text), uri)
  assert.deepEqual(readTrackingUri(text.replace('mtqp', 'MTQP').replace('track', 'TRACK')), uri)
  assert.deepEqual(readTrackingUri(`mtqp://[2001:db8::1]:99/track/<a@b>/${'YWJj'}`), {
    host: '2001:db8::1',
    port: 99,
    envid: 'a@b',
    secret: 'YWJj',
  })
  assert.equal(
    formatTrackingUri({ host: '::1', port: 9, envid: 'a@b', secret: 'YWJj' }),
    'mtqp://[::1]:9/track/a@b/YWJj',
  )
  for (const wrong of [
    '',
    'http://a/track/a@b/YWJj',
    'mtqp://a/track/a@b',
    'mtqp://a/track/ab/YWJj',
    'mtqp:///track/a@b/YWJj',
  ])
    assert.equal(readTrackingUri(wrong), undefined, wrong)
  for (const wrong of [
    'mtqp://a:0/track/a@b/YWJj',
    'mtqp://a/track/a%zz@b/YWJj',
    'mtqp://a/track/a@b/YWJj/more',
    'mtqp://a b/track/a@b/YWJj',
  ])
    assert.equal(readTrackingUri(wrong), undefined, wrong)
  assert.deepEqual(
    ['mx1', 'MX1:25', '192.0.2.1', '[::1]', '[IPv6:::1]:9', '::1', 'a:b', '[x]', 'a..b', ''].map(readAskedHost),
    [
      { host: 'mx1' },
      { host: 'mx1', port: 25 },
      { host: '192.0.2.1' },
      { host: '::1' },
      { host: '::1', port: 9 },
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ],
  )
})

test('property: any text is a URI or none, and a URI that was written is read as the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'mtqp:/track@%2F<>a0[]?#') }), (text) => {
      const uri = readTrackingUri(text)
      if (uri) assert.deepEqual(readTrackingUri(formatTrackingUri(uri)), uri)
    }),
  )
  const envid = fc.string({ unit: fc.constantFrom(...'ab/?%#.&'), minLength: 1 }).map((local) => `${local}@b.test`)
  fc.assert(
    fc.property(envid, fc.uint8Array({ minLength: 1, maxLength: 128 }), (id, octets) => {
      const uri = { host: 'a.test', port: 7, envid: id, secret: Buffer.from(octets).toString('base64') }
      assert.deepEqual(readTrackingUri(formatTrackingUri(uri)), uri)
    }),
  )
})

test('what we answer is read back by our client, and so are the examples of RFC 3887', async () => {
  const clock = manualClock()
  const spool = await trackedSpool(clock)
  const secret = readSecret(SECRET_TEXT)
  assert.ok(secret)
  const found = await spool.trails.find('twice@a.test', certifierOf(secret), clock.now())
  const options = { hostname: 'mx.a.test', expires: () => 0 }
  assert.deepEqual(
    readAnswer([...answerLines('twice@a.test', found, '=_b', options)]).map(({ envid, reporter, recipients }) => [
      envid,
      reporter,
      recipients.map((one) => `${one.original} ${one.final} ${one.action} ${one.status} ${one.remote}`),
    ]),
    [
      ['twice@a.test', 'mx.a.test', ['a@x a@x transferred 2.6.0 mx.next.test']],
      ['twice@a.test', 'mx.a.test', ['b@x b@x failed 4.4.7 mx.next.test']],
    ],
  )
  const example = `Content-Type: multipart/related; boundary=%%%%; type=tracking-status
.Dot-Stuffed-Header: as an example

--%%%%
Content-Type: message/tracking-status

Original-Envelope-Id: 12345-20010101@example.com
Reporting-MTA: dns; example2.com
Arrival-Date: Mon, 1 Jan 2001 15:15:15 -0500

Original-Recipient: rfc822; user1@example1.com
Final-Recipient: rfc822; user1@example1.com
Action: Delayed
Status: 4.4.1 (No answer from host)
Remote-MTA: dns; example3.com
Last-Attempt-Date: Mon, 1 Jan 2001 19:15:03 -0500
Will-Retry-Until: Thu, 4 Jan 2001 15:15:15 -0500

--%%%%--`
  assert.deepEqual(readAnswer(example.split('\n')), [
    {
      envid: '12345-20010101@example.com',
      reporter: 'example2.com',
      arrival: 'Mon, 1 Jan 2001 15:15:15 -0500',
      recipients: [
        {
          original: 'user1@example1.com',
          final: 'user1@example1.com',
          action: 'delayed',
          status: '4.4.1',
          remote: 'example3.com',
          lastAttempt: 'Mon, 1 Jan 2001 19:15:03 -0500',
          retryUntil: 'Thu, 4 Jan 2001 15:15:15 -0500',
        },
      ],
    },
  ])
})

test('no line of an answer is longer than 998 octets, whatever was sent (RFC 3887 2.3)', async () => {
  const clock = manualClock()
  const spool = memorySpool({ clock })
  const certifier = certifierOf(Buffer.from('x'))
  const envid = `${'e'.repeat(90)}@${'h'.repeat(9)}`
  await put(spool, clock as never, {
    trail: { name: envid, proof: certifier, until: clock.now() + 86_400_000 },
    recipients: [
      { ...to(`${'r'.repeat(64)}@${'d'.repeat(60)}.test`), params: { ORCPT: `rfc822;${'+3D'.repeat(160)}` } },
      to(`${'ü'.repeat(32)}@${'ü'.repeat(30)}.test`),
    ],
  })
  const found = await spool.trails.find(envid, certifier, clock.now())
  const lines = [...answerLines(envid, found, '=_b', { hostname: 'mx.a.test', expires: () => 0 })]
  for (const line of lines) assert.ok(/^[ -~]{0,998}$/.test(line), line)
  const [message] = readAnswer(lines)
  assert.deepEqual([message?.envid, message?.recipients[0]?.original], [envid, '='.repeat(160)])
})

test('property: any lines are read as some status or none', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '',
      '--b',
      '--b--',
      'Content-Type: multipart/related; boundary=b',
      'Content-Type: message/tracking-status',
    ),
    fc.constantFrom(
      'Action: failed',
      'Original-Envelope-Id: x',
      ' folded',
      'Status',
      ': x',
      'Final-Recipient: rfc822; ((',
    ),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      for (const { recipients } of readAnswer(lines)) assert.ok(recipients.every(({ action }) => action !== ''))
    }),
    { numRuns: 2000 },
  )
})

test('whoever asks in vain too often waits an hour, with all of the same network', () => {
  let now = 0
  const wrong = new WrongSecrets({ clock: { now: () => now }, most: 3, networks: 2 })
  for (let i = 0; i < 3; i++) {
    assert.ok(wrong.mayAsk('2001:db8::1'))
    wrong.wrong('2001:db8::1')
  }
  assert.ok(!wrong.mayAsk('2001:db8::2'))
  assert.ok(wrong.mayAsk('2001:db8:0:1::1'))
  now = 3_599_999
  assert.ok(!wrong.mayAsk('2001:db8::1'))
  now = 3_600_000
  assert.ok(wrong.mayAsk('2001:db8::1'))
  // No more is remembered than was allowed; who came last stays.
  for (let i = 0; i < 3; i++) wrong.wrong('192.0.2.1')
  wrong.wrong('192.0.2.2')
  assert.ok(!wrong.mayAsk('192.0.2.1'))
  wrong.wrong('192.0.2.3')
  assert.ok(wrong.mayAsk('192.0.2.1'))
  assert.ok(wrong.mayAsk(''))
})
