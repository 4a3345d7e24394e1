/** What one session may cost us. */
export interface ServerLimits {
  /** RCPT commands of one transaction, those refused included; above: 452 4.5.3. RFC 5321 4.5.3.1.8 demands at least 100. */
  readonly recipients: number
  /** Transactions of one session, those refused included; above: 421 and the end. 0: any number. */
  readonly transactions: number
  /** Domains of the recipients that a session names, those refused included; above: 452 4.5.3. 0: any number. */
  readonly domains: number
  /** 5yz replies in one session without a message accepted in between; then 421 and the connection is closed. */
  readonly errors: number
  /** Octets of a message, whether or not an extension announces a limit; above: 552. */
  readonly message: number
  /** Octets of a message's header; above: 552. */
  readonly header: number
  /** Commands in one session that bring no mail further, without a message accepted in between; then 421 and the end. */
  readonly junk: number
  /** Octets a second that a body must come at, but for pauses of `ServerTimeouts.body`; else 421 and the end. 0: any will do. */
  readonly rate: number
  /** Milliseconds after which a session is ended with 421, between two messages if it comes to that within an hour. */
  readonly session: number
  /**
   * Octets of refused bodies that are read in one session so that the dialogue stays in step, without a message accepted
   * in between. What would be more is not read: 421 and the end.
   */
  readonly drain: number
}

/** Milliseconds, RFC 5321 4.5.3.2. */
export interface ServerTimeouts {
  /** For a command, and for the client to take a reply. */
  readonly command: number
  /** For the next octets of a body. */
  readonly body: number
}

export const serverLimits: ServerLimits = {
  recipients: 1000,
  transactions: 0,
  domains: 0,
  errors: 100,
  message: Number.POSITIVE_INFINITY,
  header: 262_144,
  junk: 100,
  rate: 500,
  session: 86_400_000,
  drain: 67_108_864,
}

export const serverTimeouts: ServerTimeouts = { command: 300_000, body: 180_000 }
