import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { dsn } from '../extensions/dsn.ts'
import { submitter } from '../extensions/submitter.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import { asciiReport } from '../mime/ascii-report.ts'
import { readHeader } from '../mime/fields.ts'
import type { Extension, ReportEvent, ReportedRecipient, Wanted } from '../smtp/extension.ts'
import { type Draft, SpoolError, type SpooledMessage } from '../spool/spool.ts'
import { createReporter, type ReporterOptions } from './report.ts'

const ALICE = { local: 'alice', domain: 'example.org' }
const BOB = { local: 'bob', domain: 'example.com' }
const ACCEPTED = Date.UTC(2025, 10, 24, 6)
const NOW = Date.UTC(2025, 10, 24, 7)
const ORIGINAL = 'Message-ID: <orig@example.org>\r\nSubject: Hello\r\n\r\nHow are you?\r\n'

const message = (text: string, more: Partial<SpooledMessage> = {}): SpooledMessage => {
  const octets = Buffer.from(text, 'latin1')
  return {
    id: 'OLD1',
    sender: ALICE,
    params: {},
    facts: {
      octets: octets.length,
      encoding: '7bit',
      longestLine: 0,
      eightBitHeader: false,
      bareNewline: false,
      nul: false,
      endsWithNewline: true,
      headerOctets: 0,
    },
    origin: { listener: 'mx', peer: '192.0.2.9', helo: 'client.example.org', protocol: 'ESMTP', kind: 'MAIL' },
    schedule: {},
    accepted: ACCEPTED,
    octets: octets.length,
    async *content() {
      for (let at = 0; at < octets.length; at += 700) yield octets.subarray(at, at + 700)
    },
    ...more,
  }
}

const USER_UNKNOWN: Diagnosis = {
  code: 550,
  status: '5.1.1',
  lines: ['No such user here'],
  by: 'smtp',
  remote: { name: 'mx.example.com', address: '192.0.2.55' },
  phase: 'RCPT',
  at: NOW - 5000,
}
const about = (more: Partial<ReportedRecipient> = {}): ReportedRecipient => ({
  address: BOB,
  params: {},
  event: 'failed',
  last: USER_UNKNOWN,
  ...more,
})

const recordingDraft = () => {
  const chunks: Uint8Array[] = []
  const seen = { aborted: false, text: () => Buffer.concat(chunks).toString('latin1') }
  const draft: Draft = {
    id: 'NEW1',
    octets: 0,
    write: async (chunk) => void chunks.push(Buffer.from(chunk)),
    async *body() {
      yield* chunks
    },
    commit: async () => assert.fail('a reporter commits nothing'),
    abort: async () => void (seen.aborted = true),
  }
  return { draft, seen }
}

const reporter = (options: Partial<ReporterOptions> = {}) =>
  createReporter({
    hostname: 'mx.example.net',
    extensions: [],
    clock: { now: () => NOW },
    postmaster: { local: 'postmaster', domain: '' },
    ...options,
  })

interface Asked {
  readonly text?: string
  readonly mail?: Partial<SpooledMessage>
  readonly recipients?: readonly ReportedRecipient[]
  readonly options?: Partial<ReporterOptions>
}
const composed = async ({ text = ORIGINAL, mail = {}, recipients = [about()], options = {} }: Asked = {}) => {
  const { draft, seen } = recordingDraft()
  const original = message(text, mail)
  const report = await reporter(options).compose(original, original.sender, recipients, () => draft)
  if (report === undefined) return assert.fail('no report was written')
  const whole = seen.text()
  const header = readHeader(Buffer.from(whole, 'latin1'))
  const boundary = /boundary="([^"]+)"/.exec(header.values('Content-Type')[0] ?? '')?.[1] ?? '?'
  const parts = whole.split(`--${boundary}`).slice(1, -1)
  const part = (n: number) => {
    const piece = (parts[n] ?? '').slice(2, -2)
    const head = readHeader(Buffer.from(piece, 'latin1'))
    return { field: (name: string) => head.values(name)[0], content: piece.slice(head.raw.length) }
  }
  return { ...report, whole, header, parts, part, record: report.record }
}
/** A report as hosts without SMTPUTF8 get it, in pieces of any size. */
const inAscii = async (report: string): Promise<string> => {
  const pieces = async function* () {
    for (let at = 0; at < report.length; at += 37) yield Buffer.from(report.slice(at, at + 37), 'latin1')
  }
  const out: Uint8Array[] = []
  for await (const chunk of asciiReport(pieces())) out.push(chunk)
  return Buffer.concat(out).toString('latin1')
}
/** The groups of fields of the second part. */
const groups = (content: string) => content.split('\r\n\r\n').map((group) => readHeader(Buffer.from(`${group}\r\n`)))

