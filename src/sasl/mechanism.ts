/** A server's side of a SASL mechanism (RFC 4422). */
export interface ServerMechanism {
  /** As IANA has it, in upper case. */
  readonly name: string
  /** Whoever listens has the password: not without TLS. */
  readonly plaintext?: true
  /** Who begins. `either`: a client may, and need not. */
  readonly first: 'client' | 'server' | 'either'
  /** One message of the client's is all of it, so more may be sent behind it. */
  readonly oneMessage?: true
  /**
   * Yields challenges, is given the client's responses, and returns who was proved. `first`: what the client began with;
   * always there where it has to begin. `from`: the client's address. Throws `NotProved`.
   */
  verify(first: Uint8Array | undefined, from: string): AsyncGenerator<Uint8Array, string, Uint8Array>
}

/** Why nobody was proved. `message` is for the log, not for the client, and holds no secrets. */
export class NotProved extends Error {
  override readonly name = 'NotProved'
  /** `credentials` covers all a client must not learn apart: who is unknown, and whose password is another. */
  readonly why: 'credentials' | 'malformed' | 'unavailable' | 'busy'
  /** Whom the client said to be. */
  readonly claimed: string | undefined

  constructor(why: NotProved['why'], message: string, claimed?: string) {
    super(message)
    this.why = why
    this.claimed = claimed
  }
}
