import { DnsError, type Resolver } from '../../src/net/resolver.ts'

export interface Answers {
  /** `failed` for a name that cannot be looked up now. */
  readonly mx?: Readonly<Record<string, readonly (readonly [number, string])[] | 'failed'>>
  readonly addresses?: Readonly<Record<string, readonly string[] | 'failed'>>
}

export interface TableResolver extends Resolver {
  /** What it was asked, in order: `mx example.org`. */
  readonly asked: readonly string[]
}

/** A resolver that knows a few names. A name in neither table does not exist; one in either exists. */
export const tableResolver = ({ mx = {}, addresses = {} }: Answers): TableResolver => {
  const asked: string[] = []
  const answer = <T>(name: string, table: Readonly<Record<string, readonly T[] | 'failed'>>): readonly T[] => {
    const known = table[name]
    if (known === 'failed') throw new DnsError('failed', `${name}: no answer`)
    if (known !== undefined) return known
    if (name in mx || name in addresses) return []
    throw new DnsError('notFound', `${name} does not exist`)
  }
  return {
    asked,
    async mx(domain) {
      asked.push(`mx ${domain}`)
      return answer(domain, mx)
        .map(([preference, name]) => ({ preference, name }))
        .sort((a, b) => a.preference - b.preference)
    },
    async addresses(name) {
      asked.push(`addresses ${name}`)
      return answer(name, addresses)
    },
  }
}
