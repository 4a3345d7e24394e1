import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { factsOf, outbound } from '../../test/doubles/outbound.ts'
import { read } from '../../test/doubles/relay-plans.ts'
import type { Reply } from '../mail/reply.ts'
import { type ConverterOptions, converter } from './converter.ts'
import type { ConversionTarget } from './extension.ts'
import type { Converted, RelayMail, Scope } from './relay-mail.ts'

const SEVEN: ConversionTarget = { encoding: '7bit', maxLine: 998, header: 'ascii' }
const EIGHT: ConversionTarget = { ...SEVEN, encoding: '8bit', header: 'raw' }

const PLAIN = 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n'
const LATIN = 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n'
const SIGNED = [
  'MIME-Version: 1.0',
  'Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: 8bit',
  '',
  '\xe9',
  '--b',
  'Content-Type: application/pgp-signature',
  '',
  'x',
  '--b--',
  '',
].join('\r\n')

const convert = async (
  text: string,
  target: ConversionTarget,
  more: Pick<RelayMail, 'origin'> = {},
  options: Partial<ConverterOptions> = {},
): Promise<Converted | Reply> => {
  await using scope = new AsyncDisposableStack()
  return converter({ signed: 'bounce', downgrade: 'never', ...options })(
    target,
    { ...outbound({ text }), ...more },
    scope,
  )
}

const textOf = async (made: Converted | Reply): Promise<string> => {
  assert.ok('content' in made, JSON.stringify(made))
  const text = await read(made)
  assert.deepEqual(made.facts, factsOf(text), 'the facts are those of the result')
  assert.equal(await read(made), text, 'it can be read again')
  return text
}

const said = (made: Converted | Reply): string => ('code' in made ? `${made.code} ${made.status}` : 'converted')

test('8-bit mail for a hop that takes seven bits', async () => {
  const text = await textOf(await convert(`${LATIN}\r\ncaf\xe9\r\n`, SEVEN))
  assert.equal(text, `${LATIN.replace('8bit', 'quoted-printable')}\r\ncaf=E9\r\n`)
})

test('binary mail for a hop that takes eight, or for one whose header alone is amiss', async () => {
  const binary =
    'MIME-Version: 1.0\r\nContent-Type: application/x; name=x\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\xff\r'
  for (const encoding of ['8bit', 'binary'] as const) {
    const text = await textOf(await convert(binary, { ...EIGHT, encoding }))
    assert.doesNotMatch(text, /\0|\r(?!\n)|binary/)
  }
})

test('what needs nothing stays as it is', async () => {
  const text = `${LATIN}\r\n\xe9\r\n`
  assert.equal(await textOf(await convert(text, EIGHT)), text)
})

describe('signed mail', () => {
  test('is given up, unless signatures may break', async () => {
    assert.equal(said(await convert(SIGNED, SEVEN)), '554 5.6.3')
    assert.match(await textOf(await convert(SIGNED, SEVEN, {}, { signed: 'convert' })), /\r\n\r\n=E9\r\n/)
  })
  test('within a report of ours is converted', async () => {
    const report = `MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${SIGNED}`
    assert.equal(said(await convert(report, SEVEN)), '554 5.6.3')
    assert.match(await textOf(await convert(report, SEVEN, { origin: 'report' })), /\r\n\r\n=E9\r\n/)
  })
})

describe('UTF-8 in header fields', () => {
  const text = `Subject: caf\xc3\xa9\r\n${PLAIN}\r\ntext\r\n`
  for (const [what, more, options, wanted] of [
    ['is refused', {}, {}, '554 5.6.9'],
    ["is refused also of others' mail", {}, { downgrade: 'msa' }, '554 5.6.9'],
    ['is refused also of our own users', { origin: 'submitted' }, {}, '554 5.6.9'],
    ['of our own users is encoded where that is wanted', { origin: 'submitted' }, { downgrade: 'msa' }, 'converted'],
    ['is encoded in reports of ours', { origin: 'report' }, {}, 'converted'],
  ] as const) {
    test(what, async () => {
      const made = await convert(text, SEVEN, more, options)
      assert.equal(said(made), wanted)
      if (wanted === 'converted') assert.match(await textOf(made), /^Subject: =\?utf-8\?[QB]\?[!-~]+\?=\r\n/i)
    })
  }
  test('in an address: there is nothing to encode it as', async () => {
    const made = await convert(
      `From: <caf\xc3\xa9@a.test>\r\n\r\nx\r\n`,
      SEVEN,
      { origin: 'submitted' },
      { downgrade: 'msa' },
    )
    assert.equal(said(made), '554 5.6.9')
  })
  test('in the trace: that is told where nothing else is to be told', async () => {
    const why = async (text: string) => {
      const made = await convert(text, { ...SEVEN, encoding: '8bit' })
      return 'code' in made ? made.lines.join(' ') : 'converted'
    }
    const trace = 'Received: from a by b for <caf\xc3\xa9@a.test>; x\r\nDelivered-To: caf\xc3\xa9@a.test\r\n'
    assert.equal(await why(`${trace}Subject: x\r\n\r\nx\r\n`), 'UTF-8 in the header, field Received')
    assert.equal(await why(`${trace}Subject: caf\xc3\xa9\r\n\r\nx\r\n`), 'UTF-8 in the header, field Subject')
    const within =
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Description: caf\xc3\xa9\r\n\r\nx\r\n'
    assert.equal(await why(`${trace}${within}`), 'UTF-8 in the header, field Content-Description')
  })
})

