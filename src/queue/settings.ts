/** How the queue goes about its work. Times in milliseconds. */
export interface QueueSettings {
  /** How long delivery is tried, from acceptance or from the time the sender asked for. */
  readonly lifetime: number
  /** The same for mail from `<>`: reports. */
  readonly bounceLifetime: number
  /** When the sender is told that mail still waits; Infinity: never. */
  readonly delayWarning: number
  /** The first wait after a failed attempt and the longest; each is twice the one before. `jitter`: the share of it that is up to chance. */
  readonly backoff: { readonly first: number; readonly most: number; readonly jitter: number }
  /** How long a destination out of reach is left alone, likewise. */
  readonly rest: { readonly first: number; readonly most: number }
  /**
   * Deliveries at once; a `total` of 0: mail waits. `perDestination`: where the transport does not say. `initial`: to a
   * destination nothing is known of yet. `resolving`: messages whose lanes are being found.
   */
  readonly concurrency: {
    readonly total: number
    readonly perDestination: number
    readonly initial: number
    readonly resolving: number
  }
  /** What one claim takes at most, and how many recipients a message expands into before they become messages of their own. */
  readonly batch: { readonly claims: number; readonly recipients: number; readonly slice: number }
  /** A claim's lease; renewed when half of it is over. */
  readonly lease: number
  /** After this a transport is told to stop, and after `grace` it is no longer waited for. */
  readonly delivery: { readonly limit: number; readonly grace: number }
  /** What running deliveries get when the queue drains. */
  readonly drain: number
  /** The spool is looked at this often at least, whatever else wakes us: another process may have put mail there. */
  readonly poll: number
  /** Faults of ours after which a recipient is parked. */
  readonly faults: number
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** As Postfix has them, where it has them. */
export const queueDefaults: QueueSettings = {
  lifetime: 5 * DAY,
  bounceLifetime: 5 * DAY,
  delayWarning: 4 * HOUR,
  backoff: { first: 5 * MINUTE, most: 4_000_000, jitter: 0.2 },
  rest: { first: MINUTE, most: 30 * MINUTE },
  concurrency: { total: 200, perDestination: 20, initial: 5, resolving: 50 },
  batch: { claims: 200, recipients: 1000, slice: 500 },
  lease: 5 * MINUTE,
  delivery: { limit: 2 * HOUR, grace: 10_000 },
  drain: 30_000,
  poll: 1000,
  faults: 5,
}
