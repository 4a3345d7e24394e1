import { recordingSink } from '../../test/doubles/recording-sink.ts'
import * as extensions from '../extensions/index.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import { systemClock } from '../observe/clock.ts'
import { silentLog } from '../observe/log.ts'
import type { Extension } from '../smtp/extension.ts'
import { createRegistry } from '../smtp/registry.ts'
import { serve, serverContext } from '../smtp/server.ts'
import { type Subject, transportContract } from './contract.ts'
import { lmtpTransport } from './lmtp.ts'
import { smtpTransport } from './smtp.ts'
import type { JobTarget } from './transport.ts'

const TO: JobTarget = {
  to: 'host',
  transport: 'out',
  destination: 'example.test',
  hosts: async () => [{ name: 'mx.test', port: 25, addresses: ['192.0.2.1'] }],
}

/** A transport to a server of ours, both with these extensions. */
const open = async (
  make: typeof smtpTransport,
  list: () => readonly Extension[],
  mayRefuse: NonNullable<Subject['mayRefuse']>,
): Promise<Subject> => {
  const clock = systemClock()
  const registry = createRegistry(list())
  const sink = recordingSink()
  const context = serverContext({ hostname: 'mx.test', listener: 'in', registry, sink, clock, log: silentLog })
  const sessions: Promise<void>[] = []
  const dial = async () => {
    const [here, there] = memoryChannels(clock)
    sessions.push(serve(there, context))
    return here
  }
  const resolver = { addresses: async () => [] }
  const transport = make({ name: 'out', registry, dial, resolver, hostname: 'me.test', clock, log: silentLog })
  return {
    transport,
    to: TO,
    final: false,
    mayRefuse,
    arrived: async () =>
      sink.mail_.map(({ recipients, body }) => ({
        recipients: recipients.map((path) => path.slice(1, -1)),
        content: body,
      })),
    end: async () => {
      await Promise.all(sessions)
    },
  }
}

const { pipelining, size, eightBitMime, chunking, binaryMime, dsn, enhancedStatusCodes, lmtp } = extensions
const batches = () => [pipelining(), size(10_000_000), eightBitMime(), enhancedStatusCodes()]

transportContract('SMTP, with nothing on offer', () => open(smtpTransport, () => [], ['eightBit', 'nul']))
transportContract('SMTP, by DATA in batches', () => open(smtpTransport, batches, ['nul']))
transportContract('SMTP, by BDAT', () => open(smtpTransport, () => [...batches(), chunking(), dsn()], ['nul']))
transportContract('SMTP, with binary bodies', () =>
  open(smtpTransport, () => [...batches(), chunking(), binaryMime()], []),
)
transportContract('LMTP', () => open(lmtpTransport, () => [lmtp(), ...batches()], ['nul']))
transportContract('LMTP, by BDAT', () => open(lmtpTransport, () => [lmtp(), ...batches(), chunking()], ['nul']))
