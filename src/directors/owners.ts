import { stat } from 'node:fs/promises'
import type { Address } from '../mail/address.ts'
import { addressKey, isDomain, readAddress } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'
import { type Instant, readDate } from '../mail/instant.ts'
import type { Parsed } from './source.ts'

/** Since when addresses and domains have their owners; `always`: they never had another. By address or domain, as keys. */
export type Owners = ReadonlyMap<string, Instant | 'always'>

/** The address of a user's mailbox, to which another address leads: a user without a domain is of the same one. */
export const addressOfUser = (user: string, from: Address): Address =>
  user.includes('@') ? readAddress(user) : { ...from, local: user }

/** In any case of letters, as users are known. */
const nameOf = (address: Address): string => addressKey(address).toLowerCase()

const keyOf = (name: string): string => {
  if (name.includes('@')) return nameOf(readAddress(name))
  if (!isDomain(name)) throw new Error('is neither an address nor a domain')
  return domainKey(name)
}

/**
 * An owner a line: `alice@example.org 2026-11-25`, `example.org 2026-11-25`, `alice@example.org always`. A `#` that begins a
 * line or follows white space begins a comment. A name stands once.
 */
export const parseOwners = (text: string, file: string): Parsed<Owners> => {
  const owners = new Map<string, Instant | 'always'>()
  const faults: string[] = []
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.replace(/(?:^|\s)#.*$/, '').trim()
    if (line === '') continue
    const [name = '', date = '', ...more] = line.split(/\s+/)
    try {
      if (more.length > 0) throw new Error('more than a name and a date')
      const key = keyOf(name)
      if (owners.has(key)) throw new Error('the name stands already in an earlier line')
      owners.set(key, date === 'always' ? date : readDate(date))
    } catch (error) {
      faults.push(`${file}:${index + 1}: ${JSON.stringify(name)}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return { value: owners, faults }
}

/** What is known of the owners of mailboxes, apart from what their folders tell. */
export interface Known {
  readonly owners: Owners
  /** The latest time at which a mailbox of which nothing is known can have got its owner. */
  readonly latest?: Instant
}

/**
 * Whether an address has had one owner since then (RFC 7293 section 9). `mailbox`: whose it is, where it is one, however the
 * address is written; without a record, nobody can have got it later than its folder was made. Rejects when the folder cannot be looked at.
 */
export const sameOwner = async (
  address: Address,
  mailbox: { readonly user: string; readonly home: string } | undefined,
  since: Instant,
  { owners, latest }: Known,
): Promise<'same' | 'other' | 'domain' | 'unknown'> => {
  const domain = owners.get(domainKey(address.domain)) ?? 'always'
  if (domain !== 'always' && domain > since) return 'domain'
  const own = mailbox && nameOf(addressOfUser(mailbox.user, address))
  const record = owners.get(nameOf(address)) ?? (own === undefined ? undefined : owners.get(own))
  const recorded = record ?? (mailbox ? await madeAt(mailbox.home) : undefined) ?? latest
  if (recorded === undefined) return 'unknown'
  return recorded === 'always' || recorded <= since ? 'same' : 'other'
}

const madeAt = async (folder: string): Promise<Instant | undefined> => {
  try {
    const { birthtimeMs } = await stat(folder)
    // File systems that do not know say 1970. What is asked is in whole seconds.
    return birthtimeMs > 0 ? Math.floor(birthtimeMs / 1000) * 1000 : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
