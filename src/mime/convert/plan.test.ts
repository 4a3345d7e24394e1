import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import { checkResult, convert as convertOctets } from '../../../test/doubles/conversion-checks.ts'
import { converted } from './converted.ts'
import { type PlanOptions, planConversion } from './plan.ts'
import type { ConversionRules, PartFate } from './rules.ts'
import { ScratchFile } from './scratch-file.ts'

const RULES: ConversionRules = {
  encoding: '7bit',
  maxLine: 998,
  header: 'ascii',
  signed: 'bounce',
  utf8Headers: 'refuse',
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets
}

/** From text with LF line ends, and to it; one character per octet. A refusal as its status and reason. */
const convert = async (
  text: string,
  rules: Partial<ConversionRules> = {},
  options: PlanOptions = {},
): Promise<string> => {
  const message = Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')
  const plan = await planConversion(once(message), { ...RULES, ...rules }, options)
  if ('status' in plan) return `${plan.status} ${plan.why}`
  const octets = await Array.fromAsync(converted(once(message), plan))
  return Buffer.concat(octets).toString('latin1').replaceAll('\r\n', '\n')
}

const fates = async (text: string, rules: Partial<ConversionRules> = {}): Promise<string[]> => {
  const told: PartFate[] = []
  await convert(text, rules, { onPart: (part) => told.push(part) })
  return told.map(
    ({ depth, type, place, encoding, label, fate, why, fields }) =>
      `${depth} ${place} ${type}: ${encoding}${label === undefined ? '' : `->${label}`} ${fate}` +
      `${why === undefined ? '' : ` for ${why}`}${fields.length > 0 ? `, header: ${fields}` : ''}`,
  )
}

