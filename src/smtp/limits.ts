/** What one session may cost us. */
export interface ServerLimits {
  /** Recipients of one transaction; above: 452 4.5.3. RFC 5321 4.5.3.1.8 demands at least 100. */
  readonly recipients: number
  /** 5yz replies in one session without a message accepted in between; then 421 and the connection is closed. */
  readonly errors: number
  /** Octets of a message's header; above: 552. */
  readonly header: number
}

/** Milliseconds, RFC 5321 4.5.3.2. */
export interface ServerTimeouts {
  /** For a command, and for the client to take a reply. */
  readonly command: number
  /** For the next octets of a body. */
  readonly body: number
}

export const serverLimits: ServerLimits = { recipients: 1000, errors: 100, header: 262_144 }

export const serverTimeouts: ServerTimeouts = { command: 300_000, body: 180_000 }
