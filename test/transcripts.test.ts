import { globSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { test } from 'node:test'
import * as extensions from '../src/extensions/index.ts'
import type { Channel } from '../src/net/channel.ts'
import { memoryChannels } from '../src/net/memory-channel.ts'
import { silentLog } from '../src/observe/log.ts'
import type { Extension } from '../src/smtp/extension.ts'
import { createRegistry } from '../src/smtp/registry.ts'
import { serve, serverContext } from '../src/smtp/server.ts'
import { manualClock } from './doubles/manual-clock.ts'
import { recordingSink } from './doubles/recording-sink.ts'
import { toys } from './doubles/toy-extensions.ts'
import { play, readTranscript } from './doubles/transcript.ts'

/** A channel whose handshake has no cryptography: what matters here is who says what when. */
const secured = (channel: Channel): Channel =>
  new Proxy(channel, {
    get(target, name) {
      if (name === 'secured') return { protocol: 'TLSv1.3', cipher: 'TLS_TOY', verified: false }
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

/** As a transcript has it: one character per octet. */
const octets = (text: string): string => Buffer.from(text).toString('latin1')

const members = [
  { local: 'alice', domain: 'example.test' },
  { local: 'bob', domain: 'example.test' },
]

/** What a transcript's `# with:` may name. */
const offered: Readonly<Record<string, () => Extension>> = {
  PIPELINING: extensions.pipelining,
  SIZE: () => extensions.size(1000),
  '8BITMIME': extensions.eightBitMime,
  ENHANCEDSTATUSCODES: extensions.enhancedStatusCodes,
  CHUNKING: extensions.chunking,
  STARTTLS: () => extensions.startTls({ asServer: async (c) => secured(c), asClient: async (c) => secured(c) }),
  DSN: extensions.dsn,
  HELP: extensions.help,
  EXPN: () =>
    extensions.expn(
      async ({ local }) => (local === 'list' ? members : undefined),
      () => true,
    ),
  'EXPN-FORBIDDEN': () =>
    extensions.expn(
      async () => members,
      () => false,
    ),
  VRFY: () =>
    extensions.vrfy(
      async ({ local }) => (local === 'alice' ? 'known' : 'unknown'),
      () => true,
    ),
  'VRFY-FORBIDDEN': () =>
    extensions.vrfy(
      async () => 'known',
      () => false,
    ),
  LMTP: extensions.lmtp,
  ...toys,
}

for (const file of globSync('test/transcripts/*/*.smtp').sort()) {
  const transcript = readTranscript(file, readFileSync(file, 'latin1'))
  test(`transcript ${basename(dirname(file))}/${basename(file, '.smtp')}`, async () => {
    const clock = manualClock()
    const [client, server] = memoryChannels(clock)
    const sink = recordingSink()
    const setting = (name: string) =>
      transcript.with.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
    const registry = createRegistry(
      transcript.with.flatMap((word) => {
        if (word.includes('=')) return []
        const make = offered[word]
        if (!make) throw new Error(`${file}: nothing is called ${word}`)
        return [make()]
      }),
    )
    const context = serverContext({
      hostname: 'mx.example.test',
      listener: 'mx',
      registry,
      sink,
      clock,
      log: silentLog,
      limits: { recipients: Number(setting('recipients') ?? 10), errors: Number(setting('errors') ?? 20), header: 500 },
      bareNewlines: setting('bare-newlines') === 'normalize' ? 'normalize' : 'refuse',
    })
    const served = serve(server, context)
    const beginTls = async (channel: Channel) => {
      // A handshake takes turns; what the client says before the server has its side of it would be thrown away.
      await clock.settle()
      return secured(channel)
    }
    const mail = () =>
      sink.mail_.map(({ sender, recipients, body }) => `${octets(sender)} ${octets(recipients.join(' '))} | ${body}`)
    await play(transcript, client, beginTls, mail)
    await served
  })
}