const changes = async (text: string, rules: Partial<ConversionRules> = {}): Promise<boolean> => {
  const plan = await planConversion(once(Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')), { ...RULES, ...rules })
  assert('tape' in plan)
  return plan.changes
}

const broken = async (text: string): Promise<readonly string[]> => {
  const plan = await planConversion(once(Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')), RULES)
  assert('tape' in plan)
  return plan.broken
}

const text = (label: string, body: string) =>
  `Content-Type: text/plain; charset=x\nContent-Transfer-Encoding: ${label}\n\n${body}`
const qp = (body: string) => text('quoted-printable', body)
const mixed = (...parts: string[]) =>
  `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n${parts.map((part) => `--b\n${part}\n`).join('')}--b--\n`

describe('bodies', () => {
  test('mail that is no MIME gets its label at the end of the header (RFC 1428)', async () => {
    assert.equal(
      await convert('Subject: x\n\ncaf\xe9\n'),
      'Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9\n',
    )
    assert.equal(
      await convert(`\n${'x'.repeat(999)}\n`),
      `MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: quoted-printable\n\n${'x'.repeat(999).replace(/.{75}/g, '$&=\n')}\n`,
    )
  })

  test('what is labelled keeps its type, what is a body part needs no version', async () => {
    assert.equal(
      await convert(`MIME-Version: 1.0\n${text('8bit', '\xe9t\xe9 a\n')}`),
      `MIME-Version: 1.0\n${qp('=E9t=E9 a\n')}`,
    )
    assert.equal(
      await convert(text('8bit', '\xe9 abc\n')),
      `${text('quoted-printable', '').slice(0, -1)}MIME-Version: 1.0\n\n=E9 abc\n`,
    )
    assert.equal(
      await convert(mixed('\nabc\xe9', `\n${'x'.repeat(999)}`)),
      mixed(
        'Content-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\nabc=E9',
        `Content-Transfer-Encoding: quoted-printable\n\n${'x'.repeat(999).replace(/.{75}/g, '$&=\n')}`,
      ),
    )
  })

  test('text is quoted-printable unless most of it is not ASCII, other things are what is shorter', async () => {
    const as = async (type: string, body: string) =>
      /Encoding: (.*)\n/.exec(await convert(mixed(`Content-Type: ${type}\n\n${body}`)))?.[1]
    assert.equal(await as('text/plain', '\xe9\xe9aa'), 'quoted-printable')
    assert.equal(await as('text/plain', '\xe9\xe9\xe9aa'), 'base64')
    assert.equal(await as('text/plain', '\xe9'), 'quoted-printable')
    assert.equal(await as('application/x', `\xe9${'a'.repeat(60)}`), 'quoted-printable')
    assert.equal(await as('application/x', `\xe9\0${'\n'.repeat(20)}`), 'base64')
    assert.equal(await as('image/svg+xml', `\xe9${'a'.repeat(60)}`), 'quoted-printable')
  })

  test('line ends are octets in what is no text, the last of a message too', async () => {
    const type = 'Content-Type: application/x\n'
    assert.equal(
      await convert(mixed(`${type}\n\xe9${'a'.repeat(20)}\nb`)),
      mixed(`${type}Content-Transfer-Encoding: quoted-printable\n\n=E9${'a'.repeat(20)}=0D=0Ab`),
    )
    const head = `MIME-Version: 1.0\n${type}`
    assert.equal(
      await convert(`${head}\n\xe9${'a'.repeat(40)}\n`),
      `${head}Content-Transfer-Encoding: quoted-printable\n\n=E9${'a'.repeat(40)}=0D=0A=\n`,
    )
    // Its last line is full before the break.
    assert.equal(
      await convert(`${head}\n\xe9${'a'.repeat(73)}`),
      `${head}Content-Transfer-Encoding: quoted-printable\n\n=E9${'a'.repeat(72)}=\n=61=\n`,
    )
    assert.equal(
      await convert(`${head}\n\xe9${'a'.repeat(67)}\n`),
      `${head}Content-Transfer-Encoding: quoted-printable\n\n=E9${'a'.repeat(67)}=0D=\n=0A=\n`,
    )
  })

  test('where the delimiter that ought to follow is missing, what is no text is base64', async () => {
    const cut = (label: string, body: string) =>
      `Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/x\n${label}\n${body}`
    const body = `\xe9${'a'.repeat(40)}`
    const encoded = Buffer.from(body, 'latin1').toString('base64')
    assert.equal(await convert(cut('', body)), cut('Content-Transfer-Encoding: base64\n', `${encoded}\n`))
  })

  test('base64 needs no line end before a delimiter, and has one at the end', async () => {
    const part = (label: string, body: string) =>
      `Content-Type: image/x\nContent-Transfer-Encoding: ${label}\n\n${body}`
    for (const size of [2, 56, 57, 58, 114]) {
      const lines = Buffer.alloc(size, 0xe9)
        .toString('base64')
        .replace(/.{76}(?!$)/g, '$&\n')
      assert.equal(await convert(mixed(part('8bit', '\xe9'.repeat(size)))), mixed(part('base64', lines)))
      assert.equal(
        await convert(`MIME-Version: 1.0\n${part('8bit', '\xe9'.repeat(size))}`),
        `MIME-Version: 1.0\n${part('base64', `${lines}\n`)}`,
      )
    }
    const long = Buffer.alloc(800, 'x').toString('base64')
    assert.equal(await convert(mixed(part('base64', long))), mixed(part('base64', long.replace(/.{76}(?!$)/g, '$&\n'))))
  })

  test('what is encoded is never encoded again', async () => {
    assert.equal(await convert(mixed(qp('=E9 \xe9 = 3D=3D'))), mixed(qp('=E9 =E9 =3D 3D=3D')))
    assert.equal(
      await convert(mixed(text('base64', 'QUJ\rDQ==\0'))),
      '5.6.3 A body in base64 with NUL, and with what is not base64',
    )
    assert.equal(await convert(mixed(text('base64', 'QUJD\nR\rEVG'))), mixed(text('base64', 'QUJDREVG')))
    assert.equal(await convert(mixed(text('x-uuencode', '\xe9'))), '5.6.3 A body in x-uuencode with octets above 127')
    assert.equal(
      await convert(mixed(text('x-uuencode', 'abc'), text('8bit', '\xe9 abc'))),
      mixed(text('x-uuencode', 'abc'), qp('=E9 abc')),
    )
  })

  test('two encodings: those that are none become one, others are a reason to refuse', async () => {
    const two = (one: string, other: string, body: string) =>
      mixed(`${text(one, '').slice(0, -1)}X: y\nContent-Transfer-Encoding: ${other}\n\n${body}`)
    assert.equal(await convert(two('7bit', '8bit', '\xe9 abc')), mixed(`${qp('').slice(0, -1)}X: y\n\n=E9 abc`))
    assert.equal(
      await convert(two('8bit', 'base64', '\xe9')),
      '5.6.3 A body with octets above 127, and with two encodings that differ',
    )
    assert.equal(await convert(two('8bit', 'base64', 'abc')), two('8bit', 'base64', 'abc'))
  })

  test('only leaves are encoded, and some must not be', async () => {
    for (const type of ['message/partial; id=x', 'message/external-body; access-type=x']) {
      assert.match(
        await convert(mixed(`Content-Type: ${type}\n\n\xe9`)),
        /^5\.6\.3 A message\/\S+ part, which must not be encoded, with octets above 127$/,
      )
    }
    const within = `Subject: x\n${text('8bit', '\xe9 abc')}`
    assert.equal(
      await convert(
        mixed(`Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nMIME-Version: 1.0\n${within}`),
      ),
      mixed(
        `Content-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nMIME-Version: 1.0\nSubject: x\n${qp('=E9 abc')}`,
      ),
    )
    const deep = `Content-Type: message/rfc822\n\n`.repeat(101)
    assert.equal(
      await convert(`${deep}\n\xe9`),
      '5.6.3 A message/rfc822 part, too deep inside the message, with octets above 127',
    )
    assert.equal(await convert(`${deep}\nabc`), `${deep}\nabc`)
  })
})

describe('between parts', () => {
  test('preamble and epilogue are escaped where they have to be, each for itself', async () => {
    const message = (preamble: string, epilogue: string) =>
      `Content-Type: multipart/mixed; boundary=b\n\n${preamble}\n--b\n\na\n--b--\n${epilogue}`
    assert.equal(await convert(message('\xe9 = x\n', 'y = z')), message('=E9 =3D x\n', 'y = z'))
    assert.equal(await convert(message('y = z', '\xe9 = --b\n--b')), message('y = z', '=E9 =3D --b\n=2D-b'))
  })

  test('a multipart without any part is all body', async () => {
    const head = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n'
    assert.equal(
      await convert(`${head}\n--c\n\xe9 =\n`),
      `${head}Content-Transfer-Encoding: quoted-printable\n\n=2D-c\n=E9 =3D\n`,
    )
    assert.equal(
      await convert(`${head}Content-Transfer-Encoding: base64\n\n${'QUJD'.repeat(250)}`),
      `${head}Content-Transfer-Encoding: base64\n\n${'QUJD'.repeat(250).replace(/.{76}/g, '$&\n')}\n`,
    )
    // With parts, the label is a lie, and none of ours.
    assert.equal(
      await convert(`${head}Content-Transfer-Encoding: base64\n\n\xe9 =\n--b--\n`),
      `${head}Content-Transfer-Encoding: base64\n\n=E9 =3D\n--b--\n`,
    )
  })

  test('a delimiter loses white space that makes it too long, and is refused if that is not enough', async () => {
    const message = (boundary: string, padding: string) =>
      `Content-Type: multipart/mixed; boundary="${boundary}"\n\n--${boundary}${padding}\n\na\n--${boundary}--\n`
    assert.equal(await convert(message('b', ' '.repeat(1000))), message('b', ''))
    assert.equal(await convert(message('b', ' '.repeat(900))), message('b', ' '.repeat(900)))
    assert.equal(
      await convert(message('b c'.repeat(200), ''), { maxLine: 500 }),
      '5.6.3 A delimiter between parts with lines longer than 500',
    )
    assert.match(
      await convert(message('\xe9', ''), { header: 'raw' }),
      /^5\.6\.3 A delimiter between parts with octets above 127$/,
    )
  })
})

describe('labels', () => {
  test('that say 8bit of what is 7bit are mended only when something else is', async () => {
    const label = (one: string, inner: string, body: string) =>
      `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: ${one}\n\n--b\n${text(inner, 'abc')}\n--b\n${body}\n--b--\n`
    const clean = label('8bit', 'binary', text('7bit', 'abc'))
    assert.equal(await convert(clean), clean)
    assert.equal(await convert(label('8bit', 'binary', text('8bit', '\xe9 abc'))), label('7bit', '7bit', qp('=E9 abc')))
    const nul = label('binary', 'binary', text('binary', '\xe9\0 abc'))
    assert.equal(await convert(nul, { encoding: '8bit' }), label('8bit', '7bit', qp('=E9=00 abc')))
    const eight = label('8bit', '8bit', text('binary', '\xe9\0 abc'))
    assert.equal(await convert(eight, { encoding: '8bit' }), label('8bit', '8bit', qp('=E9=00 abc')))
  })
})

describe('signed and encrypted', () => {
  const signed = (type: string, ...parts: string[]) =>
    `Content-Type: ${type}; boundary=s\n\n\xe9\n${parts.map((part) => `--s\n${part}\n`).join('')}--s--`
  const REFUSED = '5.6.3 Something signed or encrypted would have to be changed for octets above 127'

  test('are not changed, not even in their labels, unless that is wanted', async () => {
    for (const type of ['multipart/signed', 'multipart/encrypted']) {
      assert.equal(await convert(mixed(signed(type, text('8bit', '\xe9 abc')))), REFUSED)
      assert.equal(await convert(mixed(signed(type, mixed(text('8bit', '\xe9 abc'))))), REFUSED)
      // Its own preamble is none of what is signed.
      const kept = mixed(signed(type, text('8bit', 'abc')), text('8bit', '\xe9 abc'))
      assert.equal(
        await convert(kept),
        mixed(signed(type, text('8bit', 'abc')), qp('=E9 abc')).replace('\xe9\n', '=E9\n'),
      )
      assert.equal(
        await convert(mixed(signed(type, text('8bit', '\xe9 abc'))), { signed: 'convert' }),
        mixed(signed(type, qp('=E9 abc'))).replace('\xe9\n', '=E9\n'),
      )
    }
    assert.equal(await convert(mixed('Content-Type: application/pkcs7-mime\n\n\xe9')), REFUSED)
    assert.equal(
      await convert(mixed(signed('multipart/signed', 'Subject: \xe9\n\nabc'))),
      '5.6.3 Something signed or encrypted would have to be changed for its header',
    )
  })

  test('domains whose DKIM signatures a change breaks are told', async () => {
    const signature = (domain: string, fields: string, how: string) =>
      `DKIM-Signature: v=1; d=${domain};\n\tc=${how}; h=From:${fields}; b=\n`
    const message = (body: string, extra = '') =>
      `${signature('a.test', 'Subject', 'relaxed/simple')}${signature('B.test', 'to', 'simple')}${signature('a.test', 'to', 'simple')}From: x\n${extra}\n${body}\n`
    assert.deepEqual(await broken(message('abc')), [])
    assert.deepEqual(await broken(message('\xe9 abc')), ['a.test', 'b.test'])
    assert.deepEqual(await broken(message('abc', 'Subject: \xe9\n')), ['a.test'])
    assert.deepEqual(await broken(message('abc', 'X: \xe9\n')), [])
    const long = `${'<a@b>, '.repeat(200)}<c@d>\n`
    assert.deepEqual(await broken(message('abc', `To: ${long}`)), ['b.test', 'a.test'])
    assert.deepEqual(await broken(message('abc', `Subject: ${long}`)), [])
  })
})

describe('what is told of the parts', () => {
  test('is each with its fate, the outer ones first', async () => {
    const message = `Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\nSubject: \xe9\n\n\xe9\n--b\n${text('8bit', '\xe9 abc')}\n--b\n${text('7bit', 'abc')}\n--b--\n\xe9`
    assert.deepEqual(await fates(message), [
      '0 part multipart/mixed: 8bit->7bit kept, header: Subject',
      '0 preamble multipart/mixed: 8bit quoted for octets above 127',
      '1 part text/plain: 8bit->quoted-printable quoted-printable for octets above 127',
      '1 part text/plain: 7bit kept',
      '0 epilogue multipart/mixed: 8bit quoted for octets above 127',
    ])
  })

  test('a reason repeats nothing of the message that could do harm', async () => {
    assert.equal(await convert(mixed(text('x\x1b[1m\xe9', '\xe9'))), '5.6.3 A body in x?[1m? with octets above 127')
  })

  test('ends with the one for which a message is refused', async () => {
    assert.deepEqual(await fates(mixed(text('x-y', '\xe9'), text('8bit', '\xe9'))), [
      '0 part multipart/mixed:  kept',
      '1 part text/plain: x-y refused for A body in x-y with octets above 127',
    ])
    assert.deepEqual(await fates('To: \xe9@x\n\n'), ['0 part :  refused for An address in the header is not ASCII'])
  })
})

describe('a message that breaks off', () => {
  test('in its header keeps its labels, and its facts say so', async () => {
    for (const end of [
      'Content-Transfer-Encoding: 8bit',
      'X: y',
      'X: y\r\n',
      'Content-Transfer-Encoding: 8bit\r\nX: y',
      '',
    ]) {
      const message = Buffer.from(`Subject: \xe9\r\n${end}`, 'latin1')
      const result = await convertOctets(message, RULES)
      assert('octets' in result)
      assert.equal(result.octets.toString('latin1'), `Subject: =?unknown-8bit?Q?=E9?=\r\n${end}`)
      checkResult(message, result, RULES)
    }
  })
})

describe('very long things', () => {
  test('a multipart whose boundary stands where nobody looks any more is not taken for one without', async () => {
    const why = '5.6.3 A multipart/mixed part with a Content-Type too long to be read, with octets above 127'
    for (const parameters of [';\n a=b'.repeat(1000), `;\n ${'x'.repeat(900)}=y`.repeat(75)]) {
      const message = (text: string) =>
        `Content-Type: multipart/mixed${parameters}; boundary=b\n\n--b\n\n${text}\n--b--\n`
      assert.equal(await convert(message('\xe9')), why)
      // What stands there may be header fields.
      assert.equal(await convert(message('\xe9'), { encoding: '8bit', header: 'ascii' }), why)
      assert.equal(await changes(message('\xe9'), { encoding: '8bit', header: 'raw' }), false)
      assert.equal(await changes(message('e')), false)
    }
  })

  test('a field of more than 64 KiB is folded, and refused only when its octets must change', async () => {
    const to = `To: ${'<somebody@example.test>, '.repeat(4000)}<c@d>`
    const result = await convert(`${to}\n\nabc`)
    assert.equal(result.replaceAll('\n ', ' '), `${to}\n\nabc`)
    assert.ok(result.split('\n').every((line) => line.length <= 78))
    const anyLine = { maxLine: Number.POSITIVE_INFINITY }
    assert.equal(
      await convert(`${to}\n\na\0`, anyLine),
      `${to}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: quoted-printable\n\na=00`,
    )
    const folded = `To: ${'<somebody@example.test>,\n '.repeat(4000)}<c@d>\n\nabc`
    assert.equal(await changes(folded), false)
    assert.equal(await changes(`${to}\n\nabc`), true)
    assert.equal(
      await convert(`X: ${'\xe9 '.repeat(40_000)}\n\nabc`),
      '5.6.3 A header field of more than 65536 octets would have to be encoded',
    )
    const label = `Content-Transfer-Encoding: 8bit (${'c '.repeat(40_000)})\n`
    assert.equal(
      await convert(`MIME-Version: 1.0\nContent-Type: text/x\n${label}X: y\n\n\xe9 abc\n`),
      'MIME-Version: 1.0\nContent-Type: text/x\nContent-Transfer-Encoding: quoted-printable\nX: y\n\n=E9 abc\n',
    )
  })

  test('decisions that are too many for memory go elsewhere, and come back', async () => {
    await using scratch = new ScratchFile(tmpdir())
    const parts = Array.from({ length: 30_000 }, (_, index) => (index % 3 === 0 ? '\n\xe9bc' : ''))
    const message = `Content-Type: multipart/mixed; boundary=b\n\n${parts.map((part) => `--b\n${part}`).join('\n')}\n--b--`
    const added = 'Content-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\n=E9bc'
    assert.equal(await convert(message, {}, { scratch, inMemory: 1000 }), message.replaceAll('\n\xe9bc', added))
    assert.ok((await scratch.read(0, 20_000)).length > 0)
  })

  test('content that is not what was planned is noticed', async () => {
    const [one, other] = ['Subject: x\r\n\r\n\xe9\r\n', 'Subject: x\r\n\r\n\xe9\xe9\r\n'].map((all) =>
      Buffer.from(all, 'latin1'),
    )
    assert(one && other)
    const plan = await planConversion(once(one), RULES)
    assert('tape' in plan)
    await assert.rejects(Array.fromAsync(converted(once(other), plan)), /octets were planned/)
    const many = Buffer.from('Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n')
    await assert.rejects(Array.fromAsync(converted(once(many), plan)), /more parts/)
  })
})
