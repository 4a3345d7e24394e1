import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { type Instant, readDate } from '../mail/instant.ts'
import { kind } from './kinds.ts'
import { size, text, time } from './leaves.ts'

/** What may be set of extensions, where it takes the settings' own words: times, sizes, networks. */

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

const absolute = text('an absolute path', (given) => {
  if (!isAbsolute(given)) throw new Error(`is '${given}'; expected an absolute path`)
  return given
})

export const rrvsBlock: z.ZodType<RrvsBlock> = z.strictObject({
  owners: kind(absolute.optional(), { absent: 'none' }).describe(
    'A file that says since when addresses and domains have their owners, a line each: `alice@example.org 2026-11-25`, or `always`.',
  ),
  latest: kind(text('a date, as 2026-11-25', readDate).optional(), {
    absent: 'mail for such mailboxes is refused',
  }).describe(
    'The latest time at which a mailbox of which neither that file nor its folder tells anything can have got its owner.',
  ),
})
