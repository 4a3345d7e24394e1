import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { reply } from '../mail/reply.ts'
import { silentLog } from '../observe/log.ts'
import type { ConversionTarget } from '../smtp/extension.ts'
import type { Convert, Convertible } from '../smtp/relay-mail.ts'
import type { SpooledMessage } from '../spool/spool.ts'
import { mail } from './contract-mail.ts'
import { asText } from './local-text.ts'

const HEADER = 'Subject: x\r\n\r\n'
const never = new AbortController().signal
const scope = new AsyncDisposableStack()

const read = async (content: AsyncIterable<Uint8Array>): Promise<string> => {
  const parts: Uint8Array[] = []
  for await (const part of content) parts.push(Buffer.from(part))
  return Buffer.concat(parts).toString('latin1')
}

/** Makes a dash of what a mailbox cannot keep, and remembers what it was asked. */
const dashes = (asked: [ConversionTarget, Convertible][] = []): Convert => {
  return async (to, given) => {
    asked.push([to, given])
    const text = (await read(given.content())).replace(/\0|\r(?!\n)|(?<!\r)\n/g, '-')
    return { facts: given.facts, broken: ['a.test'], content: () => mail([text]).content() }
  }
}

const textOf = async (message: SpooledMessage, convert?: Convert): Promise<string> => {
  const made = await asText(message, { name: 'local', log: silentLog, ...(convert ? { convert } : {}) }, never, scope)
  assert.ok('content' in made, JSON.stringify(made))
  return read(made.content())
}

for (const [what, body] of [
  ['plain text', 'x\r\n'],
  ['octets above 127', '\xc3\xa9\xe9\xff\r\n'],
  ['lines of any length', `${'x'.repeat(100_000)}\r\n`],
  ['a last line without its end', 'x'],
] as const) {
  test(`${what}: nothing is converted`, async () => {
    const unused: Convert = () => assert.fail('converted')
    assert.equal(await textOf(mail([`${HEADER}${body}`]), unused), `${HEADER}${body}`)
    assert.equal(await textOf(mail([`Subject: \xe9\r\n\r\n${body}`]), unused), `Subject: \xe9\r\n\r\n${body}`)
  })
}

for (const [what, octet] of [
  ['NUL', '\0'],
  ['a CR alone', '\r'],
  ['an LF alone', '\n'],
] as const) {
  test(`${what}: to 8bit, with lines and header fields as they are`, async () => {
    const asked: [ConversionTarget, Convertible][] = []
    assert.equal(await textOf(mail([HEADER, `a${octet}b\r\n`]), dashes(asked)), `${HEADER}a-b\r\n`)
    assert.deepEqual(
      asked.map(([to]) => to),
      [{ encoding: '8bit', maxLine: Number.POSITIVE_INFINITY, header: 'raw' }],
    )
  })
}

test('facts are those of the whole, with what we wrote on top', async () => {
  const asked: [ConversionTarget, Convertible][] = []
  const top = 'Received: y\r\n'
  const body = mail([HEADER, 'a\0b\r\n'])
  const message = {
    ...body,
    octets: body.octets + top.length,
    content: () => mail([top, HEADER, 'a\0b\r\n']).content(),
  }
  assert.equal(await textOf(message, dashes(asked)), `${top}${HEADER}a-b\r\n`)
  const { facts } = asked[0]?.[1] ?? assert.fail()
  assert.deepEqual([facts.octets, facts.headerOctets], [message.octets, top.length + HEADER.length])
})

test('a user of ours, a program of ours, or somebody else wrote it', async () => {
  const from = async (origin: Partial<SpooledMessage['origin']>) => {
    const asked: [ConversionTarget, Convertible][] = []
    const message = mail([HEADER, '\0'])
    await textOf({ ...message, origin: { ...message.origin, ...origin } }, dashes(asked))
    return asked[0]?.[1].origin
  }
  assert.equal(await from({}), undefined)
  assert.equal(await from({ submitted: true }), 'submitted')
  assert.equal(await from({ kind: 'report' }), 'report')
  assert.equal(await from({ kind: 'double-bounce', submitted: true }), 'report')
})

test('without a converter, or where it cannot be done: 5.6.3', async () => {
  const message = mail([HEADER, 'a\0b\r\n'])
  const alone = await asText(message, { name: 'local', log: silentLog }, never, scope)
  assert.ok('code' in alone)
  assert.deepEqual([alone.code, alone.status], [554, '5.6.3'])
  const cannot: Convert = () => reply(554, '5.6.3', 'It is signed')
  const said = await asText(message, { name: 'local', log: silentLog, convert: cannot }, never, scope)
  assert.deepEqual(said, reply(554, '5.6.3', 'It is signed'))
})

test('a conversion is logged, with the signatures it breaks', async () => {
  const log = keptLog()
  await asText(mail([HEADER, '\0']), { name: 'local', log, convert: dashes() }, never, scope)
  assert.deepEqual(log.named('converted'), [
    { id: '01K0000000AA001', transport: 'local', to: '8bit', 'broken-signatures': ['a.test'] },
  ])
})

test('it ends when it is told to', async () => {
  const control = new AbortController()
  const message = {
    ...mail([HEADER, '\0']),
    async *content() {
      yield Buffer.from(HEADER)
      control.abort()
      yield Buffer.from('\0')
    },
  }
  const making = asText(message, { name: 'local', log: silentLog, convert: dashes() }, control.signal, scope)
  await assert.rejects(making, (error) => error === control.signal.reason)
})
