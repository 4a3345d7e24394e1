import type { Address } from '../mail/address.ts'
import { addressKey } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { type Alias, type AliasTable, aliasKey, parseAliases } from './alias-file.ts'
import type { Director } from './director.ts'
import { knownAs, serves } from './local-part.ts'
import { keep, type Source } from './source.ts'

export interface AliasesOptions {
  readonly name: string
  /** In the format of aliases(5), see `parseAliases`. */
  readonly source: Source
  /** The file need not exist. */
  readonly optional?: boolean
  /** Where names without a domain apply. Absent: in all domains that are ours. */
  readonly domains?: readonly string[]
  /** What a right-hand name without a domain gets. */
  readonly defaultDomain: string
  /** `list+tag` is looked up as `list` where it has no entry of its own. Empty: it is not. Absent: `+`. */
  readonly separator?: string
  readonly clock: Clock
  readonly log: Log
}

const UNSUPPORTED = {
  pipe: 'hands mail to a program',
  file: 'writes mail to a file',
  include: 'includes a file',
  special: 'is a special item',
} as const

/** Looks names up in an alias table. Where `owner-NAME` has an entry, failures of a NAME with several members go there. */
export const aliasesDirector = async (options: AliasesOptions): Promise<Director> => {
  const { name, source, defaultDomain, separator = '+' } = options
  const current = await keep(source, parseAliases, options)
  const mine = serves(options.domains)

  const find = (table: AliasTable, { local, domain }: Address): Alias | undefined => {
    for (const form of knownAs(local, separator)) {
      const found = table.get(aliasKey(form, domain)) ?? table.get(aliasKey(form))
      if (found) return found
    }
    return undefined
  }

  const addresses = (table: AliasTable, alias: Alias): readonly Address[] => {
    const met = new Map<string, Address>()
    for (const member of alias.members) {
      const refuse = (what: string) => {
        throw new Misconfigured(`${source.name}:${alias.line}: the alias ${alias.local} ${what}`)
      }
      if (member.is !== 'address') {
        return refuse(
          `has the member ${JSON.stringify(member.text)}, which ${UNSUPPORTED[member.is]}: not supported yet`,
        )
      }
      const address = { local: member.local, domain: member.domain ?? defaultDomain }
      if (member.asIs) {
        const other = mine(address) ? find(table, address) : undefined
        if (other && other !== alias) return refuse(`passes over the alias ${other.local} (\\): not supported yet`)
      }
      met.set(addressKey(address), address)
    }
    return [...met.values()]
  }

  return {
    name,
    async direct(target, ancestors) {
      if (!mine(target)) return undefined
      const table = await current()
      const alias = find(table, target)
      if (alias === undefined) return undefined
      // `alice: alice, archive`: the entry's own member is not for the entry again, but for whoever has alice's mailbox.
      const parent = ancestors[0]
      if (parent && mine(parent) && find(table, parent) === alias) return undefined
      const members = addresses(table, alias)
      const owner: Address = { local: `owner-${alias.local}`, domain: target.domain }
      const owned = members.length > 1 && find(table, owner) !== undefined
      return owned ? { to: 'addresses', addresses: members, sender: owner } : { to: 'addresses', addresses: members }
    },
    async expand(target) {
      if (!mine(target)) return undefined
      const table = await current()
      const alias = find(table, target)
      return alias && addresses(table, alias)
    },
  }
}
