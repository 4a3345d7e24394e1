import { createResolver, type Resolver } from '../addressing/resolve.ts'
import type { Issue } from '../config/check.ts'
import { networks } from '../config/networks.ts'
import type { ExtensionBlocks, ListenerSettings, Settings } from '../config/settings.ts'
import { addressOfUser } from '../directors/owners.ts'
import { immediate } from '../intake/immediate.ts'
import { intake } from '../intake/intake.ts'
import { type Address, readAddress } from '../mail/address.ts'
import type { Instant } from '../mail/instant.ts'
import { ScratchFile } from '../mime/convert/scratch-file.ts'
import type { ContentConverter } from '../mime/forms/content-converter.ts'
import { serveTracking } from '../mtqp/serve.ts'
import type { Channel } from '../net/channel.ts'
import type { Resolver as Dns, RecordResolver } from '../net/resolver.ts'
import { tlsService } from '../net/tls.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { spfBy, type Verdict } from '../policy/spf.ts'
import { createReporter, type Reporter } from '../reports/report.ts'
import { isOurAddress } from '../routers/self.ts'
import { adapter } from '../smtp/adapter.ts'
import type { Extension, Schedule, Session } from '../smtp/extension.ts'
import { type ServerContext, serve, serverContext } from '../smtp/server.ts'
import type { Spool } from '../spool/spool.ts'
import type { Transport } from '../transports/transport.ts'
import { authentication } from './auth.ts'
import { serverTls } from './certificate.ts'
import { spoolPartials } from './checkpoint.ts'
import { makeDirectors } from './directors.ts'
import type { ExtensionModule } from './extension-module.ts'
import { clientExtensions, type Offered, offered, reportExtensions } from './extensions.ts'
import { idleBlocks } from './idle-blocks.ts'
import { logsIn, noLogins } from './logins.ts'
import { moduleExtensions, registryOf } from './modules.ts'
import { ownerships } from './ownership.ts'
import { roomFor } from './room.ts'
import { makeRouters } from './routers.ts'
import { scratchFolder } from './scratch.ts'
import { trackingServer } from './tracking.ts'
import { makeTransports } from './transports.ts'
import { Faults } from './unfit.ts'

/** What outlives a reload. */
export interface Standing {
  readonly clock: Clock
  readonly log: Log
  readonly modules: readonly ExtensionModule[]
  readonly converters: readonly ContentConverter[]
  dns(settings: Settings): Promise<Dns & RecordResolver>
  /** Opened at the start; asked only when mail comes. */
  spool(): Spool
  /** Where listeners listen now. */
  listening(): readonly { readonly address: string; readonly port: number }[]
  /** Aborted when deliveries have to end. */
  readonly signal: AbortSignal
  /** See `lastingSecret`. */
  secret(): Uint8Array
}

/** Serves one connection until it is over. Never rejects. */
export type ServeListener = (channel: Channel, signal: AbortSignal) => Promise<void>

/** Everything that one set of settings is made into. Nothing of it listens, claims or writes by itself. */
export interface Generation {
  readonly settings: Settings
  readonly resolver: Resolver
  readonly transports: ReadonlyMap<string, Transport>
  readonly reporter: Reporter
  readonly postmaster: Address
  /** By the listener's name. */
  readonly listeners: ReadonlyMap<string, ServeListener>
  /** For local programs that speak SMTP. */
  readonly local: ServerContext
  readonly offers: ReadonlyMap<string, Offered>
  readonly client: readonly Extension[]
  /** Those that nobody named, too. */
  readonly known: readonly Extension[]
  /** Blocks of extensions that can have no effect where they stand in settings as they were given. */
  idle(given: unknown): readonly Issue[]
  /** Lets idle connections go. Deliveries under way go on. Never rejects. */
  close(): Promise<void>
}

