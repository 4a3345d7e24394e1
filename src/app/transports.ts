import { hostname as machineName } from 'node:os'
import type { ExtensionBlocks, Settings, TransportSettings } from '../config/settings.ts'
import type { Adapt, Tls } from '../extensions/index.ts'
import { refuse } from '../mail/reply.ts'
import { ScratchFile } from '../mime/convert/scratch-file.ts'
import { dial } from '../net/dialer.ts'
import type { Resolver } from '../net/resolver.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { converter } from '../smtp/converter.ts'
import type { Extension } from '../smtp/extension.ts'
import type { Registry } from '../smtp/registry.ts'
import type { Convert } from '../smtp/relay-mail.ts'
import { discardTransport } from '../transports/discard.ts'
import { lmtpTransport } from '../transports/lmtp.ts'
import { maildirTransport } from '../transports/maildir.ts'
import { mboxTransport } from '../transports/mbox.ts'
import type { ReachOptions } from '../transports/reach.ts'
import { smtpTransport } from '../transports/smtp.ts'
import type { Transport } from '../transports/transport.ts'
import type { CheckpointNames } from './checkpoint.ts'
import { capabilities } from './extension-settings.ts'
import { clientExtensions } from './extensions.ts'
import { loginsOf } from './logins.ts'
import { mailboxForms } from './mailbox-forms.ts'
import { scratchFolder } from './scratch.ts'
import { Faults } from './unfit.ts'

export interface TransportMeans {
  readonly clock: Clock
  readonly log: Log
  readonly resolver: Resolver
  readonly clientTls: Tls
  readonly modules?: (blocks: ExtensionBlocks) => readonly Extension[]
  /** Throws `Unfit`. */
  registry(extensions: readonly Extension[]): Registry
  readonly transactionNames: CheckpointNames
  readonly adapt: Adapt
  readonly runningAs: { readonly uid: number; readonly gid: number }
}

/** By name. Throws `Unfit` with all that cannot work as it is set up. */
export const makeTransports = (settings: Settings, means: TransportMeans): Map<string, Transport> => {
  const faults = new Faults()
  const transports = new Map<string, Transport>()
  for (const one of settings.transports) {
    const path = ['transports', one.name, one.driver, ...('path' in one ? ['path'] : [])]
    const made = faults.at(path, () => make(one, settings, means))
    if (made) transports.set(one.name, made)
  }
  faults.demandNone()
  return transports
}

const converterOf = (settings: Settings): Convert =>
  converter({ ...settings.conversion, scratch: () => new ScratchFile(scratchFolder(settings)) })

const make = (one: TransportSettings, settings: Settings, means: TransportMeans): Transport => {
  const { clock, log, runningAs } = means
  const { name } = one
  const convert = converterOf(settings)
  const known = capabilities(settings.extensions['conneg'], async () => true)
  const fit = known ? { fit: mailboxForms({ capabilities: known, adapt: means.adapt, clock, log }) } : {}
  switch (one.driver) {
    case 'maildir':
      return maildirTransport({
        name,
        path: one.path,
        hostname: settings.hostname,
        clock,
        log,
        runningAs,
        convert,
        ...fit,
      })
    case 'mbox':
      // The lock names the machine, which may not be what mail calls it.
      return mboxTransport({ name, path: one.path, hostname: machineName(), clock, log, runningAs, convert, ...fit })
    case 'discard':
      return discardTransport({ name, clock, log })
    case 'smtp':
      return smtpTransport(network(one, 'smtp', settings, means))
    case 'lmtp':
      return lmtpTransport({ ...network(one, 'lmtp', settings, means), ...(one.to ? { store: storeAt(one.to) } : {}) })
  }
}

const storeAt = (to: { path: string } | { host: string; port: number }) =>
  'path' in to ? { name: to.path, port: 0 } : { name: to.host, port: to.port }

/** TLS from the first octet, to a host whose certificate proves its name, unless its mail shall arrive all the same. */
const wrapped =
  (tls: Tls): NonNullable<ReachOptions['secure']> =>
  async (channel, name, lenient) => {
    const secure = await tls.asClient(channel, name)
    const { verified, why } = secure.secured ?? { verified: false }
    if (verified || lenient) return secure
    secure.destroy()
    return refuse(451, '4.7.10', `The certificate of ${name} does not prove its name: ${why}`)
  }

const network = (
  one: Extract<TransportSettings, { driver: 'smtp' | 'lmtp' }>,
  dialect: 'smtp' | 'lmtp',
  settings: Settings,
  { clock, log, resolver, clientTls, modules, registry, transactionNames, adapt }: TransportMeans,
): Parameters<typeof smtpTransport>[0] => {
  const { timeouts, hostname } = settings
  const logins = loginsOf(one, log)
  return {
    name: one.name,
    registry: registry(
      clientExtensions(dialect, one.extensions, one.tls, {
        clientTls,
        transactionNames,
        adapt,
        ...(modules ? { modules } : {}),
        ...(logins ? { logins } : {}),
      }),
    ),
    dial,
    ...(one.tls === 'wrapped' ? { secure: wrapped(clientTls) } : {}),
    resolver,
    hostname,
    clock,
    log,
    convert: converterOf(settings),
    limits: { perDestination: one.concurrency, recipientsPerDelivery: one.recipients },
    connections: { idle: one.idle },
    timeouts: {
      connect: timeouts.connect,
      greeting: timeouts.greeting,
      hello: timeouts.hello,
      mail: timeouts.mail,
      rcpt: timeouts.rcpt,
      data: timeouts.data,
      block: timeouts.block,
      end: timeouts['end-of-data'],
      quit: timeouts.quit,
    },
  }
}
