/** The far end of a channel, as far as it is known. */
export interface Peer {
  /** IPv4 or IPv6 text without brackets; empty for a UNIX socket and for channels in memory. */
  readonly address: string
  readonly port: number
}

/** What a TLS handshake proved. */
export interface Secured {
  readonly protocol: string
  readonly cipher: string
  /** The peer's certificate chain leads to a trusted root and carries the name that was asked for. */
  readonly verified: boolean
  /** By what it is verified. Absent: by that chain (PKIX). */
  readonly by?: 'dane'
  /** Why it is not verified, in words. */
  readonly why?: string
}

/**
 * A stream of octets with SMTP's framings. One reader at a time. Every wait has a limit in milliseconds; what ends a wait
 * early is thrown: `TimedOut`, `Closed`, and for lines `LineTooLong`.
 */
export interface Channel {
  readonly peer: Peer
  readonly local: Peer
  readonly secured: Secured | undefined
  /**
   * The next line without its CRLF, one character per octet (ISO 8859-1), so nothing is lost or guessed. Only CRLF ends a
   * line; a bare CR or LF stands in the text, for the caller to judge. A line of more than `limit` octets is skipped to
   * its end and then thrown as `LineTooLong`. Of more than `beyond` octets after that (64 KiB if absent) the end is not
   * waited for: `EndlessLine` is thrown at once, and no line can be read until that end has come.
   */
  line(limit: number, timeout: number, beyond?: number): Promise<string>
  /**
   * Exactly this many octets. Throws `Closed` when the input ends earlier, and `TooSlow` when they come at fewer than
   * `rate` a second: see `Pace`. Without a rate each wait has the whole `timeout`.
   */
  counted(octets: number, timeout: number, rate?: number): AsyncIterable<Uint8Array>
  /** Octets up to CRLF.CRLF, dot-stuffing removed, the last CRLF included; nothing else ends it (RFC 5321 4.1.1.4). */
  dotted(timeout: number, rate?: number): AsyncIterable<Uint8Array>
  /** Whether input has arrived that nobody has read. */
  pending(): boolean
  /** Whether the end of a line has arrived that nobody has read. */
  pendingLine(): boolean
  /** Throws unread input away, and tells how many octets. For the moment before TLS begins. */
  discardPending(): number
  /** Adds to what is to be sent; text goes out as UTF-8. Nothing leaves before `flush`. */
  write(chunk: string | Uint8Array): void
  /** Sends what was written. Resolves once the peer has taken enough of it for more to be written. */
  flush(timeout: number): Promise<void>
  /** Flushes and half-closes. Resolves when the peer has closed too, or after `timeout`. Never rejects. */
  end(timeout: number): Promise<void>
  /**
   * Flushes and closes without waiting for the peer, which knows that this is the end: what it may still send is lost.
   * Never rejects.
   */
  leave(timeout: number): Promise<void>
  /** Drops the connection at once. */
  destroy(): void
  /** Runs once when the channel is no longer usable, for whatever reason. */
  onClosed(run: () => void): void
}

export class Closed extends Error {
  override readonly name = 'Closed'
}

export class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

/** Octets came, but too few in too long a time. */
export class TooSlow extends TimedOut {}

export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
}

/** A line so long that its end is not waited for. */
export class EndlessLine extends LineTooLong {}
