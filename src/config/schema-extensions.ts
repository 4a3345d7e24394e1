import * as z from 'zod'
import { time } from './leaves.ts'

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
