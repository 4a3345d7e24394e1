import * as z from 'zod'
import { type Instant, readDate } from '../mail/instant.ts'
import type { Hints } from './check.ts'
import { kind } from './kinds.ts'
import { count, list, network, pathInBlock, size, text, time } from './leaves.ts'

/** What may be set of extensions, where it takes the settings' own words: times, sizes, networks. */

/** Clients that a block names. */
export interface KnownClients {
  readonly networks: readonly string[]
  readonly identities: readonly string[]
  readonly submission: boolean
}

/** Everybody who is known, and nobody else. */
const knownClients = (who: string) => ({
  networks: list(network).default([]).describe(`${who}: clients of these networks.`),
  identities: list(z.string().min(1))
    .default(['*'])
    .describe('Likewise, who proved to be one of these; `"*"`: anybody who proved who it is.'),
  submission: z.boolean().default(true).describe('Likewise, all who submit mail, where it is submitted.'),
})

/** Who may ask something, and what for. */
export const askersBlock = (what: string): z.ZodType<{ readonly allow: readonly string[] }> =>
  z.strictObject({ allow: list(network).default([]).describe(what) })

const MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN', 'LOGIN'] as const

export interface AuthBlock {
  readonly passwords?: string | undefined
  readonly mechanisms: readonly (typeof MECHANISMS)[number][]
  readonly required?: boolean | undefined
  readonly failures: number
  readonly 'in-clear-on-loopback': boolean
  readonly trusts: KnownClients
}

export const authBlock: z.ZodType<AuthBlock> = z.strictObject({
  passwords: kind(pathInBlock.optional(), { absent: 'nobody can log in, and AUTH is not offered' }).describe(
    'A file of names and what passwords are checked by, a line each, as `smail password NAME` prints it; read again when it has changed.',
  ),
  mechanisms: list(z.enum(MECHANISMS), 1)
    .default(['SCRAM-SHA-256', 'PLAIN', 'LOGIN'])
    .describe('The ways to log in that are offered, in this order; PLAIN and LOGIN under TLS only.'),
  required: kind(z.boolean().optional(), { absent: 'true where mail is submitted, else false' }).describe(
    'Whether nothing is done for clients that have not logged in.',
  ),
  failures: count(3, 100).default(3).describe('Wrong passwords after which a session is ended.'),
  'in-clear-on-loopback': z
    .boolean()
    .default(false)
    .describe('Whether clients of this machine may log in by PLAIN and LOGIN without TLS, for trying things out.'),
  trusts: z
    .strictObject({
      ...knownClients('Of those who logged in, who may say that others submitted its mail (RFC 4954 5)'),
      identities: list(z.string().min(1)).default([]).describe('Likewise, who logged in as one of these.'),
      submission: z.boolean().default(false).describe('Likewise, all who logged in where mail is submitted.'),
    })
    .prefault({})
    .describe('Who may name the submitter of mail; from others, it counts as unknown.'),
})

export interface DsnBlock extends KnownClients {
  readonly success: 'everyone' | 'trusted' | 'aligned'
}

export const dsnBlock: z.ZodType<DsnBlock> = z.strictObject({
  success: z
    .enum(['everyone', 'trusted', 'aligned'])
    .default('everyone')
    .describe(
      'Who may ask for reports of success, which go to whoever is named as the sender. DSN, MTRK and DELIVERBY, which has them too, are not offered to others at all. `aligned`: those trusted, and hosts whose name SPF proves (RFC 7208); of mail by these, NOTIFY=SUCCESS and BY count only where SPF proves the sender too.',
    ),
  ...knownClients('Who is trusted'),
})

export interface SubmitterBlock {
  readonly check: boolean
}

export const submitterBlock: z.ZodType<SubmitterBlock> = kind(
  z.strictObject({
    check: z
      .boolean()
      .default(true)
      .describe(
        'Whether a client may send for the submitter that it names is looked up by SPF, but for clients of `relay-from` and those who submit.',
      ),
  }),
  { offUnlessNamed: true },
)

export interface XverpBlock extends KnownClients {
  readonly delimiters: string
  readonly pass: boolean
}

export const xverpBlock: z.ZodType<XverpBlock> = kind(
  z.strictObject({
    ...knownClients('Whose mail may get a sender for each recipient'),
    delimiters: text('two different characters of +, - and =', (given) => {
      if (!/^([-+=])(?!\1)[-+=]$/.test(given))
        throw new Error(`is '${given}'; expected two different characters of +, - and =`)
      return given
    })
      .default('+=')
      .describe('What stands before the recipient and in place of its @, where a client does not say.'),
    pass: z
      .boolean()
      .default(false)
      .describe('Whether hosts that offer it get the mail once, and make the senders themselves.'),
  }),
  { offUnlessNamed: true },
)