/** Throws `Unfit` with all that the settings ask and cannot be had; then nothing is left behind. */
export const makeGeneration = async (settings: Settings, standing: Standing): Promise<Generation> => {
  const { clock, log, converters } = standing
  const faults = new Faults()
  // What is wrong is noted, and all else is made without it: all faults are told at once.
  const modules = (blocks: ExtensionBlocks) =>
    faults.at(['modules'], () => moduleExtensions(standing.modules, blocks)) ?? []
  const registry = (extensions: readonly Extension[]) =>
    faults.at(['modules'], () => registryOf(extensions, standing.modules)) ?? registryOf([], [])
  const uid = process.getuid?.() ?? 0
  const gid = process.getgid?.() ?? 0
  const postmaster = readAddress(settings.postmaster)
  const tls = await faults.of(['tls'], () => serverTls(settings, clock))
  const clientTls = tlsService({ clock })
  const dns = await standing.dns(settings)
  const self = { hostname: settings.hostname, addresses: () => standing.listening() }
  const runningAs = { uid, gid }
  const transactionNames = { domain: settings.hostname, secret: () => standing.secret() }
  const adapt = adapter({
    hostname: settings.hostname,
    converters,
    scratch: () => new ScratchFile(scratchFolder(settings)),
  })
  const means = { clock, log, resolver: dns, clientTls, transactionNames, runningAs, modules, registry, adapt }
  const transports = faults.at(['transports'], () => makeTransports(settings, means)) ?? new Map<string, Transport>()
  const directors = (await faults.of(['directors'], () => makeDirectors(settings, { clock, log, uid }))) ?? []
  const ownership = await ownerships(settings, () => resolver, { clock, log }, faults)
  const home = settings.domains[0] ?? settings.hostname
  const authMeans = { clock, log, uid, secret: () => standing.secret(), home, tls: tls !== undefined }
  const auth = await authentication(settings, authMeans, faults)
  const routers = faults.at(['routers'], () => makeRouters(settings, dns, self)) ?? []
  const resolver = createResolver({
    domains: settings.domains,
    // Whoever writes to an address means the port of SMTP, which somebody in front of us may pass on to another.
    isOurAddress: (address) => standing.listening().some(({ port }) => isOurAddress(self, address, port)),
    hostname: settings.hostname,
    postmaster,
    directors,
    routers,
    stores: new Set(settings.transports.flatMap((one) => (one.driver === 'lmtp' && one.to ? [one.name] : []))),
    clock,
    log,
  })
  const expires = ({ accepted, schedule }: { accepted: Instant; schedule: Schedule }): Instant =>
    (schedule.notBefore ?? accepted) + (schedule.lifetime ?? settings.queue.lifetime)
  const reporter = createReporter({
    hostname: settings.hostname,
    extensions: reportExtensions(settings.extensions, modules(settings.extensions)),
    clock,
    postmaster,
    maxReturned: settings.queue['return-limit'],
    expires,
  })
  const trusted = networks(settings['relay-from'])
  const mayRelay = (session: Session) => session.identity !== undefined || trusted(session.peer)
  const services = {
    home,
    mailboxOf: mailboxOf(() => resolver),
    clientTls,
    modules,
    verify: (address: Address) => verify(address, resolver, settings),
    ownership,
    expand: (address: Address) => resolver.expand(atHome(address, settings)),
    isMailbox: async (address: Address) => (await resolver.resolve(atHome(address, settings))).to === 'mailbox',
    adapt,
    delivers: () => settings.queue.concurrency > 0,
    room: roomFor(settings, { resolver, transports, clock, log }),
    priority: ({ peer, identity }: Session, asked: number, given: number) =>
      log.event('info', 'priority', { peer, identity, asked, given }),
    release: {
      now: () => clock.now(),
      allow: mayRelay,
      held: async (identity: string | undefined) => {
        const of = identity === undefined ? {} : { identity }
        return (await standing.spool().ahead({ now: clock.now(), ...of })).octets
      },
    },
    spf: spfBy({ resolver: dns, clock, log, hostname: settings.hostname }),
    unproved: ({ peer, greeting }: Session, domain: string, verdict: Verdict) =>
      log.event('info', 'sender-unproved', { peer, helo: greeting?.name, domain, spf: verdict }),
    mayRelay,
    tracked: settings.listen.some(({ protocol }) => protocol === 'mtqp'),
  }
  const checkpoints = spoolPartials(() => standing.spool(), clock, log)
  const mail = settings.listen.filter(({ protocol }) => protocol !== 'mtqp')
  const asServer = { ...services, checkpoints, auth, ...(tls ? { serverTls: tls } : {}) }
  const offers = new Map(mail.map((listener) => [listener.name, offered(listener, asServer)]))
  const context = (listener: ListenerSettings, extensions: readonly Extension[], local: boolean): ServerContext =>
    serverContext({
      hostname: settings.hostname,
      listener: listener.name,
      registry: registry(extensions),
      clock,
      log,
      limits: listener.limits,
      timeouts: { command: settings.timeouts.command, body: settings.timeouts.body },
      bareNewlines: listener['bare-newlines'],
      sink:
        listener.protocol === 'lmtp'
          ? immediate({
              listener: listener.name,
              hostname: settings.hostname,
              spool: { open: () => standing.spool().open() },
              resolver,
              transports,
              clock,
              log,
              signal: standing.signal,
            })
          : intake({
              listener: listener.name,
              hostname: settings.hostname,
              spool: { open: () => standing.spool().open() },
              resolver,
              hops: listener.limits.hops,
              submission: local || listener.protocol === 'submission',
              mayRelay: (session) => local || mayRelay(session),
              clock,
              log,
            }),
    })
  const served = (listener: ListenerSettings): ServeListener => {
    if (listener.protocol === 'mtqp') {
      const tracking = trackingServer(listener, settings, { clock, log, tls, spool: () => standing.spool(), expires })
      return (channel, signal) => serveTracking(channel, tracking, signal)
    }
    const made = context(listener, offers.get(listener.name)?.extensions ?? [], false)
    return (channel, signal) => serve(channel, made, signal)
  }
  const here = localListener(settings)
  const atLocal = offered(here, { ...services, tracked: true, vouched: () => true })
  const loggingIn = settings.transports.some((one) => 'logins' in one && logsIn(one))
  const logins = loggingIn ? { logins: noLogins } : {}
  const asClient = { clientTls, modules, transactionNames, adapt, ...logins }
  const listeners = new Map(settings.listen.map((one) => [one.name, served(one)]))
  const local = context(here, atLocal.extensions, true)
  try {
    faults.demandNone()
  } catch (error) {
    await closeAll(transports)
    throw error
  }
  return {
    settings,
    resolver,
    transports,
    reporter,
    postmaster,
    offers,
    client: clientExtensions('smtp', settings.extensions, 'may', asClient),
    idle: (given) => idleBlocks(settings, given, { asServer, asClient, local: atLocal }),
    known: [
      ...clientExtensions('smtp', {}, 'may', asClient),
      ...offered({ ...here, extensions: {} }, { ...services, auth: () => ({ mechanisms: [] }) }).extensions,
    ],
    listeners,
    local,
    close: () => closeAll(transports),
  }
}

