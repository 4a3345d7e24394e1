import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { trackingContext } from '../src/mtqp/context.ts'
import { serveTracking } from '../src/mtqp/serve.ts'
import type { Channel } from '../src/net/channel.ts'
import { memoryChannels } from '../src/net/memory-channel.ts'
import { silentLog } from '../src/observe/log.ts'
import { manualClock } from './doubles/manual-clock.ts'
import { trackedSpool } from './doubles/tracked-spool.ts'
import { play, readTranscript } from './doubles/transcript.ts'

/** As after a handshake, without cryptography. */
const secured = (channel: Channel): Channel =>
  new Proxy(channel, {
    get(target, name) {
      if (name === 'secured') return { protocol: 'TLSv1.3', cipher: 'TLS_TOY', verified: false }
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

// The words behind `with:`: `tls`, `tls-required`, `errors=3`, `junk=3`, `tracks=2`.
for (const file of globSync('test/mtqp/*.mtqp').sort()) {
  test(`mtqp: ${basename(file, '.mtqp')}`, async () => {
    const transcript = readTranscript(file, readFileSync(file, 'latin1'))
    const number = (name: string) => transcript.with.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
    const clock = manualClock()
    const spool = await trackedSpool(clock)
    const broken = transcript.with.includes('broken-spool')
    if (broken) await spool.close()
    const [client, server] = memoryChannels(clock)
    const tls = {
      asServer: async (channel: Channel) => secured(channel),
      isFor: (name: string) => name === 'mx.a.test',
    }
    const context = trackingContext({
      hostname: 'mx.a.test',
      listener: 'track',
      trails: spool.trails,
      clock,
      log: silentLog,
      expires: ({ accepted }) => accepted + 5 * 86_400_000,
      ...(transcript.with.some((word) => word.startsWith('tls')) ? { tls } : {}),
      tlsRequired: transcript.with.includes('tls-required'),
      limits: {
        errors: Number(number('errors') ?? 100),
        junk: Number(number('junk') ?? 100),
        tracks: Number(number('tracks') ?? 100),
      },
    })
    const served = serveTracking(server, context)
    try {
      await play(
        transcript,
        client,
        async (channel) => clock.settle().then(() => channel),
        () => [],
      )
    } finally {
      client.destroy()
    }
    await served
  })
}
