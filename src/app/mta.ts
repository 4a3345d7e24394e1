import type { Issue } from '../config/check.ts'
import type { Settings } from '../config/settings.ts'
import type { Envelope } from '../mail/envelope.ts'
import type { Reply } from '../mail/reply.ts'
import type { Channel } from '../net/channel.ts'
import type { Counts, Spool } from '../spool/spool.ts'

/** A whole mail transfer agent. Made, it has checked its settings and touched nothing: it explains, but opens no spool. */
export interface Mta {
  /**
   * On return the spool is open, every listener listens and the queue runs; when it rejects, none of them does. Throws
   * `Misconfigured` for what the settings ask and cannot be had, `Unavailable` for what another program has.
   */
  start(): Promise<void>
  /** Takes nothing new; resolves when sessions and deliveries under way have ended, or were cut at their limit. */
  drain(): Promise<void>
  /** Drops what is under way; resolves when nothing of it is left, the spool closed. */
  stop(): Promise<void>
  /** The new settings are in force on return; when it rejects, as `start` does, the old ones still are. */
  reload(settings: Settings): Promise<Reloaded>
  /** What would become of mail for this address. Throws `BadAddress`. */
  explain(address: string): Promise<Explained>
  /** What local addresses without a domain get. */
  readonly domain: string
  extensions(): readonly ExtensionRow[]
  /** What of the settings can have no effect, where it stands in them as they were `given`. */
  idle(given: unknown): readonly Issue[]
  status(): Promise<Status>
  /** Takes mail from a local program. As safe as a 250 on return. Throws a Refusal. */
  submit(mail: Submission, body: AsyncIterable<Uint8Array>): Promise<{ readonly id: string }>
  /** Speaks SMTP as a server to a local program, which may relay; resolves when the session is over. Never rejects. */
  attend(channel: Channel): Promise<void>
  /** Lets destinations rest no longer, and looks for due mail at once. */
  kick(): void
  /** Only between `start` and `stop`; throws otherwise. */
  readonly spool: Spool
}

/** Mail from a local program. Lines of its body end with CRLF. */
export interface Submission extends Envelope {
  /** Who handed it over, as far as that is known: for the trace field and the log. */
  readonly user?: string
}

export interface Reloaded {
  /** Settings that differ and are not in force before a restart, as `queue.lifetime`. */
  readonly restartNeeded: readonly string[]
}

export interface Status {
  readonly state: 'running' | 'draining'
  readonly hostname: string
  /** What local addresses without a domain get. */
  readonly domain: string
  /** The folder of its spool, or `memory`. */
  readonly spool: string
  readonly pid: number
  /** Milliseconds since the start. */
  readonly uptime: number
  /** Where it listens, with the ports that were given for port 0. */
  readonly listeners: readonly { readonly name: string; readonly protocol: string; readonly address: string }[]
  /** Sessions open now. */
  readonly sessions: number
  readonly queue: Counts
}

/** One step on an address's way, and what follows from it. */
export interface Explained {
  readonly address: string
  /** The director or router that decided, by its name. */
  readonly by: string
  readonly result: 'addresses' | 'mailbox' | 'host' | 'nobody' | 'problem'
  /** In words: the transport and the mailbox or hosts, the reply, or what is wrong. */
  readonly says: string
  readonly lane?: string
  readonly reply?: Reply
  readonly addresses?: readonly Explained[]
}

export interface ExtensionRow {
  readonly keyword: string
  readonly rfc: readonly number[]
  readonly server: boolean
  readonly client: boolean
  /** What a relay does with it, in words. */
  readonly relay: string
  /** By listener: `offered`, perhaps with the words to whom or when; `silent`; `off`, and why. */
  readonly listeners: Readonly<Record<string, string>>
  /** What each listener speaks: `smtp`, `submission`, `lmtp`. */
  readonly protocols: Readonly<Record<string, string>>
}
