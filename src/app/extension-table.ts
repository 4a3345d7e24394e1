import { z } from 'zod'
import { kind } from '../config/kinds.ts'
import {
  askersBlock,
  authBlock,
  type DeliverByBlock,
  deliverByBlock,
  dsnBlock,
  type FutureReleaseBlock,
  futureReleaseBlock,
  type MtPriorityBlock,
  mtPriorityBlock,
  rrvsBlock,
  submitterBlock,
  type XverpBlock,
  xverpBlock,
} from '../config/schema-extensions.ts'
import type { ExtensionBlocks, ListenerSettings, NetworkTransportSettings } from '../config/settings.ts'
import * as extensions from '../extensions/index.ts'
import type { Address } from '../mail/address.ts'
import type { Extension, Session } from '../smtp/extension.ts'
import type { AuthFor } from './auth.ts'
import {
  type CheckpointNames,
  type CheckpointStore,
  checkpointClient,
  checkpointServer,
  checkpointSettings,
} from './checkpoint.ts'
import { clientsOf, whoAre } from './clients.ts'
import { allowed, allowsNobody, blockOf, capabilities, prioritySettings, unwanted } from './extension-settings.ts'
import { noLogins } from './logins.ts'
import { maySubmit, type SubmitterServices } from './may-submit.ts'
import { grantedAsDsn, type SuccessReports, type SuccessServices } from './success-reports.ts'
import { trackingOf, trackingSchema } from './tracking.ts'

/** What extensions need of the rest of the program. */
export interface ExtensionServices extends SuccessServices, SubmitterServices {
  /** Absent: no STARTTLS as a server. */
  readonly serverTls?: extensions.Tls
  readonly clientTls: extensions.Tls
  /** The extensions of modules, by the blocks that hold. */
  readonly modules?: (blocks: ExtensionBlocks) => readonly Extension[]
  readonly verify: extensions.Verify
  readonly mailboxOf?: extensions.MailboxOf
  /** The domain of names without one. */
  readonly home?: string
  readonly expand: extensions.Expand
  /** Whether mail for an address ends in a mailbox here. */
  readonly isMailbox: (address: Address) => Promise<boolean>
  /** Makes content fit for recipients of hops. */
  readonly adapt: extensions.Adapt
  /** By the block of `rrvs` that holds for a listener. */
  readonly ownership: (block: unknown) => extensions.Ownership
  /** Whether mail is delivered at all, or waits. */
  readonly delivers: () => boolean
  /** Absent: nobody is asked. */
  readonly room?: extensions.Room
  readonly release: extensions.FutureReleaseServices
  /** Absent: nobody logs in. */
  readonly auth?: AuthFor
  /** Absent: no CHECKPOINT as a server. */
  readonly checkpoints?: CheckpointStore
  readonly transactionNames: CheckpointNames
  /** Absent: nobody logs in anywhere. */
  readonly logins?: extensions.AuthClient
  /** Somebody answers those who ask for tracked mail. */
  readonly tracked?: boolean
  /** Told of the priority that a client asked for, and that its mail has. */
  readonly priority: (session: Session, asked: number, given: number) => void
}

/** A listener, as extensions are made for it. */
export interface AtListener extends ListenerSettings {
  readonly services: Omit<ExtensionServices, 'transactionNames'>
  /** Undefined: everyone has them. */
  readonly reports: SuccessReports | undefined
}

/** A transport likewise. */
export interface AtTransport {
  readonly dialect: 'smtp' | 'lmtp'
  readonly extensions: ExtensionBlocks
  readonly tls: NetworkTransportSettings['tls']
  readonly services: Pick<ExtensionServices, 'clientTls' | 'adapt' | 'modules' | 'transactionNames' | 'logins'>
}

/** Why an extension is not on offer, in a few words. */
type Why = string

