import * as z from 'zod'
import type { Hints } from './check.ts'
import { named } from './drivers.ts'
import { kind } from './kinds.ts'
import { domain, hostname, list, listenAddress, mailbox, NAME, network, path, queryAddress } from './leaves.ts'
import type { Machine } from './machine.ts'
import type { Places } from './place.ts'
import { directors, routers, transports } from './schema-mail.ts'
import { control, conversion, dns, limits, limitsOfListener, log, queue, spool, timeouts } from './schema-running.ts'
import type { LimitSettings, ListenAddress, ListenerSettings, Settings, TlsSettings } from './settings.ts'

/** The schemas of extensions' settings, by keyword in lower case. An extension without settings has an empty one. */
export type ExtensionSchemas = ReadonlyMap<string, z.ZodType>

/** A listener as its section says it, before what holds for all is laid under it. */
export interface ListenerSection {
  readonly name: string
  readonly protocol: ListenerSettings['protocol']
  readonly addresses: readonly ListenAddress[]
  readonly extensions: Readonly<Record<string, unknown>>
  readonly limits: Partial<LimitSettings>
  readonly 'bare-newlines': 'refuse' | 'normalize' | undefined
}

/** What each section yields. A listener's and the extensions' blocks are not yet checked. */
export type Sections = Omit<Settings, 'listen' | 'domains' | 'postmaster'> & {
  readonly domains: readonly string[] | undefined
  readonly listen: readonly ListenerSection[]
  readonly postmaster: string | undefined
}

/** One schema per section: those that are right are known even when another is wrong. */
export const sections = (machine: Machine, places: Places, extensions: ExtensionSchemas): SectionSchemas => {
  const block = blocks(extensions)
  return {
    hostname: kind(hostname, { absent: 'the name of this machine' })
      .default(machine.hostname)
      .describe('The name we greet with and sign trace fields with.'),
    domains: kind(list(domain, 1).optional(), { absent: 'the hostname' }).describe(
      'Our domains: directors answer for them.',
    ),
    postmaster: kind(mailbox.optional(), {
      absent: 'postmaster at the first of domains; without directors of your own, whoever runs it',
    }).describe('Who gets mail for the bare postmaster, and reports that nobody else can be told of.'),
    listen: listeners(block)
      .prefault({ local: { smtp: '127.0.0.1:2525' } })
      .describe('Where mail comes in, by a name of your choice.'),
    tls: kind(tls(places).optional(), { absent: 'no STARTTLS' }).describe(
      'The certificate for STARTTLS; without one it is not offered.',
    ),
    'relay-from': list(network)
      .default(['127.0.0.0/8', '::1'])
      .describe('Networks whose mail for other domains is relayed.'),
    directors: directors(machine, places)
      .prefault(defaultDirectors(machine))
      .describe(
        'Whose mailbox an address of ours is; the first to answer decides. By default, root has mail for root and postmaster alone.',
      ),
    routers: routers()
      .prefault({ mx: { mx: {} } })
      .describe('Which host takes mail for other domains; the best match decides.'),
    transports: transports(places, block)
      .prefault({ local: { maildir: {} }, smtp: { smtp: {} } })
      .describe('How mail is carried.'),
    extensions: kind(block, { is: 'a map by keyword', absent: 'each as its own settings say' })
      .default({})
      .describe('Settings of SMTP extensions, by keyword; `off` leaves one out.'),
    modules: list(path(places))
      .default([])
      .describe('Files, in JavaScript or TypeScript, that bring SMTP extensions of your own; see docs/extensions.md.'),
    spool: spool(machine, places).prefault({ sqlite: {} }).describe('Where accepted mail is kept.'),
    limits: limits.prefault({}).describe('Limits on what peers may use.'),
    timeouts: timeouts.prefault({}).describe('How long peers are waited for (RFC 5321 4.5.3.2).'),
    queue: queue.prefault({}).describe('When delivery is tried again, and given up.'),
    log: log.prefault({}).describe('What is told on standard error.'),
    control: control(machine, places).prefault({}).describe('How commands reach a running instance.'),
    drop: z
      .strictObject({
        directory: path(places)
          .default(`${machine.state}/drop`)
          .describe('A folder only for this; of mode 1733 where every user shall be able to leave mail.'),
      })
      .prefault({})
      .describe('Where sendmail leaves mail while nothing runs.'),
    dns: dns.prefault({}).describe('How names are looked up.'),
    'bare-newlines': bareNewlines.default('refuse').describe('What becomes of mail with a bare CR or LF.'),
    conversion: conversion.prefault({}).describe('How mail is made fit for hosts that do not take it as it is.'),
  }
}

