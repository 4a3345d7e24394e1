import * as z from 'zod'
import { driven, named } from './drivers.ts'
import { kind } from './kinds.ts'
import {
  count,
  domain,
  host,
  list,
  listenAddress,
  mailbox,
  mailboxPath,
  name,
  path,
  size,
  text,
  time,
  way,
} from './leaves.ts'
import type { Machine } from './machine.ts'
import { type Places, place } from './place.ts'
import { loginSettings } from './schema-login.ts'
import type { DirectorSettings, RouterSettings, StaticRoute, TransportSettings, UserSource } from './settings.ts'

const transport = (otherwise: string): z.ZodType<string> =>
  name.default(otherwise).describe('The transport that carries the mail, by its name.')

const userSource = (places: Places): z.ZodType<UserSource> =>
  z.union([
    text(
      'passwd, the path of a file of users, or a map',
      (given): UserSource => (given === 'passwd' ? { passwd: true } : { file: place(given, places) }),
    ),
    z.strictObject({ names: list(name, 1).superRefine(once).describe('The users.') }),
  ])

/** Each name stands once, in capitals or not. */
const once = (names: readonly string[], context: z.RefinementCtx<readonly string[]>): void => {
  const seen = new Set<string>()
  for (const [index, name] of names.entries()) {
    const key = name.toLowerCase()
    if (seen.has(key)) context.addIssue({ code: 'custom', path: [index], message: `'${name}' stands here twice` })
    seen.add(key)
  }
}

const separator = kind(z.string().max(1), { is: 'one character, or ""' })
  .default('+')
  .describe('What divides a name from a tag, as in alice+lists; empty: nothing does.')

const forDomains = kind(list(domain, 1).optional(), { absent: 'all of ours' }).describe('The domains it is asked for.')

/** Asked in order; the first to answer decides. */
export const directors = (machine: Machine, places: Places): z.ZodType<readonly DirectorSettings[]> =>
  named(
    driven({
      aliases: z
        .strictObject({
          file: path(places).default('/etc/aliases').describe('A file as aliases(5) has it.'),
          optional: z.boolean().default(false).describe('Whether a file that does not exist counts as empty.'),
          separator,
          domains: forDomains,
        })
        .describe('Addresses that stand for others, from a file.'),
      users: z
        .strictObject({
          from: userSource(places)
            .prefault('passwd')
            .describe(
              'Whose mailboxes there are: the users of this machine, or virtual ones, from a file or named here.',
            ),
          transport: transport('local'),
          root: path(places).default(`${machine.state}/mail`).describe('The folder with the homes of virtual users.'),
          separator,
          quota: size()
            .default(0)
            .describe('How much each mailbox may hold, in a maildir or mbox transport; 0: any amount.'),
          'when-full': z
            .enum(['defer', 'refuse'])
            .default('defer')
            .describe('Mail that does not fit into a mailbox now: it waits (452 4.2.2), or it comes back (552 5.2.2).'),
          domains: forDomains,
        })
        .describe('Mailboxes of users.'),
      'catch-all': z
        .strictObject({
          to: mailbox.describe('Who gets mail for addresses that nobody else knows.'),
          domains: forDomains,
        })
        .describe('One address for everything that got this far.'),
    }) as z.ZodType<DirectorSettings>,
  ) as z.ZodType<readonly DirectorSettings[]>

const ROUTE = /^(\*|(?:\*\.)?[^*]+)$/

const staticRoutes: z.ZodType<readonly StaticRoute[]> = kind(z.record(z.string().regex(ROUTE), way(25)), {
  key: 'DOMAIN',
  is: 'a map of example.org, "*.example.org" or "*" to where they lead',
}).transform((given) => Object.entries(given).map(([of, to]) => ({ domain: of.toLowerCase(), to })))

/** Asked for every domain that is not ours; the best match decides. */
export const routers = (): z.ZodType<readonly RouterSettings[]> =>
  named(
    driven({
      mx: z
        .strictObject({
          transport: transport('smtp'),
          port: count(1, 65_535).default(25).describe('The port that mail exchangers listen on.'),
        })
        .describe('The mail exchangers that the DNS names.'),
      static: z
        .strictObject({
          transport: transport('smtp'),
          routes: staticRoutes.describe('Which domain leads where; `mx`: where the DNS says, an error: nowhere.'),
        })
        .describe('A table of domains.'),
      smarthost: z
        .strictObject({
          transport: transport('smtp'),
          hosts: list(host(25), 1).describe('Hosts that take all mail, in the order to be tried.'),
        })
        .describe('The same hosts for all domains.'),
    }),
  )

const network = (places: Places, block: z.ZodType<Readonly<Record<string, unknown>>>) => ({
  tls: z
    .enum(['off', 'may', 'encrypt', 'verify', 'wrapped'])
    .default('may')
    .describe(
      '`may`: in clear where it cannot be had; `encrypt`: not in clear; `verify`: only with a certificate for the name; ' +
        '`wrapped`: likewise, and from the first octet on, as hosts have it at port 465 (RFC 8314).',
    ),
  ...loginSettings(places),
  concurrency: count(1, 10_000).default(20).describe('Connections to one destination at once.'),
  recipients: count(1, 100_000).default(1000).describe('Recipients of one transaction.'),
  idle: time(0).default(5000).describe('How long an idle connection is kept for more mail.'),
  extensions: block.default({}).describe('Settings of extensions for this transport alone.'),
})

/** Carry mail to where it was directed or routed. */
export const transports = (
  places: Places,
  block: z.ZodType<Readonly<Record<string, unknown>>>,
): z.ZodType<readonly TransportSettings[]> =>
  named(
    driven({
      maildir: z
        .strictObject({
          path: mailboxPath(places).default('~/Maildir').describe('The Maildir.'),
        })
        .describe('Into Maildirs, a file for each message.'),
      mbox: z
        .strictObject({
          path: mailboxPath(places).default('~/mbox').describe('The mailbox file.'),
        })
        .describe('Into mbox files.'),
      smtp: z.strictObject(network(places, block)).describe('To hosts, by SMTP.'),
      lmtp: z
        .strictObject({
          to: kind(listenAddress.optional(), {
            is: '"host:port" or unix:/path',
            absent: 'only where routers lead',
          }).describe('Where mail for mailboxes goes.'),
          ...network(places, block),
        })
        .describe('To hosts, or to a store of mailboxes, by LMTP (RFC 2033).'),
      discard: z.strictObject({}).describe('Nowhere: mail is taken and forgotten.'),
    }) as unknown as z.ZodType<TransportSettings>,
  ) as z.ZodType<readonly TransportSettings[]>
