import { fromBase64, toBase64 } from './base64.ts'
import { LEAST_ITERATIONS, MOST_ITERATIONS } from './scram.ts'

/** What a server may say that is wrong with a message of a client: `server-error-value` (RFC 5802 section 7). */
export type ScramFault =
  | 'invalid-encoding'
  | 'extensions-not-supported'
  | 'channel-binding-not-supported'
  | 'server-does-support-channel-binding'
  | 'channel-bindings-dont-match'
  | 'invalid-username-encoding'
  | 'invalid-proof'
  | 'unknown-user'
  | 'no-resources'
  | 'other-error'

/** A message that is none, or not one for now; `fault` is what a server may say of it. */
export class BadScram extends Error {
  override readonly name = 'BadScram'
  readonly fault: ScramFault

  constructor(why: string, fault: ScramFault = 'other-error') {
    super(why)
    this.fault = fault
  }
}

export interface ClientFirst {
  /** `n,,` and the like, as `c` must repeat it. */
  readonly gs2: string
  /** `p=…` is not supported; `y`: the client could bind channels and believes that we cannot. */
  readonly binding: 'n' | 'y'
  /** Whom to act as; absent: the user. */
  readonly authzid?: string
  readonly user: string
  readonly nonce: string
  /** What of it goes into the AuthMessage. */
  readonly bare: string
}

export interface ServerFirst {
  readonly nonce: string
  readonly salt: Uint8Array
  readonly iterations: number
  readonly text: string
}

export interface ClientFinal {
  /** The GS2 header as it was sent at first. */
  readonly gs2: string
  readonly nonce: string
  readonly proof: Uint8Array
  /** What of it goes into the AuthMessage. */
  readonly withoutProof: string
}

export type ServerFinal = { readonly signature: Uint8Array } | { readonly error: string }

/** Octets of a message, which a base64 line of 12288 (RFC 4954 section 4) can hold. */
export const MOST_OCTETS = 9216

const MOST_NONCE = 512
const MOST_SALT = 1024

/** The octets of a message as text: UTF-8 without a NUL, not without end. */
const textOf = (message: Uint8Array): string => {
  if (message.length > MOST_OCTETS) throw new BadScram('The message is too long', 'invalid-encoding')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(message)
  } catch {
    throw new BadScram('The message is not UTF-8', 'invalid-encoding')
  }
  if (text.includes('\0')) throw new BadScram('The message has a NUL', 'invalid-encoding')
  return text
}

/** The values of these attributes, which stand first and in this order; those after them are nobody's and passed over. */
const attributes = <const N extends string>(text: string, names: readonly N[]): Record<N, string> => {
  const parts = text.split(',')
  if (parts.some((part) => part.startsWith('m=')))
    throw new BadScram('It demands an extension', 'extensions-not-supported')
  for (const part of parts) {
    if (!/^[A-Za-z]=[\s\S]/.test(part)) throw new BadScram('An attribute is malformed', 'invalid-encoding')
  }
  const found: Partial<Record<N, string>> = {}
  for (const [at, name] of names.entries()) {
    const part = parts[at]
    if (!part?.startsWith(`${name}=`))
      throw new BadScram(`The attribute ${name} is not in its place`, 'invalid-encoding')
    found[name] = part.slice(2)
  }
  return found as Record<N, string>
}

const nonceOf = (text: string): string => {
  if (text.length > MOST_NONCE || !/^[!-+\--~]+$/.test(text))
    throw new BadScram('The nonce is malformed', 'invalid-encoding')
  return text
}

const octetsOf = (text: string, what: string): Buffer => {
  const octets = fromBase64(text)
  if (octets === undefined || octets.length === 0) throw new BadScram(`The ${what} is no base64`, 'invalid-encoding')
  return octets
}

/** `saslname`: a name in which `,` and `=` stand for nothing else. */
const writeName = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C')

