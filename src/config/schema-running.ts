import { isIP } from 'node:net'
import * as z from 'zod'
import { driven } from './drivers.ts'
import { BadHost, readHost } from './hosts.ts'
import { kind } from './kinds.ts'
import { count, list, mode, path, size, socketPath, text, time, timeOrNever } from './leaves.ts'
import type { Machine } from './machine.ts'
import type { Places } from './place.ts'
import type {
  ControlSettings,
  ConversionSettings,
  DnsSettings,
  LimitSettings,
  LogSettings,
  QueueSettings,
  SpoolSettings,
  TimeoutSettings,
} from './settings.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const KIB = 1024

export const spool = (machine: Machine, places: Places): z.ZodType<SpoolSettings> =>
  driven({
    sqlite: z
      .strictObject({
        path: path(places).default(`${machine.state}/spool`).describe('The folder of the spool, ours alone.'),
        history: time(0)
          .default(10 * DAY)
          .describe('How long the history of mail is kept.'),
        'keep-free': size()
          .default(0)
          .describe('How much of its disk is not for mail: MAIL is answered with 452 before that is used.'),
      })
      .describe('In SQLite, on the disk before mail is answered for.'),
    memory: z.strictObject({}).describe('In memory, for trying things out: the end loses all mail.'),
  })

/** What a listener may lay over the limits that hold for all; keys without value stay as they are. */
const limitShape = {
  message: size(64 * KIB).describe('Size of a message at most.'),
  recipients: count(1, 1_000_000).describe('Recipients of one transaction at most, those refused counted.'),
  transactions: count(0, 1_000_000).describe('Messages of one session at most, those refused counted; 0: any number.'),
  domains: count(0, 1_000_000).describe('Domains of the recipients of one session at most; 0: any number.'),
  connections: count(1, 1_000_000).describe('Connections at once, of all peers, at one listening address.'),
  'connections-per-peer': count(1, 1_000_000).describe('Connections at once from one address.'),
  errors: count(1, 10_000).describe('Errors after which a session is closed.'),
  junk: count(1, 1_000_000).describe(
    'Commands that bring no mail further, such as NOOP, after which a session is closed.',
  ),
  rate: size(0, KIB * KIB).describe('Octets a second at which a body must come, but for pauses within the timeout.'),
  session: timeOrNever(60_000).describe(
    'How long a session lasts before it is closed between two messages; or `never`.',
  ),
  header: size(1 * KIB, 16 * KIB * KIB).describe('Size of a header at most.'),
  hops: count(1, 1000).describe('Received fields from which mail counts as looping.'),
}

export const limits: z.ZodType<LimitSettings> = z.strictObject({
  message: limitShape.message.default(50 * KIB * KIB),
  recipients: limitShape.recipients.default(1000),
  transactions: limitShape.transactions.default(0),
  domains: limitShape.domains.default(0),
  connections: limitShape.connections.default(1000),
  'connections-per-peer': limitShape['connections-per-peer'].default(50),
  errors: limitShape.errors.default(100),
  junk: limitShape.junk.default(100),
  rate: limitShape.rate.default(500),
  session: limitShape.session.default(DAY),
  header: limitShape.header.default(256 * KIB),
  hops: limitShape.hops.default(50),
})

export const limitsOfListener: z.ZodType<Partial<LimitSettings>> = z.strictObject(limitShape).partial() as z.ZodType<
  Partial<LimitSettings>
>

