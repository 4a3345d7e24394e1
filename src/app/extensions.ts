import { z } from 'zod'
import { kind } from '../config/kinds.ts'
import { networks, readNetwork } from '../config/networks.ts'
import {
  type DeliverByBlock,
  deliverByBlock,
  type FutureReleaseBlock,
  futureReleaseBlock,
  type MtPriorityBlock,
  mtPriorityBlock,
  rrvsBlock,
} from '../config/schema-extensions.ts'
import type { ExtensionBlocks, ListenerSettings } from '../config/settings.ts'
import * as extensions from '../extensions/index.ts'
import type { Address } from '../mail/address.ts'
import type { Extension, Session } from '../smtp/extension.ts'
import {
  type CheckpointNames,
  type CheckpointStore,
  checkpointClient,
  checkpointServer,
  checkpointSettings,
} from './checkpoint.ts'
import { trackingOf, trackingSchema } from './tracking.ts'

const NONE = z.strictObject({})

/** An extension knows its `allow` for texts only; what a network is, settings know. */
const withNetworks = <T extends { readonly allow: readonly string[] }>(schema: z.ZodType<T>): z.ZodType<T> =>
  schema.superRefine(({ allow }, context) => {
    for (const [index, text] of allow.entries()) {
      try {
        readNetwork(text)
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        context.addIssue({ code: 'custom', path: ['allow', index], message })
      }
    }
  })

/** By keyword in lower case, the schema of what may be set. */
export const extensionSchemas: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  ['starttls', NONE],
  ['pipelining', NONE],
  ['requiretls', extensions.requireTlsSettings],
  ['size', NONE],
  ['limits', NONE],
  ['8bitmime', NONE],
  ['smtputf8', NONE],
  ['chunking', NONE],
  ['binarymime', NONE],
  ['checkpoint', checkpointSettings],
  ['dsn', NONE],
  ['deliverby', deliverByBlock],
  ['futurerelease', futureReleaseBlock],
  ['rrvs', rrvsBlock],
  ['mtrk', trackingSchema],
  ['mt-priority', mtPriorityBlock(extensions.priorityPolicies)],
  ['no-soliciting', extensions.noSolicitingSettings],
  ['prdr', kind(z.strictObject({}), { offUnlessNamed: true })],
  ['submitter', kind(z.strictObject({}), { offUnlessNamed: true })],
  ['conperm', NONE],
  ['conneg', extensions.connegSettings],
  ['help', NONE],
  ['expn', withNetworks(extensions.expnSettings)],
  ['vrfy', withNetworks(extensions.vrfySettings)],
  ['enhancedstatuscodes', NONE],
])

/** What extensions need of the rest of the program. */
export interface ExtensionServices {
  /** Absent: no STARTTLS as a server. */
  readonly serverTls?: extensions.Tls
  readonly clientTls: extensions.Tls
  /** The extensions of modules, by the blocks that hold. */
  readonly modules?: (blocks: ExtensionBlocks) => readonly Extension[]
  readonly verify: extensions.Verify
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
  /** Absent: no CHECKPOINT as a server. */
  readonly checkpoints?: CheckpointStore
  readonly transactionNames: CheckpointNames
  /** Somebody answers those who ask for tracked mail. */
  readonly tracked?: boolean
  /** Told of the priority that a client asked for, and that its mail has. */
  readonly priority: (session: Session, asked: number, given: number) => void
}

const on = (blocks: ExtensionBlocks, keyword: string, make: () => Extension): Extension[] =>
  blocks[keyword] === 'off' ? [] : [make()]

/** Who takes UTF-8 in header fields takes it in bodies (RFC 6531 3.1). */
const eightBit = (blocks: ExtensionBlocks): Extension[] =>
  on(blocks, '8bitmime', extensions.eightBitMime).flatMap((eightBitMime) => [
    eightBitMime,
    ...on(blocks, 'smtputf8', extensions.smtpUtf8),
  ])

/** A binary body is always a counted one. */
const counted = (blocks: ExtensionBlocks): Extension[] =>
  on(blocks, 'chunking', () => extensions.chunking()).flatMap((chunking) => [
    chunking,
    ...on(blocks, 'binarymime', extensions.binaryMime),
  ])

/** A client's network is among those that a block's `allow` names. */
const allowed = (block: unknown): ((session: Session) => boolean) => {
  const list = z.object({ allow: z.array(z.string()) }).safeParse(block)
  const among = networks(list.success ? list.data.allow : [])
  return ({ peer }) => among(peer)
}

