import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspector } from '../mime/inspect.ts'
import { converter } from '../smtp/converter.ts'
import type { ConversionTarget } from '../smtp/extension.ts'
import { mail } from '../transports/contract-mail.ts'
import { createReporter } from './report.ts'

const HEAD = 'From: a@else.test\r\nSubject: s\r\nMIME-Version: 1.0\r\n'
const TEXT = `${HEAD}Content-Type: text/plain; charset=utf-8\r\n`
const deep = (levels: number) =>
  `${HEAD}${'Content-Type: message/rfc822\r\n\r\nSubject: s\r\n'.repeat(levels)}Content-Type: text/plain\r\n\r\n\xc3\xbc\r\n`

const reportOn = async (text: string): Promise<Buffer> => {
  const reporter = createReporter({
    hostname: 'mx.test',
    extensions: [],
    clock: { now: () => 1_767_225_600_000 },
    postmaster: { local: 'postmaster', domain: '' },
  })
  const written: Uint8Array[] = []
  const draft = {
    id: 'NEW1',
    octets: 0,
    write: async (chunk: Uint8Array) => void written.push(Buffer.from(chunk)),
    async *body() {},
    commit: async () => {},
    abort: async () => {},
  }
  const message = mail([text])
  const last = { code: 554, status: '5.6.3', lines: ['No'], by: 'us', at: 1_767_225_600_000 } as const
  const recipients = [{ address: { local: 'b', domain: 'there.test' }, params: {}, event: 'failed', last }] as const
  await reporter.compose(message, message.sender, recipients, () => draft)
  return Buffer.concat(written)
}

const TARGETS: readonly ConversionTarget[] = [
  { encoding: '7bit', maxLine: 998, header: 'ascii' },
  { encoding: '8bit', maxLine: 998, header: 'ascii' },
  { encoding: '8bit', maxLine: 998, header: 'raw' },
]

/** For every kind of hop: a report that cannot be sent is lost. */
const goesAnywhere = async (report: Buffer): Promise<void> => {
  const inspection = inspector({ maxHeader: 65_536 })
  inspection.write(report)
  const { facts } = inspection.end()
  async function* content() {
    yield report
  }
  for (const target of TARGETS) {
    await using scope = new AsyncDisposableStack()
    const convert = converter({ signed: 'bounce', downgrade: 'never' })
    const made = await convert(target, { id: 'NEW1', facts, origin: 'report', content }, scope)
    assert.ok('content' in made, JSON.stringify(made))
    for await (const _ of made.content()) void _
  }
}

const HEADER_ONLY: Readonly<Record<string, string>> = {
  'an unknown encoding of raw octets': `${TEXT}Content-Transfer-Encoding: x-uuencode\r\n\r\n\xc3\xbc\r\n`,
  'an 8-bit message/partial': `${HEAD}Content-Type: message/partial; id=x; number=1\r\n\r\n\xc3\xbc\r\n`,
  'an 8-bit message/external-body': `${HEAD}Content-Type: message/external-body; access-type=x\r\n\r\n\xc3\xbc\r\n`,
  'what is too deep inside a report only': deep(99),
  'raw octets in base64': `${TEXT}Content-Transfer-Encoding: base64\r\n\r\nw7w=\r\n\xc3\xbc\r\n`,
}

for (const [what, text] of Object.entries(HEADER_ONLY)) {
  test(`a report about mail that no hop can be sent has its header only: ${what}`, async () => {
    const report = await reportOn(text)
    const third = report.toString('latin1').split('\r\n--=_').at(-2) ?? ''
    assert.match(third, /^[^\r]+\r\nContent-Type: text\/rfc822-headers\r\n/)
    assert.match(third, /\r\nSubject: s\r\n|\r\nFrom: /)
    assert.doesNotMatch(report.toString('latin1'), /[\x80-\xff]/)
    await goesAnywhere(report)
  })
}

const WHOLE: Readonly<Record<string, string>> = {
  'UTF-8 text': `${TEXT}Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xbc\r\n`,
  'UTF-8 in the Subject': `From: a@else.test\r\nSubject: \xc3\xbc\r\n\r\nx\r\n`,
  'something signed': `${HEAD}Content-Type: multipart/signed; boundary=b; protocol=x\r\n\r\n--b\r\n\r\n\xc3\xbc\r\n--b\r\n\r\nx\r\n--b--\r\n`,
  'a UTF-8 address in From': `From: <j\xc3\xbcrgen@else.test>\r\nSubject: s\r\n\r\nx\r\n`,
  'a UTF-8 address in To': `From: a@else.test\r\nTo: J <j\xc3\xbcrgen@else.test>\r\n\r\nx\r\n`,
  'a boundary that is not ASCII': `${HEAD}Content-Type: multipart/mixed; boundary="\xc3\xbc"\r\n\r\n--\xc3\xbc\r\n\r\nx\r\n--\xc3\xbc--\r\n`,
  'what is deep, but not too deep': deep(90),
  // What is so deep may be header fields: it is taken for a message/global, which is encoded as a whole.
  'what is 110 levels deep': deep(110),
  'the deepest of ASCII': deep(110).replace('\xc3\xbc', 'u'),
}

for (const [what, text] of Object.entries(WHOLE)) {
  test(`a report returns all of what can be converted: ${what}`, async () => {
    const report = await reportOn(text)
    assert.ok(report.toString('latin1').includes(text), 'octet by octet')
    await goesAnywhere(report)
  })
}
