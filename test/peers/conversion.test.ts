import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { createServer, extensions, type Sink } from '../../src/index.ts'
import { handTo } from './client.ts'
import { startExim } from './exim.ts'
import { lacking } from './installed.ts'
import { leavesOf } from './leaves.ts'
import { mailIn, mailWith, withoutTrace } from './maildir.ts'
import { pairForTests } from './pair.ts'
import type { StartPeer } from './peer.ts'
import { startPostfix } from './postfix.ts'
import { type Scene, sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'
import { until } from './until.ts'

const LONG = 'x'.repeat(100_000)

/** Octets that nothing but a counted body can carry, one character each. */
const BINARY = `\0\x01\xff\r.\r\r\n.\r\n\n.\n\r\0${LONG}\r\n.`

const GREETING =
  'Gr\xc3\xbc\xc3\x9fe an alle, und \xe2\x82\xac 100 dazu.\r\nFrom here on\r\n--b is no delimiter here\r\n.\r\n'

const LEAVES = [
  ['text/plain; charset=utf-8', '8bit', GREETING],
  ['text/csv; charset=iso-8859-1', '8bit', 'Stra\xdfe;12\r\n'],
  ['application/octet-stream', 'binary', BINARY],
  ['image/png', 'base64', 'AAECAw==\r\n'],
  ['text/plain', '7bit', 'Nothing to do = here.\r\n'],
] as const

const parts = (boundary: string, leaves: typeof LEAVES | readonly (typeof LEAVES)[number][]): string =>
  [
    ...leaves.map(
      ([type, encoding, body]) =>
        `--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n`,
    ),
    `--${boundary}--\r\n`,
  ].join('')

const HEADER = 'From: <sender@origin.test>\r\nTo: <bob@there.test>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n'

/** All of these at the top, and again in a message within it. */
const mixed = (subject: string): Buffer => {
  const inner = `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n${parts('inner', LEAVES)}`
  const top = parts('outer', LEAVES).replace(
    '--outer--',
    `--outer\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\nSubject: inner\r\n${inner}\r\n--outer--`,
  )
  const type =
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\nContent-Transfer-Encoding: binary\r\n'
  return Buffer.from(
    `${HEADER}Subject: ${subject}\r\nMessage-ID: <${subject}@origin.test>\r\n${type}\r\n${top}`,
    'latin1',
  )
}

const WANTED = [...LEAVES, ...LEAVES].map(([type, encoding, body]) => ({
  type: type.replace(/;.*/, ''),
  octets: encoding === 'base64' ? Buffer.from(body, 'base64') : Buffer.from(body, 'latin1'),
}))

const signed = (subject: string): Buffer =>
  Buffer.from(
    `${HEADER}Subject: ${subject}\r\nMIME-Version: 1.0\r\n` +
      'Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary=b\r\n\r\n' +
      parts('b', [LEAVES[1], ['application/pgp-signature', '7bit', 'x\r\n'] as never]),
    'latin1',
  )

/** Neither octets above 127, nor NUL, nor CR and LF apart, nor lines of more than so many octets. */
const holdsTo = (most: number, eightBit: boolean, sent: Buffer): void => {
  const text = sent.toString('latin1')
  assert.doesNotMatch(text, eightBit ? /\0/ : /[\0\x80-\xff]/)
  assert.ok(text.split('\r\n').every((line) => line.length <= most && !/[\r\n]/.test(line)))
}

const SINKS: readonly (readonly [name: string, start: StartPeer, program: string, seven: string, eight: string])[] = [
  ['Postfix', startPostfix, 'postfix', 'smtpd_discard_ehlo_keywords = 8bitmime, chunking', ''],
  ['Exim', startExim, 'exim4', 'accept_8bitmime = false\nchunking_advertise_hosts =', ''],
]

for (const [name, start, program, seven, eight] of SINKS) {
  for (const [what, more, eightBit] of [
    ['that takes 7-bit mail only', seven, false],
    ['that takes 8-bit mail', eight, true],
  ] as const) {
    describe(`${name} ${what}`, { skip: lacking([program, 'python3'], true) }, () => {
      const domain = `${name.toLowerCase()}.test`
      const { peer, smail, log } = pairForTests(domain, start, more)

      test('binary mail arrives there part for part', async () => {
        const handed = { to: [`bob@${domain}`], body: mixed('parts'), mail: ' BODY=BINARYMIME', chunks: 60_001 }
        await handTo(smail().ports.clear, handed)
        const { sent } = withoutTrace(await mailWith(peer().maildir('bob'), 'Subject: parts', log))
        holdsTo(998, eightBit, sent)
        assert.deepEqual(leavesOf(sent), WANTED)
        // What needs nothing is left as it was.
        assert.ok(sent.includes(eightBit ? GREETING : 'Nothing to do = here.', 0, 'latin1'))
        const [event] = smail().events('converted')
        assert.equal(event?.['to'], eightBit ? '8bit' : '7bit')
      })

      if (eightBit) return

      test('signed mail is not broken: its sender is told', async () => {
        const handed = {
          from: 'alice@clear.test',
          to: [`carol@${domain}`],
          body: signed('signed'),
          mail: ' BODY=8BITMIME',
        }
        await handTo(smail().ports.clear, handed)
        const report = (await mailWith(smail().maildir('alice'), `carol@${domain}`, log)).toString('latin1')
        assert.match(report, /^Status: 5\.6\.3$/m)
        assert.match(report, /Stra\xdfe/)
        assert.deepEqual(await mailIn(peer().maildir('carol')), [])
      })
    })
  }
}

/** Takes all mail, octet for octet. */
const startBinarySink = async (scene: Scene): Promise<{ readonly port: number; readonly taken: Buffer[] }> => {
  const taken: Buffer[] = []
  const sink: Sink = {
    open: ({ recipients }) => {
      const chunks: Uint8Array[] = []
      return {
        write: (chunk) => void chunks.push(Buffer.from(chunk)),
        async *conclude() {
          taken.push(Buffer.concat(chunks))
          for (const index of recipients.keys()) yield { index, reply: { code: 250, status: '2.6.0', lines: ['Kept'] } }
        },
        async abort() {},
      }
    },
  }
  const { chunking, binaryMime, enhancedStatusCodes } = extensions
  const server = createServer({
    name: 'sink.test',
    extensions: [chunking(), binaryMime(), enhancedStatusCodes()],
    sink,
  })
  const { address } = await server.listen({ host: '127.0.0.1', port: 0 })
  scene.atEnd(() => server.close())
  return { port: 'port' in address ? address.port : 0, taken }
}

describe('Two of us, one behind the other', () => {
  const scene = sceneForTests()
  let [first, last]: [Smail?, Smail?] = []
  let taken: readonly Buffer[] = []
  const log = () => `${first?.log()}\n${last?.log()}`

  before(async () => {
    const [ports, sink] = [await freePorts(), await startBinarySink(scene)]
    taken = sink.taken
    const to = (port: number) => ({ routers: { all: { smarthost: { hosts: `127.0.0.1:${port}` } } } })
    last = await startSmail(scene, { domain: 'last.test', ports, settings: to(sink.port) })
    first = await startSmail(scene, { domain: 'first.test', settings: to(ports.tls) })
  })

  for (const [what, body, mail] of [
    ['with NUL, with CR and LF apart, with a line of 100,000 octets', mixed('binary'), ' BODY=BINARYMIME'],
    ['of nothing but such octets', Buffer.from(BINARY, 'latin1'), ' BODY=BINARYMIME'],
    ['whose lines are too long for any other', Buffer.from(`${HEADER}\r\n${LONG}\r\n${LONG}`), ''],
  ] as const) {
    test(`mail ${what} passes octet for octet`, async () => {
      assert.ok(first)
      const before = taken.length
      await handTo(first.ports.tls, { to: ['bob@end.test'], body, mail, chunks: 33_333 })
      await until(() => taken.length > before || undefined, log)
      const arrived = taken[before] ?? assert.fail()
      // Two trace fields are on top, and an empty line where the mail had no header of its own.
      assert.ok(arrived.subarray(-body.length).equals(body), arrived.toString('latin1', 0, 2000))
      const top = arrived.toString('latin1', 0, arrived.length - body.length)
      // The last host lacks MT-PRIORITY, which the first told of (RFC 6758 3.3).
      assert.match(top, /^(?:MT-Priority: 0\r\n)?(?:Received: .*\r\n(?:[ \t].*\r\n)*){2}(?:\r\n)?$/)
      assert.deepEqual([...first.events('converted'), ...(last?.events('converted') ?? [])], [])
    })
  }
})
