import { fromBase64, toBase64 } from './base64.ts'
import { LEAST_ITERATIONS, MOST_ITERATIONS, type ScramHash, type ScramVerifier } from './scram.ts'

/** Octets that a made-up or new salt has. */
export const SALT_OCTETS = 16

/** Without channel binding: the -PLUS forms are not offered. */
export const SCRAM_HASHES: Readonly<Record<'SCRAM-SHA-256' | 'SCRAM-SHA-1', ScramHash>> = {
  'SCRAM-SHA-256': 'sha256',
  'SCRAM-SHA-1': 'sha1',
}

const NAMES = Object.entries(SCRAM_HASHES)

const KEY_OCTETS = { sha1: 20, sha256: 32 } as const

const FORM = /^([A-Z0-9-]+)\$(\d{1,10}):([^:$]*)\$([^:$]*):([^:$]*)$/

/**
 * `SCRAM-SHA-256$ITERATIONS:SALT$StoredKey:ServerKey`, salt and keys in base64, as RFC 5803 has it and other programs write
 * it. Throws an Error that says what is wrong, and repeats nothing of it.
 */
export const readVerifier = (text: string): ScramVerifier => {
  const [, name, iterations, salt, storedKey, serverKey] = FORM.exec(text) ?? []
  const [, hash] = NAMES.find(([known]) => known === name) ?? []
  if (name === undefined || hash === undefined) {
    throw new Error(`no verifier here; expected one as \`smail password\` prints, ${NAMES[0]?.[0]}$4096:…$…:…`)
  }
  const count = Number(iterations)
  if (count < LEAST_ITERATIONS || count > MOST_ITERATIONS) {
    throw new Error(`${count} iterations; expected ${LEAST_ITERATIONS} to ${MOST_ITERATIONS}`)
  }
  return {
    hash,
    iterations: count,
    salt: octets('salt', salt, 8, 64),
    storedKey: octets('stored key', storedKey, KEY_OCTETS[hash], KEY_OCTETS[hash]),
    serverKey: octets('server key', serverKey, KEY_OCTETS[hash], KEY_OCTETS[hash]),
  }
}

const octets = (what: string, text: string | undefined, least: number, most: number): Uint8Array => {
  const read = fromBase64(text ?? '')
  if (read === undefined) throw new Error(`the ${what} is not base64`)
  if (read.length >= least && read.length <= most) return read
  throw new Error(`the ${what} has ${read.length} octets; expected ${least === most ? least : `${least} to ${most}`}`)
}

export const writeVerifier = ({ hash, iterations, salt, storedKey, serverKey }: ScramVerifier): string => {
  const name = NAMES.find(([, one]) => one === hash)?.[0]
  return `${name}$${iterations}:${toBase64(salt)}$${toBase64(storedKey)}:${toBase64(serverKey)}`
}
