import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { toXtext } from '../smtp/param.ts'

/** RFC 3885 3.1: 128 to 1024 bits. */
const SECRET_OCTETS = 20
const MOST_OCTETS = 128

/** Base64 without padding, as it stands in an ESMTP parameter. */
const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64').replace(/=+$/, '')

const sha1 = (octets: Uint8Array): Buffer => createHash('sha1').update(octets).digest()

/** The secret of a message, from base64 with padding or without. Undefined: it is none. */
export const readSecret = (text: string): Buffer | undefined => {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined
  const octets = Buffer.from(text, 'base64')
  return octets.length > 0 && octets.length <= MOST_OCTETS ? octets : undefined
}

/** What travels with the mail in place of the secret. */
export const certifierOf = (secret: Uint8Array): string => base64(sha1(secret))

/** Whether the secret is that of a certifier. Takes as long whatever the answer is. */
export const proves = (secret: Uint8Array, certifier: string): boolean => {
  const wanted = Buffer.from(certifier, 'base64')
  const given = sha1(secret)
  return wanted.length === given.length && timingSafeEqual(wanted, given)
}

/** What a sender keeps, and what goes with the mail. */
export interface NewTracking {
  /** In xtext, as it stands in MAIL and in TRACK. */
  readonly envid: string
  /** In base64. Whoever has it may ask. */
  readonly secret: string
  readonly certifier: string
}

/** For a message that has never been sent before: a name that no other has, and a secret. */
export const newTracking = (host: string, random: (octets: number) => Buffer = randomBytes): NewTracking => {
  const local = random(15).toString('base64url')
  const name = toXtext(host)
  // RFC 3885 3.2: what is too long for an ENVID of 100 is replaced by its SHA-1.
  const fits = local.length + 1 + name.length <= 100
  const secret = random(SECRET_OCTETS)
  return {
    envid: `${local}@${fits ? name : toXtext(base64(sha1(Buffer.from(host))))}`,
    secret: base64(secret),
    certifier: certifierOf(secret),
  }
}