const readName = (text: string): string => {
  if (text === '' || /=(?!2C|3D)/.test(text)) throw new BadScram('The name is malformed', 'invalid-username-encoding')
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

/** For a client that cannot bind channels. `nonce`: printable ASCII without a comma, new each time. */
export const writeClientFirst = (user: string, nonce: string): ClientFirst & { readonly text: string } => {
  const [gs2, bare] = ['n,,', `n=${writeName(user)},r=${nonce}`]
  return { gs2, binding: 'n', user, nonce, bare, text: `${gs2}${bare}` }
}

export const readClientFirst = (message: Uint8Array): ClientFirst => {
  const text = textOf(message)
  const [, gs2, flag, authzid, bare] = /^((n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]*))?,)([\s\S]+)$/.exec(text) ?? []
  if (gs2 === undefined || flag === undefined || bare === undefined)
    throw new BadScram('The GS2 header is malformed', 'invalid-encoding')
  if (flag.startsWith('p')) throw new BadScram('Channel binding is not supported', 'channel-binding-not-supported')
  const { n, r } = attributes(bare, ['n', 'r'])
  const binding = flag === 'y' ? 'y' : 'n'
  const actAs = authzid === undefined ? {} : { authzid: readName(authzid) }
  return { gs2, binding, ...actAs, user: readName(n), nonce: nonceOf(r), bare }
}

/** `nonce`: the client's, lengthened. */
export const writeServerFirst = (nonce: string, salt: Uint8Array, iterations: number): ServerFirst => ({
  nonce,
  salt,
  iterations,
  text: `r=${nonce},s=${toBase64(salt)},i=${iterations}`,
})

/** As an answer to a client's first message with this nonce. */
export const readServerFirst = (message: Uint8Array, clientNonce: string): ServerFirst => {
  const text = textOf(message)
  const { r, s, i } = attributes(text, ['r', 's', 'i'])
  const nonce = nonceOf(r)
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length)
    throw new BadScram('The nonce does not go on from that of the client')
  const salt = octetsOf(s, 'salt')
  if (salt.length > MOST_SALT) throw new BadScram('The salt is too long')
  if (!/^[1-9][0-9]{0,9}$/.test(i)) throw new BadScram('The iteration count is malformed', 'invalid-encoding')
  const iterations = Number(i)
  if (iterations < LEAST_ITERATIONS) throw new BadScram(`${i} iterations are fewer than ${LEAST_ITERATIONS}`)
  if (iterations > MOST_ITERATIONS) throw new BadScram(`${i} iterations are more than ${MOST_ITERATIONS}`)
  return { nonce, salt, iterations, text }
}

/** Without its proof, which is made of it. */
export const clientFinalWithoutProof = (gs2: string, nonce: string): string => `c=${toBase64(gs2)},r=${nonce}`

export const writeClientFinal = (withoutProof: string, proof: Uint8Array): string =>
  `${withoutProof},p=${toBase64(proof)}`

export const readClientFinal = (message: Uint8Array): ClientFinal => {
  const text = textOf(message)
  const [, withoutProof, proof] = /^([\s\S]+),p=([^,]+)$/.exec(text) ?? []
  if (withoutProof === undefined || proof === undefined) throw new BadScram('There is no proof', 'invalid-encoding')
  const { c, r } = attributes(withoutProof, ['c', 'r'])
  return {
    gs2: octetsOf(c, 'channel binding').toString(),
    nonce: nonceOf(r),
    proof: octetsOf(proof, 'proof'),
    withoutProof,
  }
}

export const writeServerFinal = (signature: Uint8Array): string => `v=${toBase64(signature)}`

/** For a refusal that is told by a message, not by the protocol around it. */
export const writeServerError = (fault: ScramFault): string => `e=${fault}`

export const readServerFinal = (message: Uint8Array): ServerFinal => {
  const text = textOf(message)
  if (text.startsWith('e=')) return { error: attributes(text, ['e']).e }
  return { signature: octetsOf(attributes(text, ['v']).v, 'signature') }
}

/** What both sides sign. */
export const authMessage = (
  first: Pick<ClientFirst, 'bare'>,
  server: Pick<ServerFirst, 'text'>,
  withoutProof: string,
): string => `${first.bare},${server.text},${withoutProof}`