const unwanted = (block: unknown): extensions.Unwanted => {
  const read = extensions.noSolicitingSettings.safeParse(block)
  return read.success ? read.data : { refuse: [], recipients: {} }
}

/** A block as its schema made it; undefined where there is none. */
const blockOf = <T extends object>(blocks: ExtensionBlocks, keyword: string): T | undefined => {
  const block = blocks[keyword]
  return typeof block === 'object' && block !== null ? (block as T) : undefined
}

const deliverBy = (blocks: ExtensionBlocks, delivers: () => boolean): Extension => {
  const { minimum, trace } = blockOf<DeliverByBlock>(blocks, 'deliverby') ?? { minimum: 0, trace: true }
  return extensions.deliverBy({ minimum: Math.ceil(minimum / 1000), trace }, delivers)
}

const futureRelease = (blocks: ExtensionBlocks, services: extensions.FutureReleaseServices): Extension[] => {
  const block = blockOf<FutureReleaseBlock>(blocks, 'futurerelease')
  if (block === undefined) return []
  const most = Math.floor(block.max / 1000)
  return [extensions.futureRelease({ most, perUser: block['per-user'], total: block.total, ...services })]
}
const tracking = (blocks: ExtensionBlocks): Extension[] =>
  on(blocks, 'mtrk', () => extensions.mtrk(trackingOf(blocks['mtrk'])))

const prioritySettings = (block: MtPriorityBlock): extensions.PrioritySettings => ({
  ...block,
  levels: new Map(
    Object.entries(block.levels).map(([level, { retry, 'retry-max': most, lifetime, size }]) => {
      const waits = { ...(retry === undefined ? {} : { first: retry }), ...(most === undefined ? {} : { most }) }
      const how: extensions.PriorityLevel = {
        ...(retry === undefined && most === undefined ? {} : { retry: waits }),
        ...(lifetime === undefined ? {} : { lifetime }),
        ...(size === undefined ? {} : { size }),
      }
      return [Number(level), how]
    }),
  ),
})

/** As the queue sees it: of mail that begins here, and of lists. */
const queuePriority = (blocks: ExtensionBlocks): Extension[] => {
  const block = blockOf<MtPriorityBlock>(blocks, 'mt-priority')
  return block === undefined ? [] : [extensions.mtPriority(prioritySettings(block))]
}

/** Whose mail may be more urgent than others'. */
const urgentFrom = (block: MtPriorityBlock, submission: boolean): ((session: Session) => boolean) => {
  const among = networks(block.networks)
  const { identities } = block
  return ({ peer, identity }) =>
    submission || among(peer) || (identity !== undefined && (identities.includes('*') || identities.includes(identity)))
}

const mtPriority = (
  { extensions: blocks, protocol }: ListenerSettings,
  note: ExtensionServices['priority'],
): Extension[] => {
  const block = blockOf<MtPriorityBlock>(blocks, 'mt-priority')
  if (block === undefined) return []
  const submission = protocol === 'submission'
  const settings = { ...prioritySettings(block), ...(submission ? {} : { least: -9 }) }
  return [extensions.mtPriority(settings, { trusts: urgentFrom(block, submission && block.submission), note })]
}

/** Not on offer, and its parameters answered as its RFC has it. */
const unoffered = ({ keyword, rfc, params = {} }: Extension): Extension => ({ keyword, rfc, params })

/** Undefined: nobody has said what anyone takes, or it is not to be told. */
export const capabilities = (block: unknown, isMailbox: (address: Address) => Promise<boolean>) => {
  const read = extensions.connegSettings.safeParse(block)
  if (!read.success || Object.keys(read.data.capabilities).length === 0) return undefined
  return extensions.capabilitiesOf(read.data.capabilities, isMailbox)
}

