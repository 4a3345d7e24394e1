/** Who we are, as a server knows it; both as RFC 4013 prepares them. */
export interface Credentials {
  readonly user: string
  readonly password: string
}

/** A client's side of a SASL mechanism (RFC 4422). */
export interface ClientMechanism {
  /** As IANA has it, in upper case. */
  readonly name: string
  /** The server proves that it knows the password, too, and learns nothing by which it could pass for us. */
  readonly mutual?: true
  begin(credentials: Credentials): ClientExchange
}

/** One attempt to prove who we are. */
export interface ClientExchange {
  /** What the client begins with; absent: the server begins. */
  readonly initial?: Uint8Array
  /** All has been said: from now on the server may say that we are who we say. */
  readonly over: boolean
  /** Throws `BadChallenge`. */
  respond(challenge: Uint8Array): Promise<Uint8Array>
}

/** A challenge that is none, or that shows that the server does not know the password (`unproved`). Holds no secrets. */
export class BadChallenge extends Error {
  override readonly name = 'BadChallenge'
  readonly unproved: boolean

  constructor(why: string, unproved = false) {
    super(why)
    this.unproved = unproved
  }
}

/** One after the other; a challenge after the last has no answer. */
export const inTurn = (
  responses: readonly ((challenge: Uint8Array) => Uint8Array | Promise<Uint8Array>)[],
  initial?: Uint8Array,
): ClientExchange => {
  let at = 0
  return {
    ...(initial ? { initial } : {}),
    get over() {
      return at === responses.length
    },
    async respond(challenge) {
      const respond = responses[at]
      if (respond === undefined) throw new BadChallenge('A challenge more than there are')
      const response = await respond(challenge)
      at += 1
      return response
    },
  }
}
