import * as z from 'zod'
import { time } from '../config/leaves.ts'
import type { ListenerSettings, Settings } from '../config/settings.ts'
import type { Instant } from '../mail/instant.ts'
import { type TrackingContext, trackingContext } from '../mtqp/context.ts'
import type { TlsService } from '../net/tls.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Schedule } from '../smtp/extension.ts'
import type { Spool } from '../spool/spool.ts'

const DAY = 86_400_000

/** What may be set for mail that is tracked, and for those who ask. */
export interface TrackingSettings {
  readonly timeout: number
  readonly longest: number
  readonly tls: 'may' | 'require'
}

export const trackingSchema: z.ZodType<TrackingSettings> = z
  .strictObject({
    timeout: time(DAY)
      .default(9 * DAY)
      .describe('How long tracked mail is told of where its sender does not say (RFC 3885).'),
    longest: time(DAY)
      .default(30 * DAY)
      .describe('How long it is told of at most, whatever its sender says.'),
    tls: z
      .enum(['may', 'require'])
      .default('may')
      .describe('Whether those who ask at an mtqp listener may do so in clear.'),
  })
  .refine(({ timeout, longest }) => timeout <= longest, 'has a timeout above its longest')

/** A block as settings have read it already; its defaults where there is none. */
export const trackingOf = (block: unknown): TrackingSettings => {
  const read = z.object({ timeout: z.number(), longest: z.number(), tls: z.enum(['may', 'require']) }).safeParse(block)
  return read.success ? read.data : trackingSchema.parse({})
}

interface Means {
  readonly clock: Clock
  readonly log: Log
  readonly tls: TlsService | undefined
  spool(): Pick<Spool, 'trails'>
  expires(message: { readonly accepted: Instant; readonly schedule: Schedule }): Instant
}

/** What a listener of MTQP needs. */
export const trackingServer = (
  { name, limits, extensions }: ListenerSettings,
  { hostname, timeouts }: Settings,
  { clock, log, tls, spool, expires }: Means,
): TrackingContext =>
  trackingContext({
    hostname,
    listener: name,
    clock,
    log,
    trails: { find: (...asked) => spool().trails.find(...asked) },
    expires,
    ...(tls ? { tls } : {}),
    tlsRequired: trackingOf(extensions['mtrk']).tls === 'require',
    limits: { idle: timeouts.command, session: limits.session, errors: limits.errors, junk: limits.junk },
  })