/** One extension of Smail's own: its settings, and how it is made for each place. */
export interface ExtensionRow {
  /** In lower case: the name of its block. */
  readonly name: string
  /** Absent: it is no affair of settings. */
  readonly schema?: z.ZodType
  /** Absent: it has no side for servers, or none that is on offer. */
  readonly server?: (at: AtListener) => Extension | Why
  /** Why it is offered to nobody where it is there: its commands are known, and refused. Undefined: somebody has it. */
  readonly nobody?: (at: AtListener) => Why | undefined
  /** Where its block says `off`. Absent: it is not there. */
  readonly serverOff?: () => Extension
  /** Absent: it has no side for clients. A text: not for this transport, and why. */
  readonly client?: (at: AtTransport) => Extension | Why
  /** It is there for hops whatever its block says: what mail was promised is kept. */
  readonly clientStays?: true
  /** Listeners of MTQP go by its block as well. */
  readonly mtqp?: true
  /** As the queue and reports see it: what it reads of stored parameters. */
  readonly queue?: (blocks: ExtensionBlocks) => Extension | undefined
}

const NONE = z.strictObject({})
const UNNAMED = kind(z.strictObject({}), { offUnlessNamed: true })
const NOT_BY_LMTP = 'not by LMTP'
const NOBODY = 'nobody is allowed'

/** Not on offer, and its parameters answered as its RFC has it. */
const unoffered = ({ keyword, rfc, params = {} }: Extension): Extension => ({ keyword, rfc, params })

const smtpOnly = ({ protocol }: ListenerSettings, make: () => Extension | Why): Extension | Why =>
  protocol === 'lmtp' ? NOT_BY_LMTP : make()

const bySmtp = ({ dialect }: AtTransport, make: () => Extension | Why): Extension | Why =>
  dialect === 'lmtp' ? NOT_BY_LMTP : make()

const always = (make: () => Extension): Pick<ExtensionRow, 'server' | 'client'> => ({ server: make, client: make })

const futureRelease = ({ extensions: blocks, protocol, services }: AtListener): Extension | Why => {
  const block = blockOf<FutureReleaseBlock>(blocks, 'futurerelease')
  // RFC 4865 4.2: nowhere else.
  if (protocol !== 'submission' || block === undefined) return 'only for submission'
  const most = Math.floor(block.max / 1000)
  return extensions.futureRelease({ most, perUser: block['per-user'], total: block.total, ...services.release })
}

const authWords = ({ mechanisms, required }: extensions.AuthServer): string => {
  const shown = mechanisms.filter(({ plaintext }) => plaintext).map(({ name }) => name)
  const tls = shown.length === 0 ? [] : [`${shown.join(' and ')} under TLS`]
  return [...tls, ...(required ? ['and demanded'] : [])].join(', ') || 'to everyone'
}

const mtPriority = ({ extensions: blocks, protocol, services }: AtListener): Extension | Why => {
  const block = blockOf<MtPriorityBlock>(blocks, 'mt-priority')
  if (block === undefined) return 'it has no settings'
  const submission = protocol === 'submission'
  const settings = { ...prioritySettings(block), ...(submission ? {} : { least: -9 }) }
  return extensions.mtPriority(settings, { trusts: clientsOf(block, protocol), note: services.priority })
}

const xverp = ({ extensions: blocks, protocol }: AtListener): Extension | Why => {
  const block = blockOf<XverpBlock>(blocks, 'xverp')
  if (block === undefined) return 'it has no settings'
  const extension = extensions.xverp(block, clientsOf(block, protocol))
  const { words } = extension
  const offered = whoAre(block, protocol)
  return { ...extension, words: { ...(words?.relay ? { relay: words.relay } : {}), ...(offered ? { offered } : {}) } }
}

/** For the mail of others, whatever is offered by now. */
const storedXverp = (blocks: ExtensionBlocks): Extension =>
  extensions.xverp(blockOf<XverpBlock>(blocks, 'xverp') ?? { delimiters: '+=', pass: false })

const deliverBy = ({ extensions: blocks, services, reports }: AtListener): Extension => {
  const { minimum, trace } = blockOf<DeliverByBlock>(blocks, 'deliverby') ?? { minimum: 0, trace: true }
  return extensions.deliverBy({ minimum: Math.ceil(minimum / 1000), trace }, services.delivers, reports?.proof)
}

