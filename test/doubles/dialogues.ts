import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import * as extensions from '../../src/extensions/index.ts'
import type { ParamBag } from '../../src/mail/envelope.ts'
import { readFilter } from '../../src/mail/features/read-filter.ts'
import { refuse, reply } from '../../src/mail/reply.ts'
import { charsetConverter } from '../../src/mime/forms/charset-converter.ts'
import type { Channel } from '../../src/net/channel.ts'
import { memoryChannels } from '../../src/net/memory-channel.ts'
import { silentLog } from '../../src/observe/log.ts'
import { adapter } from '../../src/smtp/adapter.ts'
import { HopUnusable } from '../../src/smtp/client-hello.ts'
import { type ConverterOptions, converter } from '../../src/smtp/converter.ts'
import { type Extension, type Greeting, RetryWithout, type Session } from '../../src/smtp/extension.ts'
import { createRegistry } from '../../src/smtp/registry.ts'
import { serve, serverContext } from '../../src/smtp/server.ts'
import type { IncomingEnd } from '../../src/smtp/sink.ts'
import { MemoryPartials } from '../../src/spool/memory-partials.ts'
import { authClient, noLogin } from './auth-client.ts'
import { authServer, busy, showing } from './auth-sides.ts'
import { checkpointSides } from './checkpoint-sides.ts'
import { manualClock } from './manual-clock.ts'
import { type Outbound, outbound, withHop } from './outbound.ts'
import { recordingSink } from './recording-sink.ts'
import { toys } from './toy-extensions.ts'
import { play, readTranscript } from './transcript.ts'

