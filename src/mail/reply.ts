/**
 * What a server says to one command. `status` is the enhanced code of RFC 3463 (`2.1.0`), or empty where none may be
 * given (3yz replies, greetings); how it is shown is up to the ENHANCEDSTATUSCODES extension. At least one line.
 */
export interface Reply {
  readonly code: number
  readonly status: string
  readonly lines: readonly string[]
  /** Lines behind those, for programs: they go out as they are, without a status in front (RFC 4141 5.2). */
  readonly bare?: readonly string[]
  /** Its client takes UTF-8 in it. From any other, what is beyond ASCII is left out (RFC 6531 3.7.4). */
  readonly utf8?: true
}

export const reply = (code: number, status: string, ...lines: readonly [string, ...string[]]): Reply => ({
  code,
  status,
  lines,
})

/** An answer to the peer, thrown. It carries nothing internal: its whole text goes out on the wire. */
export class Refusal extends Error {
  /** 4yz or 5yz, whatever was given: nothing that is thrown can be taken for success. */
  readonly reply: Reply
  /** What it was made of: a peer's answer may be one that refuses nothing. */
  readonly given: Reply

  constructor(answer: Reply) {
    super(`${answer.code} ${answer.status} ${answer.lines.join(' / ')}`)
    this.name = 'Refusal'
    this.given = answer
    this.reply = refuses(answer)
      ? answer
      : reply(451, '4.5.0', `An answer that neither accepts nor refuses: ${answer.code} ${answer.lines.join(' ')}`)
  }
}

const refuses = ({ code }: Reply): boolean => code >= 400 && code < 600

export const refuse = (code: number, status: string, text: string): never => {
  throw new Refusal(reply(code, status, text))
}
