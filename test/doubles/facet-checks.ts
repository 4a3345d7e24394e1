import assert from 'node:assert/strict'
import { Refusal } from '../../src/mail/reply.ts'
import { readHeader } from '../../src/mime/fields.ts'
import { GreetedHop } from '../../src/smtp/client-hop.ts'
import type { Extension, Hop, ReportedMessage, ReportedRecipient, Session } from '../../src/smtp/extension.ts'
import { outbound } from './outbound.ts'

const message: ReportedMessage = {
  id: 'ID1',
  sender: { local: 'a', domain: 'example.org' },
  params: { RET: 'FULL', ENVID: 'QQ+2B1' },
  accepted: 0,
}

const recipient = (event: ReportedRecipient['event'], params: ReportedRecipient['params']): ReportedRecipient => ({
  address: { local: 'b', domain: 'example.test' },
  params,
  event,
  last: { code: 550, status: '5.1.1', lines: ['Unknown'], by: 'us', at: 0 },
})

/** A hop as it is after a client facet was told that it offers the extension. */
const offeredBy = ({ client }: Extension): Hop => {
  const ends = { peer: { address: '', port: 0 }, local: { address: '', port: 0 }, secured: undefined }
  const hop = new GreetedHop({ name: 'hop.test', channel: ends }, new Map(), 'none')
  const silence = () => Promise.reject(new Error('Nothing is to be said'))
  void client?.offered?.({ hop, command: silence, replaceChannel: silence }, [])
  return hop
}

/** Asked of nothing. */
const nobody = new Proxy({} as Session, { get: () => assert.fail('The session is not asked') })

const refusal = (code: number, status: string) => (error: unknown) =>
  error instanceof Refusal && error.reply.code === code && error.reply.status === status