const withReport = (report: Extension['report'] & {}, keyword = 'X-TEST'): Extension => ({ keyword, rfc: [], report })
const wanting = (wanted: Wanted | undefined): Extension => withReport({ wants: () => wanted })

test('what is owed: the strongest wish, never before all', () => {
  const events: ReportEvent[] = ['failed', 'delayed', 'delivered', 'relayed', 'expanded']
  const owed = (...wishes: (Wanted | undefined)[]) =>
    reporter({ extensions: wishes.map(wanting) })
      .owed(
        message(''),
        events.map((event) => about({ event })),
      )
      .map(({ event }) => event)
  assert.deepEqual(owed(), ['failed', 'delayed'])
  assert.deepEqual(owed(undefined), ['failed', 'delayed'])
  assert.deepEqual(owed('yes'), events)
  assert.deepEqual(owed('no'), [])
  assert.deepEqual(owed('no', 'yes', undefined), events)
  assert.deepEqual(owed('no', 'must'), events)
  assert.deepEqual(owed('never', 'must'), [])
  assert.deepEqual(owed('must', 'never'), [])
})

test('mail without a sender owes nothing but failures', () => {
  const recipients = (['failed', 'delayed', 'delivered'] as const).map((event) => about({ event }))
  const owed = reporter({ extensions: [wanting('must')] }).owed(message('', { sender: null }), recipients)
  assert.deepEqual(
    owed.map(({ event }) => event),
    ['failed'],
  )
})

test('what passes on to the members of an alias or a list is asked of every extension in turn', () => {
  const without = (name: string): Extension => ({
    keyword: name,
    rfc: [],
    queue: { expand: (params, of, to) => ({ ...params, [name]: `${of} ${to}` }) },
  })
  const given = { A: true as const }
  assert.deepEqual(
    reporter({ extensions: [without('B'), wanting('no'), without('C')] }).passesOn(given, 'recipient', 'many'),
    {
      A: true,
      B: 'recipient many',
      C: 'recipient many',
    },
  )
})

