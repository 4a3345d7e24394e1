import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { program } from './installed.ts'

/** A key and a self-signed certificate for a name, made by OpenSSL. Only their owner may read the key. */
export const makeCertificate = (
  folder: string,
  name: string,
): { readonly certificate: string; readonly key: string } => {
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  const how = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const what = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', certificate]
  execFileSync(program('openssl'), ['req', ...how, ...what], { stdio: 'pipe' })
  return { certificate, key }
}
