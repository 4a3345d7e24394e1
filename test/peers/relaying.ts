import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { handTo } from './client.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { largeMail, MIB, tryingMail, unendedMail } from './messages.ts'
import { type Pair, pairForTests } from './pair.ts'
import type { StartPeer } from './peer.ts'

export interface RelayingOptions {
  readonly start: StartPeer
  readonly skip: string | false
  /** It offers STARTTLS, but its handshakes fail. */
  readonly failsAsTlsServer?: boolean
  /** It takes BDAT. */
  readonly takesChunks?: boolean
}

const LARGE = ['mail of 25 MiB', largeMail('large', 25 * MIB)] as const

const CASES: readonly (readonly [what: string, body: Buffer])[] = [
  ['mail with dots and 8-bit octets', tryingMail('trying')],
  ['mail without its last CRLF', unendedMail('unended')],
  ['mail of 0 octets', Buffer.alloc(0)],
]

/** Between a peer and us, in both directions, with TLS and without; then what `further` declares. */
export const relayingBothWays = (name: string, options: RelayingOptions, further?: (pair: Pair) => void): void => {
  const { start, skip, failsAsTlsServer = false, takesChunks = false } = options
  describe(name, { skip }, () => {
    const domain = `${name.toLowerCase()}.test`
    const pair = pairForTests(domain, start)
    const secured = new RegExp(`by mx\\.${domain}[^;]*with esmtps`, 'i')
    let count = 0

    const passes = async (body: Buffer, to: string, by: number, chunks: number | undefined, maildir: string) => {
      count += 1
      const from = `sender${count}@origin.test`
      await handTo(by, { from, to: [to], body, mail: ' BODY=8BITMIME', ...(chunks === undefined ? {} : { chunks }) })
      const { trace, sent } = withoutTrace(await mailWith(maildir, `<${from}>`, pair.log))
      assert.ok(isSame(sent, body), `What arrived is not what was sent, but\n${sent.toString('latin1', 0, 5000)}`)
      return trace
    }
    const toUs = (body: Buffer, to: string) =>
      passes(body, to, pair.peer().port, takesChunks ? 70_000 : undefined, pair.smail().maildir('bob'))
    const toPeer = (body: Buffer, to: string) =>
      passes(body, to, pair.smail().ports.clear, 70_000, pair.peer().maildir('bob'))

    for (const [what, body] of CASES) {
      test(`${name} sends us ${what} in clear`, async () => {
        assert.match(await toUs(body, 'bob@clear.test'), /by mx\.clear\.test with ESMTP\s+id/)
      })
    }

    for (const [what, body] of [...CASES, LARGE]) {
      test(`${name} sends us ${what} over STARTTLS`, async () => {
        assert.match(await toUs(body, 'bob@tls.test'), /by mx\.clear\.test with ESMTPS/)
      })

      test(`we send ${name} ${what} in clear, by DATA`, async () => {
        assert.doesNotMatch(await toPeer(body, `bob@clear.${domain}`), secured)
      })

      test(`we send ${name} ${what} ${failsAsTlsServer ? 'after STARTTLS failed' : 'over STARTTLS'}`, async () => {
        const trace = await toPeer(body, `bob@${domain}`)
        if (!failsAsTlsServer) assert.match(trace, secured)
      })
    }
    further?.(pair)
  })
}

const CRLF = Buffer.from('\r\n')

/** What may be added: a line end after the last line; to mail of 0 octets a header's end, and fields, before trace or behind. */
const isSame = (got: Buffer, sent: Buffer): boolean =>
  sent.length === 0
    ? /^((Date|From|Message-ID|Received): .*\r\n([ \t].*\r\n)*)*(\r\n)?$/i.test(got.toString('latin1'))
    : got.equals(sent.at(-1) === 10 ? sent : Buffer.concat([sent, CRLF]))