test('a report is mail from nobody to the sender, marked as automatic', async () => {
  const { header, record, draft, whole } = await composed()
  assert.equal(draft.id, 'NEW1')
  assert.equal(record.sender, null)
  assert.deepEqual(record.recipients, [{ address: ALICE, params: {} }])
  assert.equal(record.origin.kind, 'report')
  assert.deepEqual(record.schedule, {})
  assert.equal(record.accepted, NOW)
  assert.equal(record.prefix.length, 0)
  assert.equal(record.bodyFrom, 0)
  assert.equal(record.facts.octets, whole.length)
  assert.equal(record.facts.encoding, '7bit')
  assert.deepEqual(header.values('Date'), ['Mon, 24 Nov 2025 07:00:00 +0000'])
  assert.deepEqual(header.values('From'), ['Mail Delivery System <postmaster@mx.example.net>'])
  assert.deepEqual(header.values('To'), ['<alice@example.org>'])
  assert.deepEqual(header.values('Subject'), ['Mail not delivered: Hello'])
  assert.match(header.values('Message-ID')[0] ?? '', /^<NEW1\.[0-9a-f]+@mx\.example\.net>$/)
  assert.deepEqual(header.values('In-Reply-To'), ['<orig@example.org>'])
  assert.deepEqual(header.values('References'), ['<orig@example.org>'])
  assert.deepEqual(header.values('Auto-Submitted'), ['auto-replied'])
  assert.deepEqual(header.values('MIME-Version'), ['1.0'])
  assert.match(header.values('Content-Type')[0] ?? '', /^multipart\/report; report-type=delivery-status; boundary="/)
})

test('golden: the text a person reads', async () => {
  const { part } = await composed()
  assert.equal(part(0).field('Content-Type'), 'text/plain; charset=us-ascii')
  assert.equal(
    part(0).content,
    [
      'This is the mail system at mx.example.net.',
      '',
      'Your message could not be delivered to the following, and no further attempt',
      'will be made:',
      '',
      '  <bob@example.com>',
      '    mx.example.com [192.0.2.55] said in reply to RCPT:',
      '      550 5.1.1 No such user here',
      '    Check the address for mistyped characters, or ask the recipient for the',
      '    right one in another way.',
      '',
      'Attached are the facts, for mail programs to read, and the message.',
      '',
      'If you need help, write to postmaster@mx.example.net and quote:',
      '    Queue id: OLD1',
      '    Accepted: Mon, 24 Nov 2025 06:00:00 +0000',
      '    Subject: Hello',
      '',
    ].join('\r\n'),
  )
})

test('golden: the facts a program reads', async () => {
  const extension = withReport({
    messageFields: () => [['Original-Envelope-Id', 'QQ 1']],
    recipientFields: ({ event }) => [
      ['X-Deliver-By', event],
      ['Original-Recipient', 'rfc822;Bob@example.com'],
    ],
  })
  const { part } = await composed({ options: { extensions: [extension] } })
  assert.equal(part(1).field('Content-Type'), 'message/delivery-status')
  assert.equal(
    part(1).content,
    [
      'Original-Envelope-Id: QQ 1',
      'Reporting-MTA: dns; mx.example.net',
      'Received-From-MTA: dns; client.example.org (192.0.2.9)',
      'Arrival-Date: Mon, 24 Nov 2025 06:00:00 +0000',
      'X-Smail-Queue-Id: OLD1',
      '',
      'Original-Recipient: rfc822;Bob@example.com',
      'Final-Recipient: rfc822; bob@example.com',
      'Action: failed',
      'Status: 5.1.1',
      'Remote-MTA: dns; mx.example.com',
      'Diagnostic-Code: smtp; 550 5.1.1 No such user here',
      'Last-Attempt-Date: Mon, 24 Nov 2025 06:59:55 +0000',
      'X-Deliver-By: failed',
      '',
    ].join('\r\n'),
  )
})

test('each recipient has its fields; those of no remote server name none', async () => {
  const local: Diagnosis = { code: 452, status: '4.2.2', lines: ['Mailbox full'], by: 'local', at: NOW }
  const never: Diagnosis = { code: 550, status: '5.4.6', lines: ['Mail loop'], by: 'us', at: NOW }
  const dead: Diagnosis = { ...never, code: 451, status: '4.4.1', lines: ['Connection refused'], phase: 'connect' }
  const { part, header } = await composed({
    recipients: [
      about({ event: 'delayed', last: local }),
      about({ event: 'failed', last: never }),
      about({ event: 'failed', last: dead }),
      about({ event: 'relayed', last: { ...USER_UNKNOWN, code: 250, status: '2.1.5', lines: ['Ok'] } }),
      about({ event: 'failed', last: { ...USER_UNKNOWN, remote: { name: '[192.0.2.7]', address: '192.0.2.7' } } }),
    ],
    options: { expires: ({ accepted }) => accepted + 86_400_000 },
  })
  assert.deepEqual(header.values('Subject'), ['Mail not delivered: Hello'])
  const [, ...each] = groups(part(1).content)
  const values = (name: string) => each.map((one) => one.values(name)[0])
  assert.deepEqual(values('Action'), ['delayed', 'failed', 'failed', 'relayed', 'failed'])
  assert.deepEqual(values('Status'), ['4.2.2', '5.4.6', '4.4.1', '2.1.5', '5.1.1'])
  assert.deepEqual(values('Remote-MTA'), [undefined, undefined, undefined, 'dns; mx.example.com', 'dns; [192.0.2.7]'])
  assert.deepEqual(values('Diagnostic-Code').slice(0, 4), [
    'x-smail; 4.2.2 Mailbox full',
    'x-smail; 5.4.6 Mail loop',
    'x-smail; 4.4.1 Connection refused',
    'smtp; 250 2.1.5 Ok',
  ])
  assert.deepEqual(
    values('Last-Attempt-Date').map((value) => value !== undefined),
    [true, false, true, true, true],
  )
  assert.deepEqual(values('Will-Retry-Until'), ['Tue, 25 Nov 2025 06:00:00 +0000', ...Array(4).fill(undefined)])
})

test('who was expanded is told of as the sender named them (RFC 3464 2.3.2)', async () => {
  const accepted = { local: 'team', domain: 'example.net' }
  const { part } = await composed({ recipients: [about({ accepted })] })
  const [, each] = groups(part(1).content)
  assert.deepEqual(each?.values('Final-Recipient'), ['rfc822; team@example.net'])
  assert.deepEqual(each?.values('X-Actual-Recipient'), ['rfc822; bob@example.com'])
  assert.match(String(part(0).content), /<bob@example\.com>\r\n {4}by way of <team@example\.net>\r\n/)
})

test('an answer of several lines is written down line by line, and a mailbox of ours has our log (RFC 3461 9.2, RFC 3464 2.3.8)', async () => {
  const local: Diagnosis = { code: 250, status: '2.0.0', lines: ['Delivered'], by: 'local', at: NOW }
  const { part } = await composed({
    recipients: [
      about({ last: { ...USER_UNKNOWN, lines: ['mailbox unavailable', 'user has moved'] } }),
      about({ last: { ...USER_UNKNOWN, lines: ['5.1.1 no statuses were promised', 'and none is here'] } }),
      about({ last: { ...USER_UNKNOWN, status: '', lines: ['one', ''] } }),
      about({ event: 'delivered', last: local }),
    ],
  })
  const [, ...each] = groups(part(1).content)
  const values = (name: string) => each.map((one) => one.values(name)[0])
  assert.deepEqual(values('Diagnostic-Code'), [
    'smtp; 550-5.1.1 mailbox unavailable 550 5.1.1 user has moved',
    'smtp; 550-5.1.1 no statuses were promised 550 and none is here',
    'smtp; 550-one 550',
    undefined,
  ])
  assert.deepEqual(values('Final-Log-ID'), [undefined, undefined, undefined, 'OLD1'])
})

test('a status that is missing, malformed or of the wrong class is replaced by the class alone', async () => {
  const cases: [ReportEvent, number, string, string][] = [
    ['failed', 550, '', '5.0.0'],
    ['failed', 451, '', '4.0.0'],
    ['failed', 550, '5.01.1', '5.0.0'],
    ['failed', 550, '2.1.1', '5.0.0'],
    ['failed', 550, '5.1.1\r\nX: y', '5.0.0'],
    ['failed', 451, '4.4.7', '4.4.7'],
    ['delayed', 550, '5.1.1', '4.0.0'],
    ['delivered', 250, '', '2.0.0'],
    ['expanded', 250, '2.1.5', '2.1.5'],
  ]
  const recipients = cases.map(([event, code, status]) => about({ event, last: { ...USER_UNKNOWN, code, status } }))
  const [, ...each] = groups((await composed({ recipients })).part(1).content)
  assert.deepEqual(
    each.map((one) => one.values('Status')[0]),
    cases.map(([, , , expected]) => expected),
  )
})

test('the earliest end of a message is when its delivery is given up', async () => {
  const schedule = {
    milestones: [
      { at: ACCEPTED + 60_000, do: 'warn', status: '4.4.7' },
      { at: ACCEPTED + 120_000, do: 'fail', status: '5.4.7' },
    ],
  } as const
  const { part, header } = await composed({
    mail: { schedule },
    recipients: [about({ event: 'delayed' })],
    options: { expires: () => ACCEPTED + 180_000 },
  })
  assert.deepEqual(header.values('Subject'), ['Mail delayed: Hello'])
  assert.match(part(1).content, /Will-Retry-Until: Mon, 24 Nov 2025 06:02:00 \+0000/)
  assert.match(part(0).content, /attempted again, until Mon, 24 Nov 2025\s+06:02:00/)
})

test('a host without a full name says so, and who gave no name is not named', async () => {
  const origin = { listener: 'mx', peer: '192.0.2.9', helo: 'a b', protocol: 'SMTP', kind: 'MAIL' }
  const { part } = await composed({ options: { hostname: 'mail' }, mail: { origin } })
  assert.match(part(1).content, /^Reporting-MTA: x-local-hostname; mail\r\nArrival-Date/)
})

test('all of the message is returned for failures, unless it is large or someone objects', async () => {
  const third = async (asked: Asked) => (await composed(asked)).part(2)
  const full = await third({})
  assert.equal(full.field('Content-Type'), 'message/rfc822')
  assert.equal(full.content, ORIGINAL)

  const objection = withReport({ returns: (_message, events) => (events.includes('failed') ? 'headers' : undefined) })
  const demand = withReport({ returns: () => 'full' })
  const cases: Asked[] = [
    { recipients: [about({ event: 'delayed' })] },
    { recipients: [about({ event: 'relayed' })], options: { extensions: [demand] } },
    { options: { extensions: [demand, objection] } },
    { options: { maxReturned: ORIGINAL.length - 1 } },
  ]
  for (const asked of cases) {
    const header = await third(asked)
    assert.equal(header.field('Content-Type'), 'text/rfc822-headers')
    assert.equal(header.content, 'Message-ID: <orig@example.org>\r\nSubject: Hello\r\n')
  }
  assert.equal((await third({ options: { maxReturned: ORIGINAL.length } })).field('Content-Type'), 'message/rfc822')
})

test('of a large message no more is read than the header', async () => {
  let read = 0
  const mail: Partial<SpooledMessage> = {
    octets: 50_000_000,
    async *content() {
      yield Buffer.from('Subject: big\r\n\r\n')
      while (++read < 50_000) yield Buffer.alloc(1000, 'x')
    },
  }
  assert.equal((await composed({ mail })).part(2).content, 'Subject: big\r\n')
  assert.equal(read, 0)
})

test('a header without end is cut between two fields', async () => {
  const text = 'X: y\r\n'.repeat(1000)
  const { part } = await composed({ text, options: { maxReturned: 100 } })
  assert.equal(part(2).content, 'X: y\r\n'.repeat(16))
  assert.equal(part(2).field('Content-Description'), 'The header of the message, shortened')
})

test('eight-bit content is labelled, binary content is not returned', async () => {
  const eight = await composed({ text: 'Subject: x\r\n\r\ngr\xfcn\r\n' })
  assert.equal(eight.part(2).field('Content-Transfer-Encoding'), '8bit')
  assert.deepEqual(eight.header.values('Content-Transfer-Encoding'), ['8bit'])
  assert.equal(eight.record.facts.encoding, '8bit')
  assert.equal(eight.record.facts.eightBitHeader, false)
  assert.equal(eight.part(2).content, 'Subject: x\r\n\r\ngr\xfcn\r\n')
  for (const body of ['a\0b', 'a\nb', 'x'.repeat(999)]) {
    const { part, record } = await composed({ text: `Subject: x\r\n\r\n${body}` })
    assert.equal(part(2).content, 'Subject: x\r\n')
    assert.equal(record.facts.encoding, '7bit')
  }
})

test('a header that is no legal mail is returned in quoted-printable', async () => {
  const odd = `Subject: gr\xfcn\r\nX: ${'y'.repeat(1200)}\r\nZ: a\nb\0\r\n`
  const { part, record, header } = await composed({ text: `${odd}\r\n`, options: { maxReturned: 2000 } })
  assert.equal(part(2).field('Content-Transfer-Encoding'), 'quoted-printable')
  const decoded = part(2)
    .content.replace(/=\r\n/g, '')
    .replace(/=(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  assert.equal(decoded, odd)
  assert.equal(record.facts.encoding, '7bit')
  assert.deepEqual(header.values('Subject'), ['=?UTF-8?B?TWFpbCBub3QgZGVsaXZlcmVkOiBncu+/vW4=?='])
})

test('messages without a header, or with nothing in them', async () => {
  for (const [text, full] of [
    ['', ''],
    ['\r\n', '\r\n'],
    ['just text', 'just text'],
  ] as const) {
    const { part, header } = await composed({ text })
    assert.equal(part(2).content, full)
    assert.deepEqual(header.values('Subject'), ['Mail not delivered'])
    assert.deepEqual(header.values('References'), [])
    // What is no header was not asked for when the header was.
    assert.equal((await composed({ text, recipients: [about({ event: 'delayed' })] })).part(2).content, '')
  }
})

test('addresses beyond ASCII: readable to people and to programs, and in ASCII for hosts without SMTPUTF8', async () => {
  const { part, record, whole, header } = await composed({
    recipients: [about({ address: { local: 'jür gen', domain: 'bücher.example' } })],
  })
  assert.match(part(1).content, /Final-Recipient: utf-8; "j\xc3\xbcr gen"@b\xc3\xbccher\.example\r\n/)
  assert.equal(part(1).field('Content-Type'), 'message/global-delivery-status')
  assert.equal(part(1).field('Content-Transfer-Encoding'), '8bit')
  assert.deepEqual(header.values('Content-Transfer-Encoding'), ['8bit'])
  const ascii = await inAscii(whole)
  assert.match(ascii, /\r\nContent-Type: message\/delivery-status\r\n.*\r\nContent-Transfer-Encoding: 7bit\r\n/)
  assert.match(
    ascii,
    /\r\nFinal-Recipient: utf-8; "j\\x\{FC\}r\\x\{20\}gen"@b\\x\{FC\}cher\.example\r\nAction: failed\r\n/,
  )
  assert.match(ascii, /^[\t\r\n -~]*$/)
  assert.equal(part(0).field('Content-Transfer-Encoding'), 'quoted-printable')
  assert.match(part(0).content, /<"j=C3=BCr gen"@b=C3=BCcher\.example>/)
  assert.equal(record.facts.encoding, '8bit')
  // The facts make it need SMTPUTF8, or its conversion.
  assert.deepEqual(record.facts.rawHeaders, {
    utf8: true,
    unknown: false,
    fields: [{ name: 'Final-Recipient', depth: 1 }],
  })
})

test('an original recipient of RFC 6533 is told in clear', async () => {
  const options = { extensions: [dsn()] }
  const recipients = [about({ params: { ORCPT: 'utf-8;\\x{7528}\\x{6237}\\x{2B}a@x' } })]
  const { part, whole } = await composed({ options, recipients })
  const utf8 = Buffer.from('Original-Recipient: utf-8;用户+a@x\r\n').toString('latin1')
  assert.ok(part(1).content.includes(utf8))
  assert.match(await inAscii(whole), /\r\nOriginal-Recipient: utf-8;\\x\{7528\}\\x\{6237\}\\x\{2B\}a@x\r\n/)
})

test('a message or a header in UTF-8 is returned as what it is (RFC 6532 3.7, RFC 6533 4.3)', async () => {
  const subject = Buffer.from('Subject: Grüße\r\n').toString('latin1')
  const text = `${subject}X: 1 \r\n\r\n\xe4\r\n-- \r\n--=_x\r\n`
  const quoted = '\r\nSubject: Gr=C3=BC=C3=9Fe\r\nX: 1=20\r\n'
  const full = await composed({ text })
  assert.equal(full.part(2).field('Content-Type'), 'message/global')
  assert.equal(full.part(2).content, text)
  assert.equal(full.part(1).field('Content-Type'), 'message/delivery-status')
  assert.equal(full.record.facts.rawHeaders?.utf8, true)
  assert.equal(full.record.facts.notUtf8, true)
  const ascii = await inAscii(full.whole)
  assert.match(ascii, /^[\t\r\n -~]*$/)
  assert.ok(ascii.includes(`${quoted}\r\n=E4\r\n--=20\r\n--=3D_x\r\n\r\n--`))
  assert.match(ascii, /\r\nContent-Type: message\/global\r\n.*\r\nContent-Transfer-Encoding: quoted-printable\r\n/)

  const header = await composed({ text, recipients: [about({ event: 'delayed' })] })
  assert.equal(header.part(2).field('Content-Type'), 'message/global-headers')
  assert.equal(header.part(2).field('Content-Transfer-Encoding'), '8bit')
  assert.equal(header.part(2).content, `${subject}X: 1 \r\n`)
  assert.ok((await inAscii(header.whole)).includes(`quoted-printable\r\n${quoted}\r\n--`))
})

test('nobody but a reader beyond ASCII makes the own header of a report UTF-8', async () => {
  const { header } = await composed({
    mail: { sender: { local: 'bob', domain: 'bücher.example' } },
    options: { postmaster: { local: 'büro', domain: 'bücher.example' } },
  })
  assert.deepEqual(header.values('To'), ['<bob@xn--bcher-kva.example>'])
  assert.deepEqual(header.values('From'), ['Mail Delivery System <postmaster@mx.example.net>'])
})

test('a sender beyond ASCII gets a header that has to be UTF-8, and the facts say so', async () => {
  const { record, whole } = await composed({ mail: { sender: { local: 'jürgen', domain: 'example.org' } } })
  assert.match(whole, /\r\nTo: <j\xc3\xbcrgen@example\.org>\r\n/)
  assert.equal(record.facts.eightBitHeader, true)
})

test('hostile text stays text', async () => {
  const evil = 'x\r\n\r\n--y\r\nBcc: z\n\0\x1b[2J\u202e(\xff'
  const last = {
    ...USER_UNKNOWN,
    lines: [evil, 'a'.repeat(5000), ...Array<string>(50).fill(evil)],
    remote: { name: evil, address: evil },
    phase: evil,
  }
  const extension = withReport({
    messageFields: () => [
      ['X-A', evil],
      ['Bad Name', 'x'],
      ['A\r\nB', 'x'],
      ['reporting-mta', 'dns; evil'],
    ],
    recipientFields: () => [
      ['X-B', evil],
      ['Status', '2.0.0'],
      ['X-B', 'twice'],
    ],
  })
  const text = `Message-ID: <a\nb>\r\nSubject: a\n\x1b[2J=?utf-8?B?DQpCY2M6IHg=?=\r\n\r\n`
  const { header, parts, part, record, whole } = await composed({
    text,
    recipients: [about({ last, address: { local: evil, domain: 'example.com' } })],
    options: { extensions: [extension] },
  })
  assert.equal(parts.length, 3)
  assert.deepEqual(header.values('Bcc'), [])
  assert.deepEqual(header.values('Subject'), ['Mail not delivered: a [2J Bcc: x'])
  assert.deepEqual(header.values('References'), [])
  assert.ok(record.facts.longestLine <= 998)
  assert.equal(record.facts.bareNewline, false)
  const [of = readHeader(new Uint8Array()), each = of, ...others] = groups(part(1).content)
  assert.deepEqual(others, [])
  const names = (one: typeof of) => one.fields.map(({ name }) => name)
  assert.deepEqual(names(of), ['Reporting-MTA', 'Received-From-MTA', 'Arrival-Date', 'X-Smail-Queue-Id', 'X-A'])
  assert.deepEqual(of.values('Reporting-MTA'), ['dns; mx.example.net'])
  assert.deepEqual(names(each), [
    'Final-Recipient',
    'Action',
    'Status',
    'Remote-MTA',
    'Diagnostic-Code',
    'Last-Attempt-Date',
    'X-B',
  ])
  assert.deepEqual(each.values('Status'), ['5.1.1'])
  const said = each.values('Diagnostic-Code')[0] ?? ''
  assert.ok(said.length < 1200, `${said.length}`)
  assert.equal(said.match(/Bcc/g)?.length, 9)
  assert.match(said, /a \[\.\.\.\] .* \[\.\.\.\]$/)
  const ours = whole.slice(0, whole.indexOf('text/rfc822-headers'))
  // With an address that is UTF-8.
  assert.match(ours, /^[\t\r\n -~\x80-\xff]*$/)
})

test('whatever a server says and whoever is meant, a report is well-formed', async () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(fc.constantFrom('\r\n', '\r', '\n', '--', ': ', ' ', 'word', '=', '(', '"', '\\', '\xe4', '\u20ac'), {
        maxLength: 30,
      })
      .map((p) => p.join('')),
  )
  const event = fc.constantFrom<ReportEvent>('failed', 'delayed', 'relayed', 'expanded', 'delivered')
  const by = fc.constantFrom<Diagnosis['by']>('smtp', 'local', 'us')
  await fc.assert(
    fc.asyncProperty(
      anything,
      fc.array(anything, { minLength: 1, maxLength: 4 }),
      anything,
      event,
      by,
      async (text, lines, name, event, by) => {
        const last: Diagnosis = {
          code: 550,
          status: name,
          lines,
          by,
          remote: { name, address: name },
          phase: name,
          at: NOW,
        }
        const { record, parts, part, whole } = await composed({
          text: Buffer.from(text).toString('latin1'),
          recipients: [about({ event, last, address: { local: name.slice(0, 64), domain: 'example.com' } })],
        })
        assert.equal(parts.length, 3)
        assert.notEqual(record.facts.encoding, 'binary')
        assert.ok(record.facts.longestLine <= 998)
        assert.equal(record.facts.octets, whole.length)
        assert.match(part(1).content, /^[\t\r\n -~\x80-\xff]*$/)
        const ascii = await inAscii(whole)
        const [status = ''] = ascii.split('Content-Type: message/delivery-status\r\n')[1]?.split('\r\n--=_') ?? []
        assert.match(status, /^[\t\r\n -~]*$/)
        assert.ok(status.split('\r\n').every((line) => line.length <= 998))
        const names = (content: string) => groups(content).map(({ fields }) => fields.map((one) => one.name))
        assert.deepEqual(names(status.slice(status.indexOf('\r\n\r\n') + 4)), names(part(1).content))
        const [of, each, ...others] = groups(part(1).content)
        assert.equal(others.length, 0)
        for (const field of [...(of?.fields ?? []), ...(each?.fields ?? [])]) assert.notEqual(field.name, '')
        assert.deepEqual(each?.values('Action'), [event])
      },
    ),
    { numRuns: 100 },
  )
})

test('many recipients: all among the facts, the first hundred by name in the text', async () => {
  const recipients = Array.from({ length: 150 }, (_, n) =>
    about({ address: { local: `user${n}`, domain: 'example.com' } }),
  )
  const { part } = await composed({ recipients })
  assert.equal(groups(part(1).content).length, 151)
  assert.equal(part(0).content.match(/<user\d+@/g)?.length, 100)
  assert.equal(part(0).content.match(/No such user here/g)?.length, 1)
  assert.match(part(0).content, /and to 50 more/)
})

test('the header of a report stands for parameters, and its schedule is asked for, as of other mail', async () => {
  const extensions: Extension[] = [
    submitter(),
    { keyword: 'X-SOON', rfc: [], queue: { schedule: ({ params }) => ('SUBMITTER' in params ? { priority: 3 } : {}) } },
  ]
  const { record } = await composed({ options: { extensions } })
  assert.deepEqual(record.params, { SUBMITTER: 'postmaster@mx.example.net' })
  assert.deepEqual(record.schedule, { priority: 3 })
})

test('the envelope of a report has what extensions say', async () => {
  const extensions = [
    withReport({ envelope: () => ({ REQUIRETLS: true }) }),
    withReport({ envelope: ({ params }) => ({ P: params['P'] ?? '0' }) }),
  ]
  const { record } = await composed({ options: { extensions }, mail: { params: { P: '3' } } })
  assert.deepEqual(record.params, { REQUIRETLS: true, P: '3' })
})

test('what cannot be reported to a sender is told to postmaster, once', async () => {
  const postmaster = { local: 'postmaster', domain: 'example.net' }
  const make = reporter({ postmaster })
  const recipients = [about(), about({ event: 'delayed' })]
  const origin = { listener: '', peer: '', helo: '', protocol: 'local', kind: 'report' }
  const orphans: [Partial<SpooledMessage>, SpooledMessage['sender']][] = [
    [{ sender: null }, null],
    [{ sender: null }, ALICE],
    [{ sender: null, origin }, null],
    [{ origin }, ALICE],
  ]
  for (const [mail, to] of orphans) {
    const { draft, seen } = recordingDraft()
    const report = await make.compose(message(ORIGINAL, mail), to, recipients, () => draft)
    assert.equal(report?.record.sender, null)
    assert.deepEqual(report?.record.recipients, [{ address: postmaster, params: {} }])
    assert.match(seen.text(), /\r\nSubject: Undeliverable mail without a sender: Hello\r\n/)
    assert.equal(seen.text().match(/^Action: /gm)?.length, 1)
    assert.match(seen.text(), /You get this as postmaster/)

    // And that was the last word.
    const again = message(seen.text(), { sender: null, origin: report?.record.origin ?? origin })
    assert.equal(await make.compose(again, null, recipients, () => assert.fail('opened')), undefined)
  }
  const delayed = [about({ event: 'delayed' })]
  assert.equal(await make.compose(message('', { sender: null }), null, delayed, () => assert.fail('opened')), undefined)
  assert.equal(await make.compose(message(''), ALICE, [], () => assert.fail('opened')), undefined)
})

test("a list's owner is told, where there is one", async () => {
  const { draft } = recordingDraft()
  const owner = { local: 'list-owner', domain: 'example.org' }
  const report = await reporter().compose(message(ORIGINAL), owner, [about()], () => draft)
  assert.deepEqual(report?.record.recipients, [{ address: owner, params: {} }])
})

test('a message that cannot be read leaves no draft behind', async () => {
  const { draft, seen } = recordingDraft()
  const broken: Partial<SpooledMessage> = {
    // biome-ignore lint/correctness/useYield: it fails before it could.
    async *content() {
      throw new SpoolError('broken', 'disk gone')
    },
  }
  await assert.rejects(
    reporter().compose(message('', broken), ALICE, [about()], () => draft),
    SpoolError,
  )
  assert.equal(seen.aborted, true)
})

const READ = `
import email, email.policy, json, sys
report = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
text, status, original = report.iter_parts()
print(json.dumps({
  "type": report.get_content_type(), "kind": report.get_param("report-type"), "subject": report["Subject"],
  "to": report["To"].addresses[0].addr_spec, "date": report["Date"].datetime.isoformat(),
  "text": text.get_content(), "charset": text.get_content_charset(),
  "status": [[[name.lower(), value] for name, value in group.items()] for group in status.get_payload()],
  "original": original.get_content_type(), "inner": original.get_payload()[0]["Subject"],
  "defects": [repr(d) for part in report.walk() for d in part.defects],
}))`

test("Python's email package reads a report as it was meant", async (t) => {
  const python = spawnSync('python3', ['-c', 'import email.policy'])
  if (python.error !== undefined || python.status !== 0) return t.skip('python3 is not installed')
  const bjorn = { local: 'björn', domain: 'example.com' }
  const { whole } = await composed({
    text: 'Message-ID: <a@b>\r\nSubject: =?iso-8859-1?q?gr=FCn?=\r\n\r\n\xfc\r\n',
    recipients: [about(), about({ event: 'delayed', address: bjorn, last: { ...USER_UNKNOWN, status: '4.2.2' } })],
  })
  const run = spawnSync('python3', ['-c', READ], { input: Buffer.from(await inAscii(whole), 'latin1') })
  assert.equal(run.status, 0, run.stderr.toString())
  const read = JSON.parse(run.stdout.toString())
  assert.deepEqual(read.defects, [])
  assert.equal(read.type, 'multipart/report')
  assert.equal(read.kind, 'delivery-status')
  assert.equal(read.subject, 'Mail not delivered: grün')
  assert.equal(read.to, 'alice@example.org')
  assert.equal(read.date, '2025-11-24T07:00:00+00:00')
  assert.equal(read.charset, 'utf-8')
  assert.match(read.text, /^ {2}<björn@example\.com>$/m)
  assert.match(read.text, /^ {4}Subject: grün$/m)
  assert.equal(read.original, 'message/rfc822')
  assert.equal(read.inner, 'grün')
  assert.equal(read.status.length, 3)
  assert.deepEqual(Object.fromEntries(read.status[1]), {
    'final-recipient': 'rfc822; bob@example.com',
    action: 'failed',
    status: '5.1.1',
    'remote-mta': 'dns; mx.example.com',
    'diagnostic-code': 'smtp; 550 5.1.1 No such user here',
    'last-attempt-date': 'Mon, 24 Nov 2025 06:59:55 +0000',
  })
})