export const timeouts: z.ZodType<TimeoutSettings> = z.strictObject({
  connect: time().default(30_000).describe('Until a host answers a connection.'),
  greeting: time()
    .default(5 * MINUTE)
    .describe("Until a server's greeting."),
  hello: time()
    .default(5 * MINUTE)
    .describe('Until the reply to EHLO, and to what an extension asks.'),
  mail: time()
    .default(5 * MINUTE)
    .describe('Until the reply to MAIL.'),
  rcpt: time()
    .default(5 * MINUTE)
    .describe('Until the reply to RCPT.'),
  data: time()
    .default(2 * MINUTE)
    .describe('Until the reply to DATA.'),
  block: time()
    .default(3 * MINUTE)
    .describe('Until a server takes more of a body.'),
  'end-of-data': time()
    .default(10 * MINUTE)
    .describe('Until the reply to the end of a body.'),
  quit: time().default(10_000).describe('Until the reply to QUIT.'),
  command: time()
    .default(5 * MINUTE)
    .describe("As a server: until a client's next command."),
  body: time()
    .default(3 * MINUTE)
    .describe("As a server: until more of a client's body."),
})

const backoff = z
  .strictObject({
    min: time(1000)
      .default(5 * MINUTE)
      .describe('Before the second attempt; then it doubles.'),
    max: time(1000).default(4_000_000).describe('Between later attempts at most.'),
  })
  .refine((given) => given.min <= given.max, 'has a min above its max')

export const queue: z.ZodType<QueueSettings> = z.strictObject({
  lifetime: time(0)
    .default(5 * DAY)
    .describe('How long mail is tried before it fails.'),
  'delay-warning': timeOrNever()
    .default(4 * HOUR)
    .describe('When its sender is told that mail waits; or `never`.'),
  backoff: backoff.prefault({}).describe('How long to wait between attempts.'),
  concurrency: count(0, 10_000).default(200).describe('Deliveries at once; 0: mail is taken and waits.'),
  drain: time(0).default(30_000).describe('What running deliveries and sessions get when we are to end.'),
  'return-limit': size()
    .default(64 * KIB)
    .describe('How much of a message a report returns at most.'),
})

export const conversion: z.ZodType<ConversionSettings> = z.strictObject({
  signed: z
    .enum(['bounce', 'convert'])
    .default('bounce')
    .describe('Mail whose signed or encrypted parts would have to change: it comes back, or its signatures break.'),
  downgrade: z
    .enum(['never', 'msa'])
    .default('never')
    .describe("Whose UTF-8 header fields are encoded for hosts that do not take them: nobody's, or our own users'."),
})

export const log: z.ZodType<LogSettings> = z.strictObject({
  format: z.enum(['json', 'pretty', 'auto']).default('auto').describe('`auto`: pretty on a terminal, else json.'),
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('The least that is written.'),
})

export const control = (machine: Machine, places: Places): z.ZodType<ControlSettings> =>
  z.strictObject({
    socket: socketPath(places)
      .prefault(`${machine.runtime}/control.sock`)
      .describe('The UNIX socket that commands speak to.'),
    mode: mode.default(0o600).describe('Mode of that socket: who may write to it may do everything.'),
    submission: kind(socketPath(places).optional(), { absent: 'there is none' }).describe(
      'A second socket that everyone on this machine may hand mail to, and nothing else.',
    ),
  }) as z.ZodType<ControlSettings>

const address = text('an IP address', (given) => {
  if (!isIP(given)) throw new Error(`'${given}' is no address; expected one as in 192.0.2.1`)
  return given
})

const nameServer = text('an IP address, as 192.0.2.53 or "192.0.2.53:53"', (given) => {
  try {
    if (isIP(readHost(given, 53).name)) return given
  } catch (error) {
    if (!(error instanceof BadHost)) throw error
  }
  throw new Error(`'${given}' is no name server; expected an address, as in 192.0.2.53`)
})

export const dns: z.ZodType<DnsSettings> = z.strictObject({
  servers: kind(list(nameServer), { absent: 'those of /etc/resolv.conf' }).default([]).describe('Name servers.'),
  hosts: kind(z.record(z.string(), list(address, 1)), {
    key: 'HOST',
    is: 'a map of names to addresses',
    absent: 'none',
  })
    .transform((given) => new Map(Object.entries(given).map(([of, addresses]) => [of.toLowerCase(), addresses])))
    .default(new Map())
    .describe('Addresses of names that are not to be asked for.'),
  timeout: time(100).default(5000).describe('Until a name server answers.'),
})
