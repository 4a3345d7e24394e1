import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { playHop } from '../../test/doubles/scripted-hop.ts'
import { parseSettings } from '../config/parse.ts'
import type { Settings } from '../config/settings.ts'
import { selfSigned } from '../net/self-signed.ts'
import { streamChannel } from '../net/stream-channel.ts'
import { TlsFailed, type TlsService, tlsService } from '../net/tls.ts'
import { systemClock } from '../observe/clock.ts'
import { adapter } from '../smtp/adapter.ts'
import { createRegistry } from '../smtp/registry.ts'
import { mail, recipients } from '../transports/contract-mail.ts'
import { makeTransports } from './transports.ts'

const HELLO = 'S: 220 smart.test\nC: EHLO me.test\nS: 250-smart.test\nS: 250 AUTH PLAIN\n'
const LOGIN = `C: AUTH PLAIN ${Buffer.from('\0ann\0pencil').toString('base64')}\nS: 235 2.7.0 known\n`
const MAIL =
  'C: MAIL FROM:<sender@else.test> AUTH=<>\nS: 250 ok\nC: RCPT TO:<a@there.test>\nS: 250 ok\nC: DATA\nS: 354 go\nC: …body\nS: 250 2.0.0 taken\nC: QUIT\nS: 221 bye\n'
const UNTOLD = 'S: 220 smart.test\nC: …closed\n'

const clock = systemClock()
const own = await selfSigned('smart.test', Date.now(), 2)
const server = createServer()
let script = ''
/** The bodies that came over the last connection. Rejects where the script was left. */
let played: Promise<readonly string[]> = Promise.resolve([])

const play = (tls?: TlsService): void => {
  server.removeAllListeners('connection').once('connection', (socket) => {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket
    const plain = streamChannel(socket, { peer: { address, port }, local: { address: '', port: 0 }, clock })
    const asked = (async () => {
      const channel = tls ? await tls.asServer(plain) : plain
      return (await playHop(channel, script)).bodies
    })()
    asked.catch(() => {})
    played = asked
  })
}

before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => server.close())

const settingsOf = (): Settings => {
  const machine = { hostname: 'me.test', uid: 1000, user: 'jo', home: '/home/jo', state: '/s', runtime: '/r' }
  const login = { user: 'ann', password: 'pencil' }
  const given = {
    hostname: 'me.test',
    routers: { all: { smarthost: { hosts: 'smart.test', transport: 'out' } } },
    transports: { local: { maildir: {} }, out: { smtp: { tls: 'wrapped', login } } },
  }
  const parsed = parseSettings(given, { machine, places: { base: '/etc', home: '/home/jo' }, extensions: new Map() })
  assert.ok('settings' in parsed, JSON.stringify(parsed))
  return parsed.settings
}

const send = async (name: string, roots: readonly string[]) => {
  const log = keptLog()
  const settings = settingsOf()
  const unasked = () => assert.fail('nobody is looked up')
  const out = makeTransports(settings, {
    clock,
    log,
    resolver: { addresses: unasked, mx: unasked },
    clientTls: tlsService({ clock, roots }),
    registry: createRegistry,
    transactionNames: { domain: 'me.test', secret: () => new Uint8Array(32) },
    adapt: adapter({ hostname: 'me.test', converters: [], scratch: unasked }),
    runningAs: { uid: 0, gid: 0 },
  }).get('out')
  assert.ok(out)
  const bound = server.address()
  assert.ok(bound !== null && typeof bound === 'object')
  const host = { name, port: bound.port, addresses: ['127.0.0.1'] }
  const to = { to: 'host', transport: 'out', destination: 'there.test', hosts: async () => [host] } as const
  const said: string[] = []
  const message = mail(['Subject: x\r\n\r\nHello.\r\n'])
  const job = { message, recipients: recipients('a@there.test'), to }
  await out.deliver(job, new AbortController().signal, ({ diagnosis: { code, status, lines } }) =>
    said.push(`${code} ${status} ${lines.join(' ')}`),
  )
  await out.close()
  return said
}

describe('tls: wrapped', () => {
  test('TLS comes before a word of either side, then a login whose password may be said, then mail', async () => {
    script = HELLO + LOGIN + MAIL
    play(tlsService({ clock, own }))
    assert.deepEqual(await send('smart.test', [own.certificate]), ['250 2.0.0 2.0.0 taken'])
    assert.equal((await played).length, 1)
  })

  for (const [what, name, roots, why] of [
    ['another name', 'other.test', [own.certificate], 'the certificate is not for other.test'],
    ['nobody we trust', 'smart.test', [], 'the certificate is not trusted: depth zero self signed cert'],
  ] as const) {
    test(`a certificate for ${what}: not a word is said, and mail waits`, async () => {
      script = UNTOLD
      play(tlsService({ clock, own }))
      const [said = ''] = await send(name, roots)
      assert.ok(said.startsWith(`451 4.7.10 The certificate of ${name} does not prove its name: ${why}`), said)
      // The client may have left before the host knew that the handshake was over.
      await played.catch((error) => assert.ok(error instanceof TlsFailed, error))
    })
  }

  test('a host that begins in clear gets nothing, and mail waits', async () => {
    script = UNTOLD
    play()
    const [said = ''] = await send('smart.test', [own.certificate])
    assert.match(said, /^451 4\.4\.2 smart\.test: TLS handshake failed/)
  })
})