const closeAll = async (transports: ReadonlyMap<string, Transport>): Promise<void> => {
  await Promise.allSettled([...transports.values()].map((transport) => transport.close()))
}

/** `sendmail -bs`: SMTP with a program of this machine. */
const localListener = (settings: Settings): ListenerSettings => ({
  name: 'local',
  protocol: 'smtp',
  addresses: [],
  extensions: settings.extensions,
  limits: settings.limits,
  'bare-newlines': settings['bare-newlines'],
})

const atHome = (address: Address, { domains, hostname }: Settings): Address =>
  address.domain === '' ? { local: address.local, domain: domains[0] ?? hostname } : address

const verify = async (
  address: Address,
  resolver: Resolver,
  settings: Settings,
): Promise<'known' | 'unknown' | 'elsewhere'> => {
  const whole = atHome(address, settings)
  if (!resolver.isOurs(whole.domain)) return 'elsewhere'
  return (await resolver.resolve(whole)).to === 'nobody' ? 'unknown' : 'known'
}

const mailboxOf =
  (resolver: () => Resolver) =>
  async (address: Address): Promise<Address> => {
    const found = resolver().isOurs(address.domain) ? await resolver().resolve(address) : undefined
    return found?.to === 'mailbox' ? addressOfUser(found.mailbox.user, address) : address
  }
