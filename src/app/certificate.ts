import { readFile } from 'node:fs/promises'
import type { Settings } from '../config/settings.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { selfSigned } from '../net/self-signed.ts'
import { type Pem, type TlsService, tlsService } from '../net/tls.ts'
import type { Clock } from '../observe/clock.ts'

const DAYS = 365

/** The certificate that settings name, or one made now. Undefined: none is asked for. Throws `Misconfigured`. */
const certificate = async ({ tls, hostname }: Settings, clock: Clock): Promise<Pem | undefined> => {
  if (tls === undefined) return undefined
  if ('self-signed' in tls) return selfSigned(hostname, clock.now(), DAYS)
  try {
    return { certificate: await readFile(tls.certificate, 'utf8'), key: await readFile(tls.key, 'utf8') }
  } catch (error) {
    throw new Misconfigured(`tls: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** TLS as a server with the certificate of the settings. Throws `Misconfigured` for a pair that is of no use. */
export const serverTls = async (settings: Settings, clock: Clock): Promise<TlsService | undefined> => {
  const own = await certificate(settings, clock)
  if (own === undefined) return undefined
  try {
    return tlsService({ clock, own })
  } catch (error) {
    throw new Misconfigured(`tls: ${error instanceof Error ? error.message : String(error)}`)
  }
}