/** In the order in which they act: what changes the channel, then the rest, and last who has the last word on replies. */
export const serverExtensions = (
  listener: ListenerSettings,
  services: Omit<ExtensionServices, 'transactionNames'>,
): Extension[] => {
  const { extensions: blocks, limits, protocol } = listener
  const { serverTls } = services
  return [
    ...(serverTls ? on(blocks, 'starttls', () => extensions.startTls(serverTls)) : []),
    ...(protocol === 'lmtp' ? [extensions.lmtp()] : []),
    ...on(blocks, 'pipelining', extensions.pipelining),
    ...on(blocks, 'requiretls', () => extensions.requireTls()),
    ...on(blocks, 'size', () => extensions.size(limits.message, services.room)),
    ...on(blocks, 'limits', extensions.limits),
    ...eightBit(blocks),
    ...counted(blocks),
    // Who offers it promises reports of success, and an LMTP listener has nothing behind it that makes any.
    ...(protocol === 'lmtp' ? [] : on(blocks, 'dsn', extensions.dsn)),
    ...(protocol === 'lmtp' ? [] : on(blocks, 'deliverby', () => deliverBy(blocks, services.delivers))),
    // RFC 4865 4.2: nowhere else.
    ...(protocol === 'submission' ? futureRelease(blocks, services.release) : []),
    ...on(blocks, 'rrvs', () => extensions.rrvs(services.ownership(blocks['rrvs']))),
    ...(protocol === 'lmtp' || !services.tracked || blocks['dsn'] === 'off' ? [] : tracking(blocks)),
    ...mtPriority(listener, services.priority),
    ...on(blocks, 'no-soliciting', () => extensions.noSoliciting(unwanted(blocks['no-soliciting']))),
    ...(protocol === 'lmtp' ? [] : on(blocks, 'prdr', extensions.prdr)),
    ...(protocol === 'lmtp' ? [] : on(blocks, 'submitter', () => extensions.submitter())),
    ...(services.modules?.(blocks) ?? []),
    blocks['conperm'] === 'off' ? unoffered(extensions.conPerm()) : extensions.conPerm(),
    extensions.conNeg(capabilities(blocks['conneg'], services.isMailbox)),
    // Behind all that change parameters of MAIL.
    ...(blocks['checkpoint'] === 'off' ? [] : checkpointServer(listener, services.checkpoints)),
    ...on(blocks, 'help', extensions.help),
    ...on(blocks, 'expn', () => extensions.expn(services.expand, allowed(blocks['expn']))),
    ...on(blocks, 'vrfy', () => extensions.vrfy(services.verify, allowed(blocks['vrfy']))),
    ...on(blocks, 'enhancedstatuscodes', extensions.enhancedStatusCodes),
  ]
}

/** The same for a transport. */
export const clientExtensions = (
  dialect: 'smtp' | 'lmtp',
  blocks: ExtensionBlocks,
  tls: 'off' | extensions.TlsDemand,
  services: Pick<ExtensionServices, 'clientTls' | 'adapt' | 'modules' | 'transactionNames'>,
): Extension[] => [
  ...(tls === 'off' ? [] : on(blocks, 'starttls', () => extensions.startTls(services.clientTls, tls))),
  ...(dialect === 'lmtp' ? [extensions.lmtp()] : []),
  ...on(blocks, 'pipelining', extensions.pipelining),
  // Mail that was promised TLS keeps it, whatever is offered to others by now.
  extensions.requireTls(blockOf(blocks, 'requiretls')),
  // Without a limit of its own it still tells the hop how big the mail is, and obeys the hop's.
  ...on(blocks, 'size', () => extensions.size()),
  ...on(blocks, 'limits', extensions.limits),
  ...eightBit(blocks),
  ...counted(blocks),
  ...(dialect === 'lmtp' || blocks['checkpoint'] === 'off'
    ? []
    : checkpointClient(blocks['checkpoint'], services.transactionNames)),
  ...on(blocks, 'dsn', extensions.dsn),
  ...on(blocks, 'deliverby', () => extensions.deliverBy()),
  ...on(blocks, 'futurerelease', () => extensions.futureRelease()),
  ...on(blocks, 'rrvs', () => extensions.rrvs(async () => 'elsewhere')),
  ...tracking(blocks),
  ...on(blocks, 'mt-priority', () => extensions.mtPriority()),
  ...on(blocks, 'no-soliciting', () => extensions.noSoliciting(unwanted(blocks['no-soliciting']))),
  // Mail whose sender restricts conversions stays so, whatever is offered to others by now.
  extensions.conPerm(),
  ...on(blocks, 'conneg', () => extensions.conNeg(undefined, services.adapt)),
  ...(dialect === 'lmtp' ? [] : on(blocks, 'prdr', extensions.prdr)),
  ...(dialect === 'lmtp' ? [] : on(blocks, 'submitter', () => extensions.submitter())),
  ...(services.modules?.(blocks) ?? []),
  ...on(blocks, 'enhancedstatuscodes', extensions.enhancedStatusCodes),
]

/** Every extension that reads stored parameters when mail is expanded and reports are made. */
export const reportExtensions = (blocks: ExtensionBlocks, modules: readonly Extension[] = []): Extension[] => [
  extensions.dsn(),
  extensions.mtrk(trackingOf({})),
  extensions.requireTls(),
  extensions.deliverBy(),
  extensions.futureRelease(),
  extensions.rrvs(async () => 'elsewhere'),
  ...queuePriority(blocks),
  extensions.conPerm(),
  extensions.submitter(),
  ...modules,
]