/** What the facets of an extension must do that dialogues cannot show. By keyword. */
export const facetChecks: Readonly<Record<string, (extension: Extension) => void>> = {
  ENHANCEDSTATUSCODES(extension) {
    // Dialogues show code and status; this is about whether the status is taken out of the text.
    assert.equal(offeredBy(extension).givesStatuses, true)
  },
  BINARYMIME(extension) {
    // Lines that are too long are what dialogues have no room for (RFC 2045 2.8).
    const hop = offeredBy(extension)
    hop.encodings.add('8bit')
    const body = (length: number) => extension.client?.adds?.(outbound({ text: `\r\n${'x'.repeat(length)}\r\n` }), hop)
    assert.deepEqual([body(998), body(999)], [{}, { BODY: 'BINARYMIME' }])
  },
  CHECKPOINT({ client }) {
    // Whoever has a part of the mail is asked first; dialogues have one host.
    assert.equal(client?.goesOn?.(outbound()), true)
  },
  MTRK({ queue }) {
    // Copies for several recipients may not all be tracked, and those of a list never (RFC 3885 3.3).
    const given = { MTRK: 'x', ENVID: '1@a' }
    assert.deepEqual(queue?.expand?.(given, 'message', 'one'), given)
    assert.deepEqual(queue?.expand?.(given, 'message', 'many'), { ENVID: '1@a' })
    assert.deepEqual(queue?.expand?.(given, 'message', 'list'), { ENVID: '1@a' })
    assert.deepEqual(queue?.expand?.(given, 'recipient', 'many'), given)
  },
  DELIVERBY({ server, client, queue, report }) {
    // Dialogues take no time; mail that must be in time does, on its way in and in the queue.
    const end = (by: string, at: number) =>
      server?.atEnd?.(
        { header: readHeader(new Uint8Array()), facts: outbound().facts, at },
        { kind: 'MAIL', begun: 1000, sender: null, params: { BY: by, X: '1' }, recipients: [] },
        nobody,
      )
    assert.deepEqual(end('+60;rt', 3500), { params: { BY: '58;RT', X: '1' } })
    assert.deepEqual(end('0;N', 3000), { params: { BY: '-2;N', X: '1' } })
    assert.deepEqual(end('2;R', 2999), { params: { BY: '1;R', X: '1' } })
    assert.throws(() => end('2;R', 3000), refusal(554, '5.4.7'))
    const adds = (by: string, age: number) => {
      const mail = outbound({ params: { BY: by } })
      return client?.adds?.({ ...mail, now: mail.accepted + age }, offeredBy({ keyword: '', rfc: [] }))
    }
    assert.deepEqual([adds('120;R', 22_000), adds('5;NT', 5000)], [{ BY: '98;R' }, { BY: '0;NT' }])
    assert.throws(() => adds('5;R', 5000), refusal(554, '5.4.7'))
    const schedule = (by: string) => queue?.schedule?.({ sender: null, params: { BY: by }, recipients: [] }, 1000)
    assert.deepEqual(schedule('60;R'), { milestones: [{ at: 61_000, do: 'fail', status: '5.4.7' }] })
    assert.deepEqual(schedule('-1;N'), { milestones: [{ at: 0, do: 'warn', status: '4.4.7' }] })
    assert.deepEqual(queue?.schedule?.({ sender: null, params: {}, recipients: [] }, 1000), {})
    const given = { BY: '60;R', X: '1' }
    assert.deepEqual(queue?.expand?.(given, 'message', 'many'), given)
    assert.deepEqual(queue?.expand?.(given, 'message', 'list'), { X: '1' })
    assert.deepEqual(queue?.expand?.(given, 'recipient', 'list'), given)
    const late = { ...message, params: { BY: '90;N' }, accepted: Date.UTC(2026, 0, 1) }
    assert.deepEqual(report?.messageFields?.(late), [['Deliver-By-Date', 'Thu, 1 Jan 2026 00:01:30 +0000']])
    assert.deepEqual(report?.messageFields?.(message), [])
    assert.equal(report?.wants?.(recipient('relayed', { NOTIFY: 'FAILURE' }), late), 'must')
    assert.equal(report?.wants?.(recipient('relayed', {}), message), undefined)
    assert.equal(report?.wants?.(recipient('delivered', {}), late), undefined)
  },
  FUTURERELEASE({ report }) {
    const fields = (params: ReportedMessage['params']) => report?.messageFields?.({ ...message, params })
    assert.deepEqual(fields({ HOLDFOR: '60' }), [['Future-Release-Request', 'for;60']])
    const until = '2026-01-01T00:00:00.25+00:00'
    assert.deepEqual(fields({ HOLDUNTIL: until }), [['Future-Release-Request', `until;${until}`]])
    assert.deepEqual(fields({ HOLDUNTIL: 'some day' }), [])
  },
  'NO-SOLICITING'({ server, queue }) {
    // Dialogues have room for short headers only.
    const from = (classes: string) =>
      queue?.fromHeader?.(
        { sender: null, params: {}, recipients: [] },
        readHeader(Buffer.from(`Solicitation: ${classes}\r\n\r\n`)),
      ).params
    const longest = `a${'b'.repeat(999)}`
    assert.deepEqual([from(longest), from(`${longest}c`)], [{ SOLICIT: longest }, {}])
    const all = Array.from({ length: 30 }, (_, n) => `org.example:C${n}`)
    // Half a class would be another one (RFC 3865 2.6).
    const clause = server?.traceMark?.(nobody, { SOLICIT: all.join(',') })?.clause ?? ''
    assert.equal(clause, `(SOLICIT=${all.slice(0, clause.split(',').length).join(',')})`)
    assert.ok(clause.length > 150 && clause.length <= 190)
  },
  RRVS({ queue }) {
    const given = { RRVS: '2014-07-01T00:00:00Z', NOTIFY: 'NEVER' }
    for (const to of ['one', 'many', 'list'] as const) {
      assert.deepEqual(queue?.expand?.(given, 'recipient', to), { NOTIFY: 'NEVER' })
      assert.deepEqual(queue?.expand?.({ RET: 'FULL' }, 'message', to), { RET: 'FULL' })
    }
    const field = 'Require-Recipient-Valid-Since: b@example.test; 1 Jul 2014 02:00:00 +0200'
    const later = field.replace('Jul', 'Aug')
    const header = readHeader(Buffer.from(`${field}\r\n${later}\r\n${field.replace('b@', 'info@')}\r\n\r\n`))
    const recipients = ['b', 'c', 'info'].map((local) => ({ address: { local, domain: 'example.test' }, params: {} }))
    const [first, ...others] = recipients
    assert.deepEqual(queue?.fromHeader?.({ sender: null, params: {}, recipients }, header).recipients, [
      { ...first, params: { RRVS: '2014-07-01T00:00:00Z;C' } },
      ...others,
    ])
    // With the parameter the field is disregarded (RFC 7293 section 5).
    const said = { address: { local: 'b', domain: 'example.test' }, params: { RRVS: '2013-01-01T00:00:00Z;R' } }
    const kept = queue?.fromHeader?.({ sender: null, params: {}, recipients: [said] }, header)
    assert.deepEqual(kept?.recipients, [said])
  },
  REQUIRETLS({ params, report }) {
    // Whose parameter it is matters to the log alone: one that nobody owns is told of with every delivery.
    assert.deepEqual(
      params?.['MAIL']?.map(({ name, unsaid = false }) => [name, unsaid]),
      [
        ['REQUIRETLS', false],
        ['TLS-REQUIRED', true],
      ],
    )
    const about = (params: ReportedMessage['params']) => ({ ...message, params })
    const required = about({ REQUIRETLS: true, RET: 'FULL' })
    assert.equal(report?.returns?.(required, ['failed']), 'headers')
    assert.deepEqual(report?.envelope?.(required), { REQUIRETLS: true })
    assert.deepEqual(report?.headerFields?.(required), [])
    const optional = about({ 'TLS-REQUIRED': 'NO' })
    assert.equal(report?.returns?.(optional, ['failed']), undefined)
    assert.equal(report?.envelope?.(optional), undefined)
    assert.deepEqual(report?.headerFields?.(optional), [['TLS-Required', 'No']])
    assert.deepEqual(report?.headerFields?.(about({})), [])
    assert.deepEqual(report?.headerFields?.(about({ REQUIRETLS: true, 'TLS-REQUIRED': 'NO' })), [])
  },
  'MT-PRIORITY'({ server, queue, report }) {
    const urgently = { kind: 'MAIL', begun: 0, sender: null, params: { 'MT-PRIORITY': '1' }, recipients: [] }
    assert.throws(() => server?.onAnnounced?.(201, urgently, nobody), refusal(552, '5.7.16'))
    assert.doesNotThrow(() => server?.onAnnounced?.(200, urgently, nobody))
    assert.doesNotThrow(() => server?.onAnnounced?.(201, { ...urgently, params: {} }, nobody))
    const schedule = (priority?: string) => {
      const params = priority === undefined ? {} : { 'MT-PRIORITY': priority }
      return queue?.schedule?.({ sender: null, params, recipients: [] }, 0)
    }
    const urgent = { priority: 4, retry: { first: 60_000 }, lifetime: 3_600_000 }
    assert.deepEqual([schedule(), schedule('0'), schedule('1'), schedule('9')], [{}, {}, urgent, urgent])
    assert.deepEqual([schedule('-3'), schedule('-4'), schedule('-9')], [{}, { priority: -4 }, { priority: -4 }])
    // What a program of this machine writes into its header (RFC 6758 4.1, 4a).
    const from = (header: string, params = {}) =>
      queue?.fromHeader?.({ sender: null, params, recipients: [] }, readHeader(Buffer.from(`${header}\r\n\r\n`)))
        ?.params
    assert.deepEqual(from('MT-Priority: -3'), { 'MT-PRIORITY': '-3' })
    assert.deepEqual(from('MT-Priority: 3', { X: '1' }), { X: '1', 'MT-PRIORITY': '0' })
    assert.deepEqual(from('MT-Priority: -3', { 'MT-PRIORITY': '-1' }), { 'MT-PRIORITY': '-1' })
    assert.deepEqual(from('Importance: low'), {})
    for (const wrong of ['+3', '-0', '10', '', '-3 (', '-3 )', '-3 4', '-3)(', '--3']) {
      assert.deepEqual(from(`MT-Priority: ${wrong}`), { 'MT-PRIORITY': '0' }, wrong)
    }
    assert.deepEqual(from('MT-Priority: -3\r\nmt-priority: -3'), { 'MT-PRIORITY': '0' })
    assert.deepEqual(from('MT-Priority: (a (b) \\) c)\r\n -3 (low)'), { 'MT-PRIORITY': '-3' })
    assert.deepEqual(report?.envelope?.({ ...message, params: { 'MT-PRIORITY': '3' } }), { 'MT-PRIORITY': '3' })
    assert.equal(report?.envelope?.(message), undefined)
  },
  CONPERM({ report }) {
    const returned = (params: ReportedMessage['params'], ...events: ReportedRecipient['event'][]) =>
      report?.returns?.({ ...message, params }, events)
    assert.equal(returned({ CONPERM: true, RET: 'full' }, 'delivered'), 'always')
    assert.equal(returned({ CONPERM: true, RET: 'full' }, 'relayed'), undefined)
    assert.equal(returned({ CONPERM: true, RET: 'HDRS' }, 'delivered'), undefined)
    assert.equal(returned({ CONPERM: true }, 'delivered'), undefined)
    assert.equal(returned({ RET: 'FULL' }, 'delivered'), undefined)
  },
  XVERP({ queue }) {
    // Who is expanded from a recipient has its sender, and is not to get another.
    const given = { XVERP: true, RET: 'FULL' } as const
    for (const to of ['one', 'many', 'list'] as const) {
      assert.deepEqual(queue?.expand?.(given, 'message', to), { RET: 'FULL' })
      assert.deepEqual(queue?.expand?.({ NOTIFY: 'NEVER' }, 'recipient', to), { NOTIFY: 'NEVER' })
    }
  },
  DSN({ report, queue }) {
    const wants = (event: ReportedRecipient['event'], notify?: string) =>
      report?.wants?.(recipient(event, notify === undefined ? {} : { NOTIFY: notify }), message)
    // Absent is not the same as any value: RFC 3461 6.2 leaves it to the MTA.
    assert.equal(wants('failed'), undefined)
    assert.equal(wants('failed', 'NEVER'), 'never')
    assert.equal(wants('failed', 'SUCCESS'), 'no')
    assert.equal(wants('failed', 'success,failure'), 'yes')
    for (const event of ['delivered', 'relayed', 'expanded'] as const) assert.equal(wants(event, 'SUCCESS'), 'yes')
    assert.equal(wants('delayed', 'DELAY'), 'yes')
    assert.equal(wants('delayed', 'FAILURE'), 'no')
    // What the reader would refuse counts as absent.
    assert.equal(wants('failed', 'SOMETIMES'), undefined)
    const returns = (ret: string | undefined, ...events: ReportedRecipient['event'][]) =>
      report?.returns?.({ ...message, params: ret === undefined ? {} : { RET: ret } }, events)
    assert.equal(returns('FULL', 'failed'), 'full')
    assert.equal(returns('hdrs', 'failed'), 'headers')
    assert.equal(returns(undefined, 'failed'), undefined)
    // Reports without a failure never return the message (RFC 3461 6.2).
    assert.equal(returns('FULL', 'delivered'), undefined)
    assert.equal(returns('FULL', 'delayed', 'failed'), 'full')
    assert.deepEqual(report?.messageFields?.(message), [['Original-Envelope-Id', 'QQ+1']])
    assert.deepEqual(report?.messageFields?.({ ...message, params: {} }), [])
    const original = recipient('failed', { ORCPT: 'rfc822;A+2BB@There.test' })
    assert.deepEqual(report?.recipientFields?.(original, message), [['Original-Recipient', 'rfc822;A+B@There.test']])
    assert.deepEqual(report?.recipientFields?.(recipient('failed', {}), message), [])
    // In clear, whichever form of RFC 6533 it came in.
    const utf8 = recipient('failed', { ORCPT: 'utf-8;\\x{7528}户@there.test' })
    assert.deepEqual(report?.recipientFields?.(utf8, message), [['Original-Recipient', 'utf-8;用户@there.test']])
    const broken = recipient('failed', { ORCPT: 'utf-8;\\x{0D}\\x{0A}b' })
    assert.deepEqual(report?.recipientFields?.(broken, message), [['Original-Recipient', 'utf-8;\\x{0D}\\x{0A}b']])
    const given = { NOTIFY: 'SUCCESS,DELAY', ORCPT: 'rfc822;b', OTHER: true } as const
    assert.deepEqual(queue?.expand?.(given, 'recipient', 'one'), given)
    assert.deepEqual(queue?.expand?.(given, 'recipient', 'many'), { ...given, NOTIFY: 'DELAY' })
    assert.deepEqual(queue?.expand?.({ NOTIFY: 'SUCCESS' }, 'recipient', 'many'), { NOTIFY: 'NEVER' })
    assert.deepEqual(queue?.expand?.(given, 'recipient', 'list'), { OTHER: true })
    assert.deepEqual(queue?.expand?.(message.params, 'message', 'many'), message.params)
    assert.deepEqual(queue?.expand?.({ ...message.params, OTHER: true }, 'message', 'list'), { OTHER: true })
  },
}