const conNeg = ({ extensions: blocks, services }: AtListener): Extension =>
  extensions.conNeg(capabilities(blocks['conneg'], services.isMailbox))

/**
 * In the order in which they act: what changes the channel; what parameters demand of each other and of the session; an
 * upload that goes on; what there is room for; policy; and last who has the last word on replies.
 */
export const extensionTable: readonly ExtensionRow[] = [
  {
    name: 'starttls',
    schema: NONE,
    server: ({ services: { serverTls } }) =>
      serverTls ? extensions.startTls(serverTls) : 'there is no certificate: tls',
    client: ({ tls, services }) => {
      if (tls === 'off') return 'tls is off'
      return extensions.startTls(services.clientTls, tls === 'wrapped' ? 'verify' : tls)
    },
  },
  {
    name: 'lmtp',
    server: ({ protocol }) => (protocol === 'lmtp' ? extensions.lmtp() : 'it is spoken at lmtp listeners'),
    client: ({ dialect }) => (dialect === 'lmtp' ? extensions.lmtp() : 'not by SMTP'),
  },
  {
    name: 'auth',
    schema: authBlock,
    server(at) {
      const made = at.services.auth?.(at) ?? 'programs of this machine need not log in'
      return typeof made === 'string' ? made : { ...extensions.auth(made), words: { offered: authWords(made) } }
    },
    client: ({ services: { logins } }) => ({
      ...extensions.auth(undefined, logins ?? noLogins),
      words: { relay: `${logins ? 'logs in where a login is set' : 'no login is set'}; passes on who submitted` },
    }),
    clientStays: true,
  },
  { name: 'pipelining', schema: NONE, ...always(extensions.pipelining) },
  {
    name: 'requiretls',
    schema: extensions.requireTlsSettings,
    server: ({ services }) => (services.serverTls ? extensions.requireTls() : 'there is no certificate: tls'),
    client: ({ extensions: blocks }) => extensions.requireTls(blockOf(blocks, 'requiretls')),
    clientStays: true,
    queue: () => extensions.requireTls(),
  },
  { name: 'limits', schema: NONE, ...always(extensions.limits) },
  { name: '8bitmime', schema: NONE, ...always(extensions.eightBitMime) },
  { name: 'smtputf8', schema: NONE, ...always(extensions.smtpUtf8) },
  { name: 'chunking', schema: NONE, ...always(() => extensions.chunking()) },
  { name: 'binarymime', schema: NONE, ...always(extensions.binaryMime) },
  {
    name: 'dsn',
    schema: dsnBlock,
    // Who offers it promises reports of success, and an LMTP listener has nothing behind it that makes any.
    server: (at) => smtpOnly(at, () => extensions.dsn(at.reports)),
    client: () => extensions.dsn(),
    queue: () => extensions.dsn(),
  },
  {
    name: 'deliverby',
    schema: deliverByBlock,
    server: (at) => smtpOnly(at, () => grantedAsDsn(at.reports, deliverBy(at))),
    client: () => extensions.deliverBy(),
    queue: () => extensions.deliverBy(),
  },
  {
    name: 'futurerelease',
    schema: futureReleaseBlock,
    server: futureRelease,
    client: () => extensions.futureRelease(),
    queue: () => extensions.futureRelease(),
  },
  {
    name: 'mtrk',
    schema: trackingSchema,
    server: (at) =>
      smtpOnly(at, () => {
        if (!at.services.tracked) return 'nobody could ask: there is no mtqp listener'
        if (at.extensions['dsn'] === 'off') return 'it needs DSN'
        return grantedAsDsn(at.reports, extensions.mtrk(trackingOf(at.extensions['mtrk'])))
      }),
    client: ({ extensions: blocks }) => extensions.mtrk(trackingOf(blocks['mtrk'])),
    queue: () => extensions.mtrk(trackingOf({})),
    mtqp: true,
  },
  {
    name: 'mt-priority',
    schema: mtPriorityBlock(extensions.priorityPolicies),
    server: mtPriority,
    client: () => extensions.mtPriority(),
    queue(blocks) {
      const block = blockOf<MtPriorityBlock>(blocks, 'mt-priority')
      return block && extensions.mtPriority(prioritySettings(block))
    },
  },
  {
    name: 'prdr',
    schema: UNNAMED,
    server: (at) => smtpOnly(at, extensions.prdr),
    client: (at) => bySmtp(at, extensions.prdr),
  },
  {
    name: 'conperm',
    schema: NONE,
    server: () => extensions.conPerm(),
    serverOff: () => unoffered(extensions.conPerm()),
    client: () => extensions.conPerm(),
    clientStays: true,
    queue: () => extensions.conPerm(),
  },
  {
    name: 'conneg',
    schema: extensions.connegSettings,
    server: conNeg,
    serverOff: () => unoffered(extensions.conNeg()),
    client: ({ services }) => extensions.conNeg(undefined, services.adapt),
  },
  {
    name: 'checkpoint',
    schema: checkpointSettings,
    server(at) {
      if (at['bare-newlines'] === 'normalize') return 'octets cannot be counted where line ends are normalized'
      return smtpOnly(at, () => checkpointServer(at, at.services.checkpoints)[0] ?? 'there is no spool for it')
    },
    client: (at) => bySmtp(at, () => checkpointClient(at.extensions['checkpoint'], at.services.transactionNames)),
  },
  {
    name: 'size',
    schema: NONE,
    server: ({ limits, services }) => extensions.size(limits.message, services.room),
    // Without a limit of its own it still tells the hop how big the mail is, and obeys the hop's.
    client: () => extensions.size(),
  },
  {
    name: 'rrvs',
    schema: rrvsBlock,
    server: ({ extensions: blocks, services }) => extensions.rrvs(services.ownership(blocks['rrvs'])),
    client: () => extensions.rrvs(async () => 'elsewhere'),
    queue: () => extensions.rrvs(async () => 'elsewhere'),
  },
  {
    name: 'no-soliciting',
    schema: extensions.noSolicitingSettings,
    server: ({ extensions: blocks, services }) =>
      extensions.noSoliciting(unwanted(blocks['no-soliciting']), services.mailboxOf),
    client: ({ extensions: blocks }) => extensions.noSoliciting(unwanted(blocks['no-soliciting'])),
  },
  {
    name: 'submitter',
    schema: submitterBlock,
    server: (at) => smtpOnly(at, () => extensions.submitter(maySubmit(at))),
    client: (at) => bySmtp(at, () => extensions.submitter()),
    queue: () => extensions.submitter(),
  },
  {
    name: 'xverp',
    schema: xverpBlock,
    server: (at) => smtpOnly(at, () => xverp(at)),
    nobody({ extensions: blocks, protocol }) {
      const block = blockOf<XverpBlock>(blocks, 'xverp')
      return block && whoAre(block, protocol) === null ? NOBODY : undefined
    },
    client: ({ extensions: blocks }) => storedXverp(blocks),
    clientStays: true,
    queue: storedXverp,
  },
  { name: 'help', schema: NONE, server: extensions.help },
  {
    name: 'expn',
    schema: askersBlock('Networks whose clients may ask who is on a list.'),
    server: ({ extensions: blocks, services }) => extensions.expn(services.expand, allowed(blocks['expn'])),
    nobody: ({ extensions: blocks }) => (allowsNobody(blocks['expn']) ? NOBODY : undefined),
  },
  {
    name: 'vrfy',
    schema: askersBlock('Networks whose clients are told whether a mailbox exists; others get 252.'),
    server: ({ extensions: blocks, services }) =>
      extensions.vrfy(services.verify, allowed(blocks['vrfy']), services.home),
  },
  { name: 'enhancedstatuscodes', schema: NONE, ...always(extensions.enhancedStatusCodes) },
]