/** A channel whose handshake has no cryptography: what matters here is who says what when. */
const secured = (channel: Channel, verified = false): Channel =>
  new Proxy(channel, {
    get(target, name) {
      if (name === 'secured')
        return { protocol: 'TLSv1.3', cipher: 'TLS_TOY', verified, ...(verified ? {} : { why: 'self-signed' }) }
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

const members = [
  { local: 'alice', domain: 'example.test' },
  { local: 'bob', domain: 'example.test' },
]

const lists: Readonly<Record<string, typeof members>> = {
  list: members,
  büro: [{ local: 'alice', domain: 'bücher.test' }],
  全員: [...members, { local: '用户', domain: '例え.jp' }],
}

const tls = (verified: boolean): extensions.Tls => ({
  asServer: async (channel) => secured(channel),
  asClient: async (channel) => secured(channel, verified),
})

const failingTls: extensions.Tls = {
  asServer: async () => Promise.reject(new Error('no handshake')),
  asClient: async () => Promise.reject(new Error('no handshake')),
}

/** Milliseconds that tracked mail is told of: by default, and at most. */
const DAYS = { timeout: 9 * 86_400_000, longest: 30 * 86_400_000 }
/** Of 500 octets; of 100 in the mailbox of `small`, which will have more, and in that of `tiny`, which will not. */
const room: extensions.Room = {
  forMessage: async (octets) => octets <= 500,
  async whyNotFor({ local }, octets) {
    if (octets <= 100) return local === 'packed' ? reply(452, '4.2.2', 'The mailbox is full') : undefined
    if (local === 'small') return reply(452, '4.2.2', 'The mailbox is full')
    return local === 'tiny' ? reply(552, '5.2.3', 'Too big for this mailbox') : undefined
  },
}

/** Whoever says who it is may have urgent mail, if it is small. */
export const ranking = (): Required<Parameters<typeof extensions.mtPriority>> => [
  {
    ...extensions.priorityDefaults,
    levels: new Map([[4, { size: 200, retry: { first: 60_000 }, lifetime: 3_600_000 }]]),
  },
  { trusts: ({ identity }) => identity !== undefined },
]

/** Holds mail for a day and, besides what is held of ann and in all, 1,000 octets more of hers and 2,000 of others. */
export const holding = (): NonNullable<Parameters<typeof extensions.futureRelease>[0]> => ({
  most: 86_400,
  perUser: 5000,
  total: 10_000,
  now: () => 1_767_225_600_000,
  allow: () => true,
  held: async (identity) => (identity === undefined ? 8000 : identity === 'ann' ? 4000 : 0),
})

/** `known.example` may name any sender; `mail.example` proves its name once it was looked at, and then example.org. */
export const provingNames = (): Required<extensions.SuccessGrants> => {
  const proved = new WeakSet<Greeting>()
  const isKnown = ({ greeting }: Session) => greeting?.name === 'known.example'
  return {
    to: 'to some',
    trusts: (session) => isKnown(session) || (session.greeting !== undefined && proved.has(session.greeting)),
    proof: {
      async greeted(greeting) {
        if (greeting.name === 'mail.example') proved.add(greeting)
      },
      proves: async (sender, session) => sender === null || isKnown(session) || sender.domain === 'example.org',
    },
  }
}

const FAX = readFilter(
  '(&(image-file-structure=TIFF-minimal)(color=Binary)(|(&(dpi=204)(dpi-xyratio=[204/98,204/196]))' +
    '(&(dpi=200)(dpi-xyratio=[200/100,1])))(image-coding=[MH,MR,MMR])(size-x<=2150/254))',
)

const devices: extensions.Capabilities = async ({ local }) => (local === 'fax' ? FAX : undefined)

const adapt = adapter({ hostname: 'me.test', converters: [charsetConverter()] })

/** What the `# with:` line of a dialogue may name. */
const made: Readonly<Record<string, (kept: MemoryPartials) => Extension>> = {
  PIPELINING: extensions.pipelining,
  AUTH: () => extensions.auth(authServer()),
  'AUTH-LOGIN': () => extensions.auth(undefined, authClient()),
  'AUTH-LOGIN-PLAIN': () => extensions.auth(undefined, authClient(['PLAIN', 'LOGIN'])),
  'AUTH-LOGIN-OLD': () => extensions.auth(undefined, authClient(['LOGIN'])),
  'AUTH-LOGIN-CRAM': () => extensions.auth(undefined, authClient(['CRAM-MD5'])),
  'AUTH-LOGIN-LONG': () =>
    extensions.auth(
      undefined,
      authClient(['PLAIN'], () => {}, 'p'.repeat(400)),
    ),
  'AUTH-NO-LOGIN': () => extensions.auth(undefined, noLogin),
  'AUTH-PLAIN': () => extensions.auth(authServer({ mechanisms: showing() })),
  'AUTH-IN-CLEAR': () => extensions.auth(authServer({ inClear: () => true })),
  'AUTH-SUBMISSION': () => extensions.auth(authServer({ submission: true })),
  'AUTH-REQUIRED': () => extensions.auth(authServer({ required: true, mechanisms: showing(), submission: true })),
  'AUTH-AWAY': () => extensions.auth(authServer({ inClear: () => true }, () => Promise.reject(new Error('gone')))),
  'AUTH-BUSY': () => extensions.auth(authServer({ inClear: () => true, mechanisms: [busy()] })),
  'AUTH-PATIENT': () => extensions.auth(authServer({ inClear: () => true, failures: 4, mayTry: () => false })),
  SIZE: () => extensions.size(1000),
  'SIZE-0': () => extensions.size(),
  'SIZE-ROOM': () => extensions.size(1000, room),
  LIMITS: extensions.limits,
  REQUIRETLS: () => extensions.requireTls(),
  'REQUIRETLS-PROVED': () => extensions.requireTls({ 'unproved-mx': 'refuse' }),
  '8BITMIME': extensions.eightBitMime,
  '8BITMIME-UNOFFERED': () => ({ ...extensions.eightBitMime(), server: { offer: () => undefined } }),
  SMTPUTF8: extensions.smtpUtf8,
  ENHANCEDSTATUSCODES: extensions.enhancedStatusCodes,
  CHUNKING: () => extensions.chunking(),
  'CHUNKING-BY-16': () => extensions.chunking(16),
  'CHUNKING-UNOFFERED': () => ({ ...extensions.chunking(), server: { offer: () => undefined } }),
  BINARYMIME: extensions.binaryMime,
  STARTTLS: () => extensions.startTls(tls(false)),
  'STARTTLS-ENCRYPT': () => extensions.startTls(tls(false), 'encrypt'),
  'STARTTLS-VERIFY': () => extensions.startTls(tls(false), 'verify'),
  'STARTTLS-VERIFIED': () => extensions.startTls(tls(true), 'verify'),
  'STARTTLS-FAILING': () => extensions.startTls(failingTls),
  DSN: () => extensions.dsn(),
  'DSN-TRUSTED': () => extensions.dsn({ trusts: ({ greeting }) => greeting?.name === 'known.example' }),
  'DSN-ALIGNED': () => extensions.dsn(provingNames()),
  'DELIVERBY-ALIGNED': () => extensions.deliverBy(undefined, undefined, provingNames().proof),
  CONPERM: extensions.conPerm,
  'CONPERM-UNOFFERED': () => ({ ...extensions.conPerm(), server: { offer: () => undefined } }),
  CONNEG: () => extensions.conNeg(devices, adapt),
  'CONNEG-UNKNOWN': () => extensions.conNeg(),
  // Mailboxes of example.test: alice's since 2014, the domain's since 2012; nothing is known of who; down cannot be looked up.
  RRVS: () =>
    extensions.rrvs(async ({ local, domain }, since) => {
      if (domain !== 'example.test') return 'elsewhere'
      if (local === 'down') return refuse(451, '4.3.0', 'The records are out of reach')
      if (local === 'who') return 'unknown'
      if (since < Date.UTC(2012, 0)) return 'domain'
      return local.toLowerCase() === 'alice' && since < Date.UTC(2014, 0) ? 'other' : 'same'
    }),
  SUBMITTER: () => extensions.submitter(),
  'SUBMITTER-TESTED': () =>
    extensions.submitter(async ({ domain }, { greeting }) => {
      if (domain === 'down.example') return 'unknown'
      return domain === 'example.com' || greeting?.name === 'known.example' ? 'yes' : 'no'
    }),
  'MT-PRIORITY': () => extensions.mtPriority(...ranking()),
  'MT-PRIORITY-NSEP': () =>
    extensions.mtPriority({ ...ranking()[0], policy: 'NSEP', most: 5, least: -2 }, { trusts: () => true }),
  'MT-PRIORITY-LEAST-1': () => extensions.mtPriority({ ...ranking()[0], least: 1 }, { trusts: () => true }),
  'MT-PRIORITY-UNNAMED': () => extensions.mtPriority({ ...ranking()[0], announce: false }, { trusts: () => false }),
  FUTURERELEASE: () => extensions.futureRelease(holding()),
  'FUTURERELEASE-CLIENT': () => extensions.futureRelease(),
  'FUTURERELEASE-STRANGERS': () => extensions.futureRelease({ ...holding(), allow: () => false }),
  DELIVERBY: () => extensions.deliverBy(),
  'DELIVERBY-30': () => extensions.deliverBy({ minimum: 30, trace: false }),
  'DELIVERBY-NOT-NOW': () => extensions.deliverBy(undefined, () => false),
  'NO-SOLICITING': () => extensions.noSoliciting({ refuse: [], recipients: {} }),
  'NO-SOLICITING-ADV': () =>
    extensions.noSoliciting({
      refuse: ['net.example:ADV'],
      recipients: {
        'grumpy@example.net': ['org.example:ADV:ADLT', 'org.example:NEWS'],
        'grümpy@example.net': ['org.example:NEWS'],
        'grumpy@bücher.example': ['org.example:NEWS'],
      },
    }),
  PRDR: extensions.prdr,
  XVERP: () =>
    extensions.xverp({ delimiters: '+=', pass: false }, ({ greeting }) => greeting?.name === 'known.example'),
  'XVERP-PASSED': () => extensions.xverp({ delimiters: '-=', pass: true }),
  MTRK: () => extensions.mtrk(DAYS),
  CHECKPOINT: (kept) => extensions.checkpoint(checkpointSides(kept)),
  'CHECKPOINT-LARGE': (kept) => extensions.checkpoint(checkpointSides(kept, 1000)),
  HELP: extensions.help,
  EXPN: () =>
    extensions.expn(
      async ({ local }) => lists[local],
      () => true,
    ),
  'EXPN-FORBIDDEN': () =>
    extensions.expn(
      async () => members,
      () => false,
    ),
  VRFY: () =>
    extensions.vrfy(
      async ({ local }) => (['alice', '用户'].includes(local) ? 'known' : 'unknown'),
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

/** What a test does to extensions before they are used: leaves them alone, or takes a facet away. */
export type Transform = (extension: Extension) => Extension

const extensionsOf = (
  file: string,
  words: readonly string[],
  transform: Transform,
  kept: MemoryPartials = new MemoryPartials(() => {}),
): Extension[] =>
  words.flatMap((word) => {
    if (word.includes('=')) return []
    const make = made[word]
    if (!make) throw new Error(`${file}: nothing is called ${word}`)
    return [transform(make(kept))]
  })

/** As a transcript has it: one character per octet. */
const octets = (text: string): string => Buffer.from(text).toString('latin1')

/** Our server against a client's lines. Rejects when a line is not as the file has it. */
export const playServer = (file: string, transform: Transform): Promise<void> =>
  playServerText(file, readFileSync(file, 'latin1'), { transform })

interface Playing {
  readonly transform?: Transform
  /** Extensions beside those that the dialogue names. */
  readonly also?: readonly Extension[]
  /** Who plays the client's side, and looks at what the server says. */
  readonly by?: typeof play
}

/** The same, of any text. */
export const playServerText = async (
  file: string,
  text: string,
  { transform = (extension) => extension, also = [], by = play }: Playing = {},
): Promise<void> => {
  const transcript = readTranscript(file, text)
  const clock = manualClock()
  const kept = new MemoryPartials(() => {})
  const setting = (name: string) => transcript.with.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
  const named = extensionsOf(file, transcript.with, transform, kept)
  const more = also.filter(({ keyword }) => named.every((one) => one.keyword !== keyword))
  const partials = transcript.with.includes('CHECKPOINT') ? kept : undefined
  const sink = recordingSink(partials, setting('reports') === 'yes')
  const context = serverContext({
    hostname: 'mx.example.test',
    listener: 'mx',
    registry: createRegistry([...named, ...more]),
    sink,
    clock,
    log: silentLog,
    limits: {
      recipients: Number(setting('recipients') ?? 10),
      transactions: Number(setting('transactions') ?? 0),
      domains: Number(setting('domains') ?? 0),
      errors: Number(setting('errors') ?? 20),
      header: 500,
      ...(setting('message') ? { message: Number(setting('message')) } : {}),
      junk: Number(setting('junk') ?? 20),
      drain: Number(setting('drain') ?? 10_000),
    },
    bareNewlines: setting('bare-newlines') === 'normalize' ? 'normalize' : 'refuse',
  })
  const connect = () => {
    const [client, server] = memoryChannels(clock)
    return { client, served: serve(server, context) }
  }
  let { client, served } = connect()
  const comeBack = async (lost: Channel) => {
    // What was sent has come when the line is cut.
    await clock.settle()
    lost.destroy()
    await served
    ;({ client, served } = connect())
    return client
  }
  const beginTls = async (channel: Channel) => {
    // A handshake takes turns; what the client says before the server has its side of it would be thrown away.
    await clock.settle()
    return secured(channel)
  }
  const show = setting('show')
  const mail = () =>
    sink.mail_.map(({ sender, recipients, body, end }) => {
      const to = recipients.map((one, at) => one + (show === 'recipients' ? said(end.recipients[at]?.params) : ''))
      return [octets(sender), octets(to.join(' ')), ...shown(end, show === 'params'), '|', body].join(' ')
    })
  try {
    await by(transcript, client, beginTls, mail, comeBack)
  } finally {
    client.destroy()
  }
  await served
}

/** A recipient's parameters, behind it. */
const said = (params: ParamBag = {}): string => (Object.keys(params).length > 0 ? JSON.stringify(params) : '')

/** What the sink was told beside the body, where there is anything to tell. */
const shown = (end: IncomingEnd, withParams: boolean): string[] => {
  const { marks, edits, schedule, trail, params, completes, refused, unsaid } = end
  const reported = [...refused].map(([index, { code, status }]) => [index, `${code} ${status}`])
  const report = unsaid ? { report: Object.fromEntries(reported) } : {}
  return [
    marks,
    edits,
    report,
    schedule,
    trail ?? {},
    withParams ? { ...params, ...(completes ? { completes } : {}) } : {},
  ]
    .filter((one) => Object.keys(one).length > 0)
    .map((one) => octets(JSON.stringify(one)))
}

interface RelayDialogue {
  readonly with: readonly string[]
  readonly convert?: Partial<ConverterOptions>
  readonly script: string
  /** One after the other. */
  readonly mail: readonly Outbound[]
  readonly outcomes: readonly string[]
  readonly bodies: readonly string[]
}

/** Comments of a relay dialogue: `# with: WORDS` (`by=mx`: an MX record named the hop), `# convert: JSON` for one with a converter, `# mail: JSON`, `# outcome: TEXT` and `# body: JSON`, the last three in order. */
const readRelay = (text: string): RelayDialogue => {
  const all = (name: string) =>
    text.split('\n').flatMap((line) => (line.startsWith(`# ${name}: `) ? [line.slice(name.length + 4)] : []))
  const [convert] = all('convert')
  return {
    with: all('with').flatMap((line) => line.split(' ')),
    ...(convert ? { convert: JSON.parse(convert) } : {}),
    script: text,
    mail: (all('mail').length > 0 ? all('mail') : ['{}']).map((line) => JSON.parse(line)),
    outcomes: all('outcome'),
    bodies: all('body').map((line) => JSON.parse(line)),
  }
}

/** Our client against a hop's lines. Rejects when a line, an outcome or a body is not as the file has it. */
export const playRelay = async (file: string, transform: Transform): Promise<void> => {
  const dialogue = readRelay(readFileSync(file, 'utf8'))
  const outcomes: string[] = []
  const used = extensionsOf(file, dialogue.with, transform)
  const lenient = used.some(({ client }) => client?.lenient?.(outbound(dialogue.mail[0])))
  try {
    const { bodies } = await withHop(
      dialogue.script,
      used,
      async ({ sendSome, conversation }) => {
        for (const mail of dialogue.mail) {
          const { told, back } = await sendSome(outbound(mail))
          outcomes.push(...told, ...back.map((key) => `${key} handed back`))
        }
        if (conversation.hop.assurance !== 'none') outcomes.push(`assurance ${conversation.hop.assurance}`)
        if (conversation.reports) outcomes.push('the hop reports')
      },
      {
        ...(dialogue.convert
          ? { convert: converter({ signed: 'bounce', downgrade: 'never', ...dialogue.convert }) }
          : {}),
        ...(dialogue.with.includes('by=mx') ? { proof: 'unproved' } : {}),
        ...(lenient ? { lenient } : {}),
      },
    )
    assert.deepEqual(bodies, dialogue.bodies, `${file}: bodies`)
  } catch (error) {
    if (error instanceof HopUnusable) outcomes.push(`unusable ${error.diagnosis.code} ${error.diagnosis.status}`)
    else if (error instanceof RetryWithout) outcomes.push(`retry without ${error.keyword}`)
    else throw error
  }
  assert.deepEqual(outcomes, dialogue.outcomes, `${file}: outcomes`)
}
