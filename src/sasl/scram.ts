import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'

/** The arithmetic of SCRAM (RFC 5802 section 3, RFC 7677), for both sides and without channel binding, by its hash. */
export type ScramHash = 'sha1' | 'sha256'

/** What is to be kept of a password to check a client by and to prove oneself to it. */
export interface ScramVerifier {
  readonly hash: ScramHash
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** Fewer make a password that was overheard easy to guess (RFC 5802 section 5.1, RFC 7677 section 4). */
export const LEAST_ITERATIONS = 4096

/** More are not worked out for a peer that demands them (RFC 5802 section 9). */
export const MOST_ITERATIONS = 1_000_000

const OCTETS = { sha1: 20, sha256: 32 } as const

const hmac = (hash: ScramHash, key: Uint8Array, text: string): Buffer => createHmac(hash, key).update(text).digest()

const xor = (a: Uint8Array, b: Uint8Array): Buffer => Buffer.from(a.map((octet, at) => octet ^ (b[at] ?? 0)))

/** Hi(): the password is taken as it is; prepare it (RFC 4013) first. Off the main thread. */
export const saltPassword = (
  hash: ScramHash,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, OCTETS[hash], hash, (error, key) => (error ? reject(error) : resolve(key)))
  })

/** The verifier of a prepared password. */
export const scramVerifier = async (
  hash: ScramHash,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<ScramVerifier> => {
  const salted = await saltPassword(hash, password, salt, iterations)
  return { hash, salt, iterations, storedKey: storedKeyOf(hash, salted), serverKey: serverKeyOf(hash, salted) }
}

const clientKeyOf = (hash: ScramHash, salted: Uint8Array): Buffer => hmac(hash, salted, 'Client Key')

const storedKeyOf = (hash: ScramHash, salted: Uint8Array): Buffer =>
  createHash(hash).update(clientKeyOf(hash, salted)).digest()

const serverKeyOf = (hash: ScramHash, salted: Uint8Array): Buffer => hmac(hash, salted, 'Server Key')

/** ClientProof. */
export const clientProof = (hash: ScramHash, salted: Uint8Array, authMessage: string): Buffer =>
  xor(clientKeyOf(hash, salted), hmac(hash, storedKeyOf(hash, salted), authMessage))

/** Whether who made the proof has the password. */
export const isClientProof = (
  { hash, storedKey }: Pick<ScramVerifier, 'hash' | 'storedKey'>,
  authMessage: string,
  proof: Uint8Array,
): boolean => {
  if (proof.length !== OCTETS[hash]) return false
  const clientKey = xor(proof, hmac(hash, storedKey, authMessage))
  return timingSafeEqual(createHash(hash).update(clientKey).digest(), storedKey)
}

/** ServerSignature. */
export const serverSignature = (
  { hash, serverKey }: Pick<ScramVerifier, 'hash' | 'serverKey'>,
  authMessage: string,
): Buffer => hmac(hash, serverKey, authMessage)

/** Whether who made the signature has the verifier of the password. */
export const isServerSignature = (
  hash: ScramHash,
  salted: Uint8Array,
  authMessage: string,
  signature: Uint8Array,
): boolean => {
  const expected = serverSignature({ hash, serverKey: serverKeyOf(hash, salted) }, authMessage)
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}
