import type { Reply } from '../../mail/reply.ts'
import { fromBase64, toBase64 } from '../../sasl/base64.ts'
import {
  BadChallenge,
  type ClientExchange,
  type ClientMechanism,
  type Credentials,
} from '../../sasl/client-mechanism.ts'
import type { Conversation } from '../../smtp/extension.ts'

/** How one AUTH ended. `unproved`: the hop said yes, or no longer, without having proved that it knows the password. */
export type Attempted =
  | { readonly is: 'proved' | 'unproved' }
  | { readonly is: 'refused'; readonly answer: Reply }
  | { readonly is: 'nonsense'; readonly why: string }

/** Octets of a command line, its CRLF included (RFC 5321 4.5.3.1.4): a longer initial response is not sent with it. */
const MOST_OCTETS = 512

/** One AUTH command with all that belongs to it (RFC 4954 section 4). Nothing that is secret is in what it returns or throws. */
export const attempt = async (
  talk: Conversation,
  mechanism: ClientMechanism,
  { user, password }: Credentials,
): Promise<Attempted> => {
  const exchange = mechanism.begin({ user, password })
  const secrets = [password]
  const say = (line: string, secret: string): Promise<Reply> => {
    // What is said now is longer than what it may be a part of.
    secrets.unshift(secret)
    return talk.command(line, secrets)
  }
  let { initial } = exchange
  const begun = initial === undefined ? undefined : initial.length === 0 ? '=' : toBase64(initial)
  const whole = `AUTH ${mechanism.name}${begun === undefined ? '' : ` ${begun}`}`
  const fits = whole.length + 2 <= MOST_OCTETS
  let answer = fits ? await say(whole, begun === '=' ? '' : (begun ?? '')) : await say(`AUTH ${mechanism.name}`, '')
  if (fits) initial = undefined
  while (answer.code === 334) {
    let response: string
    try {
      response = toBase64(await respond(exchange, answer, initial))
    } catch (error) {
      if (!(error instanceof BadChallenge)) throw error
      await talk.command('*', secrets)
      return error.unproved ? { is: 'unproved' } : { is: 'nonsense', why: error.message }
    }
    initial = undefined
    answer = await say(response, response)
  }
  if (answer.code === 235) return { is: exchange.over ? 'proved' : 'unproved' }
  if (answer.code < 400) return { is: 'nonsense', why: `${answer.code} in answer to AUTH` }
  return { is: 'refused', answer }
}

/** `initial`: what is due as the answer to an empty challenge, for it was too long to be sent before (RFC 4422 section 5.1). */
const respond = async (
  exchange: ClientExchange,
  { lines }: Reply,
  initial: Uint8Array | undefined,
): Promise<Uint8Array> => {
  const [text = '', ...more] = lines
  const challenge = more.length > 0 ? undefined : fromBase64(text)
  if (challenge === undefined) throw new BadChallenge('Its challenge is no base64')
  if (initial === undefined) return exchange.respond(challenge)
  if (challenge.length > 0) throw new BadChallenge('It challenges whoever is to begin')
  return initial
}
