import { type Address, BadAddress, readAddress } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'

/** For our own domains: names of users and aliases are compared without case, in composed form (NFC). */
export const fold = (name: string): string => name.normalize().toLowerCase().normalize()

/** What a local part may be known as, most exact first: `alice+tag`, then `alice`. No separator: only as it stands. */
export const knownAs = (local: string, separator: string): readonly string[] => {
  const at = separator === '' ? -1 : local.indexOf(separator)
  return at > 0 ? [local, local.slice(0, at)] : [local]
}

/** A director's `domains`: absent, it serves all domains that are ours. */
export const serves = (domains: readonly string[] | undefined): ((address: Address) => boolean) => {
  if (domains === undefined) return () => true
  const names = new Set(domains.map(domainKey))
  return ({ domain }) => names.has(domainKey(domain))
}

/** A local part that stands alone, quoted or not. Throws an error whose message says what is wrong. */
export const readLocalPart = (text: string): string => {
  try {
    return readAddress(`${text}@unqualified.invalid`).local
  } catch (error) {
    if (!(error instanceof BadAddress) || error.kind === 'length') throw error
    throw new Error('is no local part; special characters belong in double quotes')
  }
}
