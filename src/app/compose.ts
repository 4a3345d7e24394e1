import type { Issue } from '../config/check.ts'
import { restartNeeded, withFixed } from '../config/restart.ts'
import type { Settings } from '../config/settings.ts'
import { takeLocal } from '../intake/local.ts'
import { readAddress } from '../mail/address.ts'
import { charsetConverter } from '../mime/forms/charset-converter.ts'
import type { ContentConverter } from '../mime/forms/content-converter.ts'
import type { Channel } from '../net/channel.ts'
import { type Clock, systemClock } from '../observe/clock.ts'
import { type Log, silentLog } from '../observe/log.ts'
import { createQueue, type Queue } from '../queue/queue.ts'
import { queueDefaults } from '../queue/settings.ts'
import type { Reporter } from '../reports/report.ts'
import { serve } from '../smtp/server.ts'
import { memorySpool } from '../spool/memory.ts'
import type { Spool } from '../spool/spool.ts'
import { openSqliteSpool } from '../spool/sqlite.ts'
import type { Transport } from '../transports/transport.ts'
import { lastingSecret } from './checkpoint.ts'
import { explainAddress } from './explain.ts'
import type { ExtensionModule } from './extension-module.ts'
import { extensionRows } from './extension-rows.ts'
import { spoolFaults } from './folders.ts'
import { type Generation, makeGeneration, type Standing } from './generation.ts'
import { idleSettings } from './idle-settings.ts'
import { Listeners } from './listeners.ts'
import type { Explained, ExtensionRow, Mta, Reloaded, Status, Submission } from './mta.ts'
import { Resolvers } from './resolvers.ts'
import { checkParams } from './submission.ts'
import { sweeping } from './sweeping.ts'
import { Unavailable, Unfit } from './unfit.ts'

/** What a program that embeds us may bring along. */
export interface Services {
  readonly clock?: Clock
  readonly log?: Log
  /** SMTP extensions of one's own. */
  readonly modules?: readonly ExtensionModule[]
  /** Of content, for recipients who take it in other forms only (RFC 4141); asked behind the one for charsets. */
  readonly converters?: readonly ContentConverter[]
}

/** See `Mta`. Throws `Misconfigured` with all that the settings ask and cannot be had. */
export const createMta = async (settings: Settings, services: Services = {}): Promise<Mta> => {
  const mta = new ComposedMta(services)
  await mta.prepare(settings)
  return mta
}

class ComposedMta implements Mta {
  readonly #clock: Clock
  readonly #log: Log
  readonly #deliveries: AbortController = new AbortController()
  readonly #listeners: Listeners
  readonly #resolvers: Resolvers
  readonly #standing: Standing
  #generation: Generation | undefined
  #spool: Spool | undefined
  #queue: Queue | undefined
  #sweep: { stop(): Promise<void> } | undefined
  #started: number | undefined
  #secret: () => Uint8Array = () => new Uint8Array()
  #state: Status['state'] = 'running'

