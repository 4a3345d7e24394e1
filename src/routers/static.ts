import { Misconfigured } from '../mail/misconfigured.ts'
import { type Reply, reply } from '../mail/reply.ts'
import type { Resolver } from '../net/resolver.ts'
import { asciiDomain, literalAddress, literalOf } from './domain.ts'
import { formatHop, type HopHost, hopHosts, readHop } from './hop.ts'
import { mxWay } from './mx.ts'
import type { Router, Routing } from './router.ts'
import type { Self } from './self.ts'

/** One line of the table. */
export interface StaticRow {
  /** `example.org`, or `.example.org` or `*.example.org` for all below it, or an address literal, or `*` for anything. */
  readonly domain: string
  /**
   * `mx` for wherever the DNS says, `error: 5yz [5.y.z] TEXT` for nobody, or hosts in the order to try them: `DOMAIN` for its
   * mail exchangers, `[HOST]` or an address for that very host, with `:PORT`, or `unix:/PATH`. `mx` if absent.
   */
  readonly to?: string | readonly (string | HopHost)[]
  /** Instead of the router's. */
  readonly transport?: string
  /** Where the row is written, for messages: `FILE:LINE:COL`. */
  readonly at?: string
}

export interface StaticOptions {
  readonly name: string
  readonly transport: string
  readonly rows: readonly StaticRow[]
  /** Of hosts for which none is written; 25 unless told. */
  readonly port?: number
  readonly resolver: Resolver
  readonly self: Self
}

type Way = (domain: string) => Routing['way']

interface Table {
  readonly names: ReadonlyMap<string, Way>
  /** From the longest to the shortest, each with its dot in front. */
  readonly trees: readonly (readonly [string, Way])[]
  readonly rest: Way | undefined
}

/**
 * A table of domains: a row for the very domain decides, else the row for the smallest tree that it is in. Throws
 * `Misconfigured`, with all that is wrong with any row.
 */
export const staticRouter = (options: StaticOptions): Router => {
  const { names, trees, rest } = readTable(options)
  return {
    name: options.name,
    async route({ domain }) {
      if (domain === '') return undefined
      const key = keyOf(domain) ?? domain.toLowerCase()
      const way = names.get(key)
      if (way !== undefined) return { matched: 'complete', way: way(domain) }
      const [tree, wayBelow] = trees.find(([suffix]) => key.endsWith(suffix)) ?? ['', rest]
      return wayBelow && { matched: tree.length, way: wayBelow(domain) }
    },
  }
}

const keyOf = (domain: string): string | undefined => {
  const address = literalAddress(domain)
  return address === undefined ? asciiDomain(domain) : literalOf(address)
}

const readTable = (options: StaticOptions): Table => {
  const ways = new Map<string, Way>()
  const faults: string[] = []
  for (const row of options.rows) {
    try {
      const pattern = readPattern(row.domain)
      if (ways.has(pattern)) throw new Misconfigured('is there twice')
      ways.set(pattern, readWay(row, options))
    } catch (error) {
      if (!(error instanceof Misconfigured)) throw error
      faults.push(`${row.at ?? options.name}: ${row.domain}: ${error.message}`)
    }
  }
  if (faults.length > 0) throw new Misconfigured(faults.join('\n'))
  const trees = [...ways].filter(([pattern]) => pattern.startsWith('.'))
  return { names: ways, trees: trees.sort(([a], [b]) => b.length - a.length), rest: ways.get('*') }
}

/** `*`, or a tree with its dot in front, or a domain as `keyOf` writes it. */
const readPattern = (pattern: string): string => {
  const [, dot, domain = ''] = /^((?:\*?\.)?)(.*)$/.exec(pattern) ?? []
  const key = dot ? asciiDomain(domain) : keyOf(domain)
  if (pattern === '*') return pattern
  if (key !== undefined) return dot ? `.${key}` : key
  throw new Misconfigured('is no domain: expected example.org, .example.org, *.example.org, [192.0.2.1] or *')
}

const readWay = (row: StaticRow, options: StaticOptions): Way => {
  const { resolver, self, port = 25 } = options
  const transport = row.transport ?? options.transport
  const to = typeof row.to === 'string' ? row.to.trim() : (row.to ?? 'mx')
  if (to === 'mx') return (domain) => mxWay(domain, { transport, port, resolver, self })
  if (typeof to === 'string' && to.startsWith('error:')) {
    const said = readError(to.slice('error:'.length))
    return () => ({ to: 'nobody', reply: said })
  }
  const texts = typeof to === 'string' ? to.split(/[\s,]+/) : to
  const hops = texts.map((text) => readHop(text, port))
  if (hops.length === 0) throw new Misconfigured('has no host')
  const destination = hops.map(formatHop).join(',')
  return () => ({ to: 'host', transport, destination, hosts: () => hopHosts(hops, resolver, self) })
}

const readError = (text: string): Reply => {
  const [, code, status = '5.0.0', words] =
    /^\s*(5[0-5]\d)(?:\s+(5\.\d{1,3}\.\d{1,3}))?\s+((?!\d+\.\d)[!-~][ -~]{0,399})$/.exec(text) ?? []
  if (code === undefined || words === undefined) {
    throw new Misconfigured("'error:' is followed by a code 5yz, a status 5.y.z or none, and words in ASCII")
  }
  return reply(Number(code), status, words)
}
