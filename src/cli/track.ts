import { text as readAll } from 'node:stream/consumers'
import { Resolvers } from '../app/resolvers.ts'
import { thisMachine } from '../config/machine.ts'
import type { Settings } from '../config/settings.ts'
import { ask } from '../mtqp/client.ts'
import { readEnvid } from '../mtqp/command.ts'
import { follow } from '../mtqp/follow.ts'
import { newTracking, readSecret } from '../mtqp/secret.ts'
import { formatTrackingUri, MTQP_PORT, readAskedHost, readTrackingUri, type TrackingUri } from '../mtqp/uri.ts'
import { dial } from '../net/dialer.ts'
import { tlsService } from '../net/tls.ts'
import { systemClock } from '../observe/clock.ts'
import { EXIT, Exit } from './exit.ts'
import { type Io, print, printable } from './io.ts'
import { ownTracking } from './settings-glance.ts'
import { load } from './settled.ts'
import { failed, stationJson, stationText } from './track-text.ts'
import { CONFIG, type Given, JSON_OPTION, type Usage } from './usage.ts'

export const trackUsage: Usage = {
  name: 'track',
  line: 'smail track mtqp://HOST/track/ENVID/SECRET | ENVID --secret SECRET [HOST[:PORT]] | --new [HOST]',
  does:
    'Says what became of mail that was sent with tracking (RFC 3885), as by sendmail --track: asks HOST, by default the mtqp\n' +
    'listener of the settings, and then each host that the mail was transferred to. SECRET is base64; - reads it from\n' +
    'standard input. With --new: a name and a secret for a message to come. Exit 1: HOST knows of no such message, or the\n' +
    'secret is not its.',
  options: {
    secret: { type: 'string', value: 'SECRET', does: 'the secret of the message' },
    new: { type: 'boolean', does: 'make a name and a secret, and ask nobody' },
    tls: { type: 'string', value: 'off|may|require|verify', does: 'how hosts are spoken to; may, if absent' },
    port: { type: 'string', value: 'PORT', does: 'of hosts whose port the DNS does not tell; 1038, if absent' },
    only: { type: 'boolean', does: 'ask HOST alone' },
    config: CONFIG,
    json: JSON_OPTION,
  },
}

const MODES = ['off', 'may', 'require', 'verify'] as const

export const track = async (given: Given, io: Io): Promise<number> => {
  if (given.has('new')) return await makeNew(given, io)
  const tls = MODES.find((one) => one === (given.text('tls') ?? 'may'))
  if (tls === undefined) throw new Exit(EXIT.usage, `--tls is one of ${MODES.join(', ')}`)
  const port = portOf(given.text('port'))
  const settings = await settingsOf(given.text('config'), io)
  const asked = await askedBy(given, io, settings)
  const clock = systemClock()
  const resolvers = new Resolvers(clock)
  const { asClient } = tlsService({ clock })
  try {
    const resolver = await resolvers.of(settings)
    const stations = follow(asked, asked, {
      resolver,
      port,
      firstOnly: given.has('only'),
      connect: async (host, at) =>
        dial({ addresses: await resolver.addresses(host), port: at }, { clock, timeout: settings.timeouts.connect }),
      ask: (channel, question, names) => ask(channel, question, { names, tls, asClient }),
    })
    let code: number | undefined
    for await (const station of stations) {
      code ??= failed(station)
      await print(io, given.has('json') ? `${JSON.stringify(stationJson(station))}\n` : stationText(station))
    }
    return code ?? EXIT.ok
  } finally {
    await resolvers.close()
  }
}

type Used = Pick<Settings, 'listen' | 'dns'> & { readonly timeouts: Pick<Settings['timeouts'], 'connect'> }

const NO_SETTINGS: Used = {
  listen: [],
  dns: { servers: [], hosts: new Map(), timeout: 5000 },
  timeouts: { connect: 30_000 },
}

/** Whoever asks may be no reader of the machine's settings, and needs little of them. */
const settingsOf = async (file: string | undefined, io: Io): Promise<Used> => {
  const loaded = await load(file, io)
  if ('settings' in loaded) return loaded.settings
  if (file === undefined) return NO_SETTINGS
  throw new Exit(EXIT.config, loaded.faults.join('\n'))
}

/** The URI, or what its parts are given as. Throws `Exit` that says what is wrong. */
const askedBy = async (given: Given, io: Io, settings: Used): Promise<TrackingUri> => {
  const [first, host, ...more] = given.words
  if (first === undefined || more.length > 0) throw new Exit(EXIT.usage, `usage: ${trackUsage.line}`)
  if (/^mtqp:/i.test(first)) {
    const uri = readTrackingUri(first)
    if (!uri) throw new Exit(EXIT.usage, 'this is no tracking URI; expected mtqp://HOST/track/ENVID/SECRET')
    if (given.text('secret') !== undefined) throw new Exit(EXIT.usage, 'the URI has its own secret')
    return host === undefined ? uri : { envid: uri.envid, secret: uri.secret, ...hostIn(host) }
  }
  const envid = first.replace(/^<(.*)>$/, '$1')
  if (readEnvid(envid) === undefined)
    throw new Exit(EXIT.usage, `'${printable(first).slice(0, 100)}' is no ENVID; expected one of the form local@host`)
  const word = given.text('secret')
  if (word === undefined) throw new Exit(EXIT.usage, `--secret is missing\nusage: ${trackUsage.line}`)
  const secret = word === '-' ? (await readAll(io.stdin)).trim() : word
  if (!readSecret(secret)) throw new Exit(EXIT.usage, 'the secret is no base64 of 1024 bits at most')
  return { envid, secret, ...(host === undefined ? ownListener(settings) : hostIn(host)) }
}

const hostIn = (text: string) => {
  const host = readAskedHost(text)
  if (!host) throw new Exit(EXIT.usage, `'${printable(text).slice(0, 100)}' is no host; expected HOST or HOST:PORT`)
  return host
}

/** Where this machine's instance answers such questions. */
const ownListener = ({ listen }: Used): { readonly host: string; readonly port: number } => {
  const addresses = listen.flatMap(({ protocol, addresses: all }) => (protocol === 'mtqp' ? all : []))
  const at = addresses.find((one) => 'port' in one)
  if (!at || !('port' in at)) throw new Exit(EXIT.usage, 'name the host: these settings have no mtqp listener')
  const any: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  return { host: any[at.host] ?? at.host, port: at.port }
}

const portOf = (text: string | undefined): number => {
  const port = Number(text ?? MTQP_PORT)
  if (text !== undefined && !(/^\d{1,5}$/.test(text) && port > 0 && port < 65_536))
    throw new Exit(EXIT.usage, `--port is '${printable(text).slice(0, 20)}'; expected a number, 1 to 65535`)
  return port
}

const makeNew = async (given: Given, io: Io): Promise<number> => {
  const [host, ...more] = given.words
  const named = host === undefined ? await ownTracking(given.text('config'), thisMachine(io.env)) : readAskedHost(host)
  if (more.length > 0 || !named) throw new Exit(EXIT.usage, `usage: ${trackUsage.line}`)
  const made = newTracking(named.host)
  const { envid, secret, certifier } = made
  const uri = formatTrackingUri({ ...named, envid, secret })
  const mail = `ENVID=${envid} MTRK=${certifier}`
  if (given.has('json')) await print(io, `${JSON.stringify({ ...made, uri, mail })}\n`)
  else
    await print(
      io,
      `envid:      ${envid}\nsecret:     ${secret}\ncertifier:  ${certifier}\nMAIL:       ${mail}\nuri:        ${uri}\n`,
    )
  return EXIT.ok
}
