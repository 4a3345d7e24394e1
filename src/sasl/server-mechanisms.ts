import { randomBytes } from 'node:crypto'
import type { Credentials } from './credentials.ts'
import { NotProved, type ServerMechanism } from './mechanism.ts'
import { isClientProof, serverSignature } from './scram.ts'
import {
  authMessage,
  BadScram,
  readClientFinal,
  readClientFirst,
  writeServerFinal,
  writeServerFirst,
} from './scram-messages.ts'
import { SCRAM_HASHES } from './verifier.ts'

const text = (octets: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    throw new NotProved('malformed', 'It is not UTF-8')
  }
}

const malformed = (why: string): never => {
  throw new NotProved('malformed', why)
}

/** PLAIN, RFC 4616: `[authzid] NUL authcid NUL passwd`. */
const plain = (credentials: Credentials): ServerMechanism => ({
  name: 'PLAIN',
  plaintext: true,
  first: 'client',
  oneMessage: true,
  // biome-ignore lint/correctness/useYield: all is said in the first message
  async *verify(first = new Uint8Array(), from) {
    const [actAs, name, password, ...more] = text(first).split('\0')
    if (!name || !password || more.length > 0) return malformed('It is no message of PLAIN')
    return credentials.check(name, password, from, actAs)
  },
})

/** LOGIN, which no RFC has: a name and then a password, each asked for; many clients know nothing else. */
const login = (credentials: Credentials): ServerMechanism => ({
  name: 'LOGIN',
  plaintext: true,
  first: 'either',
  async *verify(first, from) {
    const name = text(first ?? (yield Buffer.from('Username:')))
    const password = text(yield Buffer.from('Password:'))
    return credentials.check(name, password, from)
  },
})

const NONCE_OCTETS = 18

/** Goes on from the client's. */
export type MakeNonce = () => string

const newNonce: MakeNonce = () => randomBytes(NONCE_OCTETS).toString('base64')

/**
 * SCRAM, RFC 5802 and 7677: the client proves that it has the password and we that we have its verifier, and who listens
 * learns neither. The server's last message goes as a challenge, which the client answers with nothing (RFC 4954 section 4).
 */
export const scram = (
  name: keyof typeof SCRAM_HASHES,
  credentials: Credentials,
  nonce: MakeNonce = newNonce,
): ServerMechanism => ({
  name,
  first: 'client',
  async *verify(first = new Uint8Array()) {
    try {
      const hello = readClientFirst(first)
      const expected = await credentials.find(hello.user, SCRAM_HASHES[name])
      const { verifier, known } = expected
      const server = writeServerFirst(hello.nonce + nonce(), verifier.salt, verifier.iterations)
      const final = readClientFinal(yield Buffer.from(server.text))
      if (final.gs2 !== hello.gs2) return malformed('The channel binding is not what it was at first')
      if (final.nonce !== server.nonce) return malformed('The nonce is not the one of this exchange')
      const signed = authMessage(hello, server, final.withoutProof)
      const right = isClientProof(verifier, signed, final.proof)
      if (!known) throw new NotProved('credentials', 'The name is unknown, or has no verifier for it', expected.name)
      if (!right) throw new NotProved('credentials', 'The password is wrong', expected.name)
      const proved = credentials.asItself(expected.name, hello.authzid)
      const last = yield Buffer.from(writeServerFinal(serverSignature(verifier, signed)))
      return last.length === 0 ? proved : malformed('Something stands behind the end')
    } catch (error) {
      if (error instanceof BadScram) return malformed(error.message)
      throw error
    }
  },
})

/** Every mechanism there is, in the order in which a client should prefer them. */
export const serverMechanisms: Readonly<
  Record<keyof typeof SCRAM_HASHES | 'PLAIN' | 'LOGIN', (credentials: Credentials) => ServerMechanism>
> = {
  'SCRAM-SHA-256': (credentials) => scram('SCRAM-SHA-256', credentials),
  'SCRAM-SHA-1': (credentials) => scram('SCRAM-SHA-1', credentials),
  PLAIN: plain,
  LOGIN: login,
}