export type SectionSchemas = { readonly [S in keyof Sections]: z.ZodType<Sections[S]> }

const bareNewlines = z.enum(['refuse', 'normalize'])

/** Blocks by keyword; what is in them is checked once a listener's are laid over the general ones. */
const blocks = (extensions: ExtensionSchemas): z.ZodType<Readonly<Record<string, unknown>>> =>
  kind(z.strictObject(Object.fromEntries([...extensions.keys()].map((keyword) => [keyword, z.unknown().optional()]))), {
    is: 'a map by keyword',
    absent: 'nothing else than what holds for all',
  })

const listeners = (block: z.ZodType<Readonly<Record<string, unknown>>>): z.ZodType<readonly ListenerSection[]> => {
  const absent = 'exactly one of smtp, submission, lmtp, mtqp must be there'
  const addresses = kind(list(listenAddress, 1).optional(), { absent })
  return named(
    z
      .strictObject({
        smtp: addresses.describe('Addresses for mail from anywhere: "host:port" or unix:/path.'),
        submission: addresses.describe('Addresses for mail from our own users (RFC 6409).'),
        lmtp: addresses.describe('Addresses for mail that is delivered before it is answered (RFC 2033).'),
        mtqp: kind(list(queryAddress, 1).optional(), { absent }).describe(
          'Addresses where senders ask what became of tracked mail (RFC 3887); without a port, 1038. Without such a listener, MTRK is not offered.',
        ),
        extensions: block.default({}).describe('Laid over the settings of extensions that hold for all.'),
        limits: kind(limitsOfListener, { within: 'what holds for all' })
          .default({})
          .describe('Laid over the limits that hold for all.'),
        'bare-newlines': kind(bareNewlines.optional(), { absent: 'what holds for all' }).describe(
          'What becomes of mail with a bare CR or LF here.',
        ),
      })
      .transform((given, context) => {
        const spoken = PROTOCOLS.filter((protocol) => given[protocol])
        const [protocol] = spoken
        if (protocol === undefined || spoken.length > 1) {
          const wrong = protocol === undefined ? 'has no addresses' : `speaks ${spoken.join(' and ')}`
          const params: Hints = { stands: protocol !== undefined }
          context.addIssue({ code: 'custom', message: `${wrong}; expected one of ${PROTOCOLS.join(', ')}`, params })
          return z.NEVER
        }
        return {
          protocol,
          addresses: given[protocol] ?? [],
          extensions: given.extensions,
          limits: given.limits,
          'bare-newlines': given['bare-newlines'],
        }
      }),
  )
}

const PROTOCOLS = ['smtp', 'submission', 'lmtp', 'mtqp'] as const

const tls = (places: Places): z.ZodType<TlsSettings> =>
  z
    .strictObject({
      certificate: kind(path(places).optional(), { absent: 'the key is absent too, and self-signed true' }).describe(
        'A PEM file: our certificate and those that vouch for it.',
      ),
      key: kind(path(places).optional(), { absent: 'the certificate is absent too, and self-signed true' }).describe(
        'A PEM file: its private key.',
      ),
      'self-signed': kind(z.boolean().optional(), { absent: 'false: certificate and key are there' }).describe(
        'Make a certificate at start, for trying things out.',
      ),
    })
    .transform((given, context): TlsSettings => {
      const { certificate, key, 'self-signed': own } = given
      if (own && !certificate && !key) return { 'self-signed': true }
      if (!own && certificate && key) return { certificate, key }
      context.addIssue({
        code: 'custom',
        message: 'is not complete; expected certificate and key, or self-signed: true',
      })
      return z.NEVER
    })

/** As root, delivery to the users of the system must wait for a way to do it as the user: root alone has mail. */
const defaultDirectors = (machine: Machine): object => {
  const names = [...new Set([machine.user, 'postmaster'])].filter((one) => NAME.test(one))
  return { aliases: { aliases: { optional: true } }, users: { users: machine.uid === 0 ? { from: { names } } : {} } }
}