  constructor({ clock = systemClock(), log = silentLog, modules = [], converters = [] }: Services) {
    this.#clock = clock
    this.#log = log
    this.#listeners = new Listeners({ clock, log, serve: (name) => this.#generation?.listeners.get(name) })
    this.#resolvers = new Resolvers(clock)
    this.#standing = {
      clock,
      log,
      modules,
      converters: [charsetConverter(), ...converters],
      dns: (settings) => this.#resolvers.of(settings),
      spool: () => this.spool,
      listening: () => this.#listeners.ports,
      signal: this.#deliveries.signal,
      secret: () => this.#secret(),
    }
  }

  async prepare(settings: Settings): Promise<void> {
    this.#secret = lastingSecret(settings)
    this.#generation = await makeGeneration(settings, this.#standing)
  }

  get #now(): Generation {
    if (this.#generation === undefined) throw new Error('The MTA was stopped')
    return this.#generation
  }

  get spool(): Spool {
    if (this.#spool === undefined) throw new Error('The MTA is not started')
    return this.#spool
  }

  async start(): Promise<void> {
    const { settings } = this.#now
    try {
      const faults = await spoolFaults(settings)
      if (faults.length > 0) throw new Unfit(faults)
      this.#spool = await this.#openSpool(settings)
      const opened = await this.#listeners.prepare(settings)
      opened.commit()
      this.#queue = this.#makeQueue(this.#spool, settings)
      await this.#queue.start()
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#sweep = sweeping(this.#spool, this.#clock, this.#log)
    this.#started = this.#clock.now()
    const addresses = this.#listeners.addresses.map(({ name, address }) => `${name}=${address}`)
    this.#log.event('info', 'started', { hostname: settings.hostname, listeners: addresses })
  }

  async #openSpool({ spool, hostname }: Settings): Promise<Spool> {
    const clock = this.#clock
    if (spool.driver === 'memory') return memorySpool({ clock })
    const { path, history } = spool
    try {
      return await openSqliteSpool({ path, owner: hostname, clock, log: this.#log, keepHistory: history })
    } catch (error) {
      throw new Unavailable(['spool', 'sqlite', 'path'], path, error)
    }
  }

  /** The queue lives through reloads, so it asks whatever generation is in force. */
  #makeQueue(spool: Spool, { queue, hostname }: Settings): Queue {
    const resolver = {
      isOurs: (domain: string) => this.#now.resolver.isOurs(domain),
      resolve: (...asked: Parameters<Generation['resolver']['resolve']>) => this.#now.resolver.resolve(...asked),
      expand: (...asked: Parameters<Generation['resolver']['expand']>) => this.#now.resolver.expand(...asked),
    }
    const reporter: Reporter = {
      owed: (...asked) => this.#now.reporter.owed(...asked),
      passesOn: (...asked) => this.#now.reporter.passesOn(...asked),
      schedule: (...asked) => this.#now.reporter.schedule(...asked),
      compose: (...asked) => this.#now.reporter.compose(...asked),
    }
    return createQueue({
      spool,
      resolver,
      transports: new CurrentTransports(() => this.#now.transports),
      reporter,
      clock: this.#clock,
      log: this.#log,
      owner: hostname,
      settings: {
        lifetime: queue.lifetime,
        bounceLifetime: queue.lifetime,
        delayWarning: queue['delay-warning'],
        backoff: { ...queueDefaults.backoff, first: queue.backoff.min, most: queue.backoff.max },
        rest: restsWithin(queue.backoff),
        concurrency: { ...queueDefaults.concurrency, total: queue.concurrency },
        drain: queue.drain,
      },
    })
  }

  async drain(): Promise<void> {
    this.#state = 'draining'
    this.#log.event('info', 'draining', {})
    await Promise.all([this.#listeners.drain(this.#now.settings.queue.drain), this.#queue?.drain()])
    await this.#close()
  }

  async stop(): Promise<void> {
    this.#state = 'draining'
    this.#listeners.destroy()
    await this.#queue?.stop()
    await this.#close()
  }

  async #close(): Promise<void> {
    this.#deliveries.abort()
    const [spool, generation] = [this.#spool, this.#generation]
    this.#queue = undefined
    this.#spool = undefined
    await this.#sweep?.stop()
    this.#sweep = undefined
    await generation?.close()
    await this.#resolvers.close()
    await spool?.close()
    // What never began is told as what it is: a start that failed.
    if (spool && this.#started !== undefined) this.#log.event('info', 'stopped', {})
  }

  async reload(wanted: Settings): Promise<Reloaded> {
    const before = this.#now
    const settings = withFixed(wanted, before.settings)
    const next = await makeGeneration(settings, this.#standing)
    let opened: Awaited<ReturnType<Listeners['prepare']>>
    try {
      opened = await this.#listeners.prepare(settings)
    } catch (error) {
      await next.close()
      throw error
    }
    this.#generation = next
    opened.commit()
    await this.#spool?.forgetLanes()
    this.#queue?.kick()
    void before.close()
    const left = restartNeeded(before.settings, wanted)
    this.#log.event('info', 'reloaded', { 'restart-needed': left })
    return { restartNeeded: left }
  }

  get domain(): string {
    const { domains, hostname } = this.#now.settings
    return domains[0] ?? hostname
  }

  async explain(address: string): Promise<Explained> {
    const text = address.includes('@') ? address : `${address}@${this.domain}`
    return explainAddress(readAddress(text), this.#now.resolver)
  }

  idle(given: unknown): readonly Issue[] {
    const { settings, idle } = this.#now
    return [...idle(given), ...idleSettings(settings, given)]
  }

  extensions(): readonly ExtensionRow[] {
    return extensionRows(
      this.#now.offers,
      this.#now.client,
      this.#now.known,
      this.#now.settings.listen.filter(({ protocol }) => protocol !== 'mtqp'),
    )
  }

  async status(): Promise<Status> {
    const { settings } = this.#now
    return {
      state: this.#state,
      hostname: settings.hostname,
      domain: this.domain,
      spool: settings.spool.driver === 'memory' ? 'memory' : settings.spool.path,
      pid: process.pid,
      uptime: this.#clock.now() - (this.#started ?? this.#clock.now()),
      listeners: this.#listeners.addresses,
      sessions: this.#listeners.connections,
      queue: await this.spool.counts(),
    }
  }

  kick(): void {
    this.#queue?.kick()
  }

  async submit(mail: Submission, body: AsyncIterable<Uint8Array>): Promise<{ readonly id: string }> {
    const { settings, resolver, local } = this.#now
    checkParams(mail, local.registry)
    return takeLocal(mail, body, {
      listener: 'local',
      hostname: settings.hostname,
      hops: settings.limits.hops,
      spool: this.spool,
      resolver,
      clock: this.#clock,
      log: this.#log,
      maxOctets: settings.limits.message,
      maxHeader: settings.limits.header,
      maxRecipients: settings.limits.recipients,
      extensions: local.registry.extensions,
    })
  }

  attend(channel: Channel): Promise<void> {
    return serve(channel, this.#now.local, this.#deliveries.signal)
  }
}

/** A host out of reach is asked again at least as often as mail for a host within reach is tried. */
const restsWithin = ({ min, max }: Settings['queue']['backoff']): typeof queueDefaults.rest => ({
  first: Math.min(queueDefaults.rest.first, min),
  most: Math.min(queueDefaults.rest.most, max),
})

/** The transports in force, whichever those are when one is asked for. */
class CurrentTransports extends Map<string, Transport> {
  readonly #current: () => ReadonlyMap<string, Transport>

  constructor(current: () => ReadonlyMap<string, Transport>) {
    super()
    this.#current = current
  }

  override get(name: string): Transport | undefined {
    return this.#current().get(name)
  }

  override has(name: string): boolean {
    return this.#current().has(name)
  }
}
