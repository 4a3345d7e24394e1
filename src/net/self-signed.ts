import { generateKeyPair, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { promisify } from 'node:util'
import { ipOctets } from './ip-octets.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/**
 * A certificate for one host name or IP address that vouches for itself, and its key (EC P-256), both PEM. Valid from an
 * hour before `now` (milliseconds since 1970) for so many days. Throws on what is no name.
 */
export const selfSigned = async (
  name: string,
  now: number,
  days: number,
): Promise<{ certificate: string; key: string }> => {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const subject = commonName(name)
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial()),
    ECDSA_WITH_SHA256,
    subject,
    sequence(time(now - HOUR), time(now + days * DAY)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions(name))),
  )
  const signature = der(0x03, Buffer.of(0), sign('sha256', signed, privateKey))
  return {
    certificate: pem('CERTIFICATE', sequence(signed, ECDSA_WITH_SHA256, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

// RFC 5280 4.2.1: what the key is for, and whom it is for. The last octet of the key usage is digitalSignature.
const extensions = (name: string): Buffer[] => [
  extension('551d13', true, sequence()),
  extension('551d0f', true, der(0x03, Buffer.of(7, 0x80))),
  extension('551d25', false, sequence(oid('2b06010505070301'))),
  extension('551d11', false, sequence(alternativeName(name))),
]

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(critical ? [der(0x01, Buffer.of(0xff))] : []), der(0x04, value))

const alternativeName = (name: string): Buffer => {
  if (isIP(name)) return der(0x87, ipOctets(name))
  const ascii = /[^\w.\-\u{80}-\u{10ffff}]/u.test(name) ? '' : domainToASCII(name)
  if (ascii === '') throw new Error(`${JSON.stringify(name)} is neither a host name nor an IP address`)
  return der(0x82, Buffer.from(ascii))
}

// A common name has at most 64 characters, a host name up to 253; nobody reads it who reads the extension.
const commonName = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name.length > 64 ? 'self-signed' : name)))))

/** Positive, of 20 octets at most (RFC 5280 4.1.2.2). */
const serial = (): Buffer => {
  const octets = randomBytes(16)
  octets[0] = 0x40 | ((octets[0] ?? 0) & 0x3f)
  return octets
}

/** UTCTime through 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
const time = (at: number): Buffer => {
  const digits = new Date(at).toISOString().replace(/\.\d+|[-:T]/g, '')
  return digits < '2050' ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const header = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), content])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'))

const pem = (label: string, octets: Buffer): string => {
  const lines = octets.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
