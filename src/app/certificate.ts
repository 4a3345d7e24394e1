import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Settings } from '../config/settings.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { selfSigned } from '../net/self-signed.ts'
import { type Pem, type TlsService, tlsService } from '../net/tls.ts'
import type { Clock } from '../observe/clock.ts'
import { Faults } from './unfit.ts'

const DAYS = 365

/** TLS as a server with the certificate of the settings. Undefined: none is asked for. Throws `Unfit` for a pair that is of no use. */
export const serverTls = async ({ tls, hostname }: Settings, clock: Clock): Promise<TlsService | undefined> => {
  if (tls === undefined) return undefined
  if ('self-signed' in tls) return tlsService({ clock, own: await selfSigned(hostname, clock.now(), DAYS) })
  const faults = new Faults()
  const own = await pairOf(tls, faults)
  const service = own && (await faults.of(['tls', 'certificate'], () => serviceOf(own, tls.certificate, clock)))
  faults.demandNone()
  return service
}

/** Two files that belong together. Undefined: they do not, and the faults say why. */
const pairOf = async (files: Pem, faults: Faults): Promise<Pem | undefined> => {
  const certificate = await faults.of(['tls', 'certificate'], () => read(files.certificate, certificateOf))
  const key = await faults.of(['tls', 'key'], () => read(files.key, keyOf))
  if (!certificate || !key) return undefined
  if (!certificate.is.checkPrivateKey(key.is)) {
    faults.add(['tls', 'key'], `${files.key}: is not the key of the certificate ${files.certificate}`)
    return undefined
  }
  return { certificate: certificate.text, key: key.text }
}

const read = async <T>(file: string, as: (text: string) => T): Promise<{ readonly text: string; readonly is: T }> => {
  try {
    const text = await readFile(file, 'utf8')
    return { text, is: as(text) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof Misconfigured) throw new Misconfigured(`${file}: ${message}`)
    throw new Misconfigured(`${file}: ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}`)
  }
}

const certificateOf = (text: string): X509Certificate => {
  if (!/^-----BEGIN (TRUSTED )?CERTIFICATE-----/m.test(text)) throw new Misconfigured('holds no certificate in PEM')
  try {
    return new X509Certificate(text)
  } catch {
    throw new Misconfigured('holds a certificate that cannot be read')
  }
}

const keyOf = (text: string): KeyObject => {
  if (/^-----BEGIN ENCRYPTED|^Proc-Type: .*ENCRYPTED/m.test(text)) {
    throw new Misconfigured('is encrypted; expected a private key without a passphrase')
  }
  if (!/^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/m.test(text)) throw new Misconfigured('holds no private key in PEM')
  try {
    return createPrivateKey(text)
  } catch {
    throw new Misconfigured('holds a private key that cannot be read')
  }
}

/** OpenSSL still refuses what is too weak for its taste, or a chain that is broken. */
const serviceOf = (own: Pem, file: string, clock: Clock): TlsService => {
  try {
    return tlsService({ clock, own })
  } catch (error) {
    throw new Misconfigured(`${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
