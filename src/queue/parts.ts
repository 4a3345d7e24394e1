import type { Resolver } from '../addressing/resolve.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Reporter } from '../reports/report.ts'
import type { Spool } from '../spool/spool.ts'
import type { Transport } from '../transports/transport.ts'
import type { QueueSettings } from './settings.ts'

/** What the queue brings together. */
export interface QueueParts {
  readonly spool: Spool
  readonly resolver: Resolver
  /** By name. Looked at anew for each delivery. */
  readonly transports: ReadonlyMap<string, Transport>
  readonly reporter: Reporter
  readonly clock: Clock
  readonly log: Log
  /** Names this process among those that share the spool; the same after a restart. */
  readonly owner: string
  readonly settings: QueueSettings
  /** From 0 to below 1. */
  readonly random: () => number
}