export interface DeliverByBlock {
  readonly minimum: number
  readonly trace: boolean
}

const SECONDS = 999_999_999_000

export const deliverByBlock: z.ZodType<DeliverByBlock> = z.strictObject({
  minimum: time(0, SECONDS).default(0).describe('The least time in which mail is to be delivered or else returned.'),
  trace: z.boolean().default(true).describe('Whether a sender may ask which way its mail goes.'),
})

export interface FutureReleaseBlock {
  readonly max: number
  readonly 'per-user': number
  readonly total: number
}

export const futureReleaseBlock: z.ZodType<FutureReleaseBlock> = z.strictObject({
  max: time(1000, SECONDS)
    .default(30 * 86_400_000)
    .describe('How long mail is held at most for a sender who wishes it to be sent later.'),
  'per-user': size(0)
    .default(100 * 1_048_576)
    .describe('Octets that are held so for one user at most.'),
  total: size(0).default(1_073_741_824).describe('Octets that are held so in all at most.'),
})

export interface RrvsBlock {
  readonly owners?: string | undefined
  readonly latest?: Instant | undefined
}

export const rrvsBlock: z.ZodType<RrvsBlock> = z.strictObject({
  owners: kind(pathInBlock.optional(), { absent: 'none' }).describe(
    'A file that says since when addresses and domains have their owners, a line each: `alice@example.org 2026-11-25`, or `always`.',
  ),
  latest: kind(text('a date, as 2026-11-25', readDate).optional(), {
    absent: 'mail for such mailboxes is refused',
  }).describe(
    'The latest time at which a mailbox of which neither that file nor its folder tells anything can have got its owner.',
  ),
})

/** What may be set for mail of one level. */
export interface LevelBlock {
  readonly retry?: number | undefined
  readonly 'retry-max'?: number | undefined
  readonly lifetime?: number | undefined
  readonly size?: number | undefined
}

export interface MtPriorityBlock extends KnownClients {
  readonly policy: 'MIXER' | 'STANAG4406' | 'NSEP'
  readonly announce: boolean
  readonly most: number
  readonly others: number
  readonly least: number
  readonly levels: Readonly<Record<string, LevelBlock>>
}

const usual = 'what holds for all mail'

const level = z.strictObject({
  retry: kind(time().optional(), { absent: usual }).describe('The wait after a first attempt that failed.'),
  'retry-max': kind(time().optional(), { absent: usual }).describe('The longest wait between two attempts.'),
  lifetime: kind(time().optional(), { absent: usual }).describe('How long delivery is tried.'),
  size: kind(size(1).optional(), { absent: usual }).describe('Size of a message at most.'),
})

/** `LEVELS`: the levels of each policy. */
export const mtPriorityBlock = (
  levels: Readonly<Record<MtPriorityBlock['policy'], readonly number[]>>,
): z.ZodType<MtPriorityBlock> =>
  z
    .strictObject({
      policy: z.enum(['MIXER', 'STANAG4406', 'NSEP']).default('MIXER').describe('What priorities mean here.'),
      announce: z.boolean().default(true).describe('Whether clients are told the policy.'),
      networks: list(network)
        .default([])
        .describe('Whose mail may be more urgent than others: clients of these networks.'),
      identities: list(z.string().min(1))
        .default([])
        .describe('Likewise, who proved to be one of these; `"*"`: anybody who proved who it is.'),
      submission: z.boolean().default(false).describe('Likewise, all who submit mail, where it is submitted.'),
      most: count(-9, 9).default(9).describe('The highest priority they may ask for.'),
      others: count(-9, 0).default(0).describe('The highest priority that others may ask for.'),
      least: count(-9, 9).default(-9).describe('The lowest priority that is taken, where mail is submitted.'),
      levels: kind(z.record(z.string(), level), { key: 'LEVEL', is: 'a map by level of the policy' })
        .default({})
        .describe('What is special for mail of a level.'),
    })
    .superRefine(({ policy, levels: given, most, others, least }, context) => {
      const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
      if (most < others) wrong('most', `is less than others may ask for (${others}); expected that or more`)
      if (least > Math.max(most, others)) wrong('least', `is more than most (${most}), so that no mail would be taken`)
      for (const name of Object.keys(given)) {
        if (levels[policy].some((one) => String(one) === name)) continue
        const message = `is no level of ${policy}; expected one of ${levels[policy].join(', ')}`
        const params: Hints = { besides: 'policy' }
        context.addIssue({ code: 'custom', path: ['levels', name], message, params })
      }
    })
