import type { Channel } from '../net/channel.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { Closing } from '../smtp/closing.ts'
import type { Trails } from '../spool/spool.ts'
import { Places } from './places.ts'
import type { StatusOptions } from './status.ts'
import { WrongSecrets } from './wrong-secrets.ts'

export interface TrackingServerOptions extends StatusOptions {
  /** What log lines call this way in. */
  readonly listener: string
  readonly trails: Pick<Trails, 'find'>
  readonly clock: Clock
  readonly log: Log
  /** Absent: no STARTTLS. */
  readonly tls?: ServerTls
  /** Nothing is told in clear. */
  readonly tlsRequired?: boolean
  readonly limits?: Partial<TrackingLimits>
  /** Shared by those that shall count together. */
  readonly wrongSecrets?: WrongSecrets
}

export interface ServerTls {
  asServer(channel: Channel): Promise<Channel>
  isFor(name: string): boolean
}

export interface TrackingLimits {
  /** Milliseconds until the next command; ten minutes are the least (RFC 3887 2.5). */
  readonly idle: number
  /** Milliseconds of a session. */
  readonly session: number
  /** Commands that were bad, or asked in vain. */
  readonly errors: number
  /** Commands that ask for nothing. */
  readonly junk: number
  /** TRACKs of a session. */
  readonly tracks: number
  /** Answers to TRACK that are under way at once, and of those to one network. */
  readonly answers: number
  readonly answersPerPeer: number
  /** Milliseconds in which a client has to take an answer. */
  readonly answer: number
  /** Milliseconds of those that it has even where others wait for room. */
  readonly answerAlone: number
}

const LEAST_IDLE = 600_000

export interface TrackingContext extends TrackingServerOptions {
  readonly limits: TrackingLimits
  readonly wrongSecrets: WrongSecrets
  readonly closing: Closing
  /** Answers that are under way. */
  readonly answers: Places
}

export const trackingContext = (options: TrackingServerOptions): TrackingContext => {
  const limits = {
    session: 3_600_000,
    errors: 100,
    junk: 100,
    tracks: 100,
    answers: 16,
    answersPerPeer: 4,
    answer: 120_000,
    answerAlone: 10_000,
    ...options.limits,
  }
  return {
    ...options,
    limits: { ...limits, idle: Math.max(LEAST_IDLE, limits.idle ?? LEAST_IDLE) },
    wrongSecrets: options.wrongSecrets ?? new WrongSecrets(options),
    closing: new Closing(),
    answers: new Places({
      clock: options.clock,
      most: limits.answers,
      mostPerPeer: limits.answersPerPeer,
      own: limits.answerAlone,
    }),
  }
}
