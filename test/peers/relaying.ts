import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { type Handed, handTo } from './client.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { largeMail, MIB, tryingMail, unendedMail } from './messages.ts'
import type { Peer, StartPeer } from './peer.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

export interface RelayingOptions {
  readonly start: StartPeer
  readonly skip: string | false
  /** It offers STARTTLS, but its handshakes fail. */
  readonly failsAsTlsServer?: boolean
}

/** A peer and Smail beside it. Mail for the peer's domain goes there over TLS; for `clear.DOMAIN` without, and by DATA. */
export interface Pair {
  readonly peer: () => Peer
  readonly smail: () => Smail
}

const CASES: readonly (readonly [what: string, body: Buffer])[] = [
  ['mail with dots and 8-bit octets', tryingMail('trying')],
  ['mail without its last CRLF', unendedMail('unended')],
  ['mail of 0 octets', Buffer.alloc(0)],
  ['mail of 25 MiB', largeMail('large', 25 * MIB)],
]

/** Between a peer and us, in both directions, with TLS and without. */
export const relayingBothWays = (name: string, options: RelayingOptions, further: (pair: Pair) => void): void => {
  const { start, skip, failsAsTlsServer = false } = options
  describe(name, { skip }, () => {
    const scene = sceneForTests()
    const domain = `${name.toLowerCase()}.test`
    let [peer, smail]: [Peer?, Smail?] = []
    const pair: Pair = { peer: () => peer ?? assert.fail(), smail: () => smail ?? assert.fail() }
    const secured = new RegExp(`by mx\\.${domain}[^;]*with esmtps`, 'i')
    let count = 0

    before(async () => {
      const ports = await freePorts()
      peer = await start(scene, { domain, ports })
      smail = await startSmail(scene, { domain: 'clear.test', ports, settings: routesTo(peer) })
    })

    const passes = async (body: Buffer, to: string, by: number, maildir: string, chunks: Partial<Handed> = {}) => {
      count += 1
      const from = `sender${count}@origin.test`
      await handTo(by, { from, to: [to], body, mail: ' BODY=8BITMIME', ...chunks })
      const log = () => `${pair.peer().log()}\n${pair.smail().log()}`
      const { trace, sent } = withoutTrace(await mailWith(maildir, `<${from}>`, log))
      assert.ok(isSame(sent, body), `What arrived is not what was sent, but\n${sent.toString('latin1', 0, 5000)}`)
      return trace
    }

    for (const [what, body] of CASES) {
      test(`${name} sends us ${what} in clear`, async () => {
        const trace = await passes(body, 'bob@clear.test', pair.peer().port, pair.smail().maildir('bob'))
        assert.match(trace, /by mx\.clear\.test with ESMTP\s+id/)
      })

      test(`${name} sends us ${what} over STARTTLS`, async () => {
        const trace = await passes(body, 'bob@tls.test', pair.peer().port, pair.smail().maildir('bob'))
        assert.match(trace, /by mx\.clear\.test with ESMTPS/)
      })

      test(`we send ${name} ${what} in clear, by DATA`, async () => {
        const { ports } = pair.smail()
        const trace = await passes(body, `bob@clear.${domain}`, ports.clear, pair.peer().maildir('bob'), { chunks: 70_000 })
        assert.doesNotMatch(trace, secured)
      })

      test(`we send ${name} ${what} ${failsAsTlsServer ? 'after STARTTLS failed' : 'over STARTTLS'}`, async () => {
        const { ports } = pair.smail()
        const trace = await passes(body, `bob@${domain}`, ports.clear, pair.peer().maildir('bob'), { chunks: 70_000 })
        if (!failsAsTlsServer) assert.match(trace, secured)
      })
    }
    further(pair)
  })
}

const CRLF = Buffer.from('\r\n')

/** What may be added: a line end after the last line; to mail of 0 octets a header's end, and fields that were missing. */
const isSame = (got: Buffer, sent: Buffer): boolean =>
  sent.length === 0 ? /^((Date|Message-ID): .*\r\n)*(\r\n)?$/.test(got.toString('latin1')) : got.equals(sent.at(-1) === 10 ? sent : Buffer.concat([sent, CRLF]))

const routesTo = ({ domain, port }: Peer) => ({
  domains: ['clear.test', 'tls.test'],
  routers: {
    tls: { static: { transport: 'tls', routes: { [domain]: `127.0.0.1:${port}` } } },
    clear: { static: { transport: 'clear', routes: { [`clear.${domain}`]: `127.0.0.1:${port}` } } },
  },
  transports: { local: { maildir: {} }, tls: { smtp: {} }, clear: { smtp: { tls: 'off', extensions: { chunking: 'off' } } } },
})