test('signatures that break are told', async () => {
  const dkim = 'DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; c=relaxed/relaxed; h=from; bh=x; b=y\r\n'
  const made = await convert(`${dkim}${LATIN}\r\n\xe9\r\n`, SEVEN)
  assert.ok('broken' in made)
  assert.deepEqual(made.broken, ['a.test'])
})

test('its file is let go with the scope, made or not', async () => {
  const deferred: (() => Promise<void>)[] = []
  const scope: Scope = { defer: (act) => void deferred.push(act) }
  await converter({ signed: 'bounce', downgrade: 'never' })(SEVEN, outbound(), scope)
  assert.equal(deferred.length, 1)
  for (const act of deferred) await act()
})

test('a report of ours is in the old types where the header must be ASCII, others keep what they are', async () => {
  const report = (
    types: readonly [string, string],
    status: string,
    header: string,
    labels: readonly [string, string],
  ) =>
    [
      'Content-Type: multipart/report; report-type=delivery-status;',
      ' boundary="=_b"',
      '',
      '--=_b',
      `Content-Type: message/${types[0]}delivery-status`,
      `Content-Transfer-Encoding: ${labels[0]}`,
      '',
      'Reporting-MTA: dns; x',
      '',
      `Final-Recipient: utf-8; ${status}`,
      'Action: failed',
      '',
      '--=_b',
      `Content-Type: message/${types[1]}`,
      `Content-Transfer-Encoding: ${labels[1]}`,
      '',
      header,
      '--=_b--',
      '',
    ].join('\r\n')
  const ours = report(['global-', 'global-headers'], 'j\xc3\xbc@x', 'Subject: \xc3\xbc', ['8bit', '8bit'])
  const ascii = report(['', 'global-headers'], 'j\\x{FC}@x', 'Subject: =C3=BC', ['7bit', 'quoted-printable'])
  const target = { ...EIGHT, header: 'ascii' } as const
  assert.equal(await textOf(await convert(ours, target, { origin: 'report' })), ascii)
  assert.equal(await textOf(await convert(ours, target)), ours)
  assert.equal(await textOf(await convert(ours, EIGHT, { origin: 'report' })), ours)
})

test('a full disk is no fault: the mail waits', async () => {
  // More parts than are kept in memory.
  const text = `Content-Type: multipart/mixed; boundary=b\r\n\r\n\xe9\r\n${'--b\r\n\r\n\r\n'.repeat(100)}`
  const full = (code: string) => () => ({
    write: () => Promise.reject(Object.assign(new Error('no room'), { code })),
    read: () => assert.fail('nothing was written'),
    [Symbol.asyncDispose]: async () => {},
  })
  assert.equal(said(await convert(text, SEVEN, {}, { scratch: full('ENOSPC'), inMemory: 10 })), '452 4.3.1')
  await assert.rejects(convert(text, SEVEN, {}, { scratch: full('EINVAL'), inMemory: 10 }), /no room/)
})

test('it says whether header fields and signatures were touched', async () => {
  const done = async (text: string, options: Partial<ConverterOptions> = {}) => {
    const made = await convert(text, SEVEN, {}, options)
    assert.ok('content' in made, JSON.stringify(made))
    return [made.headers, made.unsealed]
  }
  assert.deepEqual(await done(`${LATIN}\r\n\xe9\r\n`), [undefined, undefined])
  assert.deepEqual(await done(`${LATIN}Subject: \xe9\r\n\r\n\xe9\r\n`), [true, undefined])
  assert.deepEqual(await done(`${LATIN}Subject: ${'word '.repeat(300)}\r\n\r\nx\r\n`), [undefined, undefined])
  assert.deepEqual(await done(SIGNED, { signed: 'convert' }), [undefined, true])
})
