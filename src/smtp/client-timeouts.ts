/** How long the client waits, in milliseconds, for each step of the dialogue (RFC 5321 4.5.3.2). */
export interface ClientTimeouts {
  readonly greeting: number
  /** The answer to EHLO and to what extensions say while greetings are exchanged. */
  readonly hello: number
  readonly mail: number
  readonly rcpt: number
  /** 354 after DATA. */
  readonly data: number
  /** Until the hop takes more of the body. */
  readonly block: number
  /** The reply to the body. Too short, and mail comes twice (RFC 1047). With a reply per recipient, each has this long. */
  readonly end: number
  readonly rset: number
  readonly quit: number
}

export const clientTimeouts: ClientTimeouts = {
  greeting: 300_000,
  hello: 300_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  block: 180_000,
  end: 600_000,
  rset: 60_000,
  quit: 5_000,
}
