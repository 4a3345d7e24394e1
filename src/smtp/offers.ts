import type { ParamBag } from '../mail/envelope.ts'
import { refuse } from '../mail/reply.ts'
import type { PathAndWords } from './command.ts'
import type { Extension, Grammar, ServerFacet, Session, Verb } from './extension.ts'
import type { Registry } from './registry.ts'

/** What is on offer between one greeting and the next: decided once, so that a keyword, its verbs and its parameters go together. */
export interface Offers {
  readonly extensions: readonly Extension[]
  /** The lines of a reply to EHLO behind the first: keywords with their arguments, silent extensions left out. */
  readonly lines: readonly string[]
  readonly verbs: ReadonlyMap<string, Verb>
  readonly hooks: Hooks
}

const HOOKS = ['onVerb', 'onMail', 'onRcpt', 'onAnnounced', 'onBody', 'atEnd', 'ended', 'dress', 'grammar'] as const

type Hook = (typeof HOOKS)[number]

/** Who has a say at each point, in their order: most extensions have none at most points. */
export type Hooks = { readonly [H in Hook]: readonly (ServerFacet & Required<Pick<ServerFacet, H>>)[] }

export const NO_HOOKS = Object.fromEntries(HOOKS.map((hook) => [hook, []])) as unknown as Hooks

/** Different answers to `offer` that are remembered: a few are usual, and none would be wrong. */
const MOST_REMEMBERED = 100

/** What a registry has on offer, for any session. */
export class Offering {
  /** Of all extensions, on offer or not. */
  readonly guards: readonly (ServerFacet & Required<Pick<ServerFacet, 'guard'>>)[]
  readonly #registry: Registry
  readonly #baseVerbs: ReadonlyMap<string, Verb>
  /** By what the extensions said; most sessions are told the same. */
  readonly #known = new Map<string, Offers>()

  constructor(registry: Registry, baseVerbs: ReadonlyMap<string, Verb>) {
    this.#registry = registry
    this.#baseVerbs = baseVerbs
    const facets = registry.extensions.flatMap(({ server }) => server ?? [])
    this.guards = facets.filter((facet): facet is Offering['guards'][number] => facet.guard !== undefined)
  }

  /** Asks every extension. */
  to(session: Session): Offers {
    // Without a side for servers there is nothing to offer.
    const args = this.#registry.extensions.map(({ server }) => (server?.offer ? server.offer(session) : server && []))
    const key = args.map(keyOf).join('\n')
    const known = this.#known.get(key)
    if (known) return known
    const offers = offersOf(this.#registry, this.#baseVerbs, args)
    // What is told changes with the time where it is a time, so the oldest goes.
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MOST_REMEMBERED && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(key, offers)
    return offers
  }
}

const keyOf = (args: readonly string[] | undefined): string => {
  if (args === undefined) return '\r'
  return args.length === 0 ? '' : args.join(' ')
}

const offersOf = (
  registry: Registry,
  baseVerbs: ReadonlyMap<string, Verb>,
  said: readonly (readonly string[] | undefined)[],
): Offers => {
  const on = new Set(registry.extensions.filter((_, at) => said[at] !== undefined).map(({ keyword }) => keyword))
  const lines: string[] = []
  const verbs = new Map(baseVerbs)
  const extensions: Extension[] = []
  for (const [at, extension] of registry.extensions.entries()) {
    const args = said[at]
    if (args === undefined || extension.requires?.some((keyword) => !on.has(keyword))) continue
    extensions.push(extension)
    if (!extension.silent) lines.push([extension.keyword, ...args].join(' '))
    for (const [name, verb] of Object.entries(extension.server?.verbs ?? {})) verbs.set(name, verb)
  }
  return { extensions, lines, verbs, hooks: hooksOf(extensions) }
}

const hooksOf = (extensions: readonly Extension[]): Hooks => {
  const facets = extensions.flatMap(({ server }) => server ?? [])
  return Object.fromEntries(HOOKS.map((hook) => [hook, facets.filter((facet) => facet[hook])])) as unknown as Hooks
}

/**
 * Parameter words as a bag, each read once by its owner. Refused: unknown or not on offer 555, malformed or repeated 501
 * (RFC 5321 4.1.1.11), unless the owner's RFC has another answer. `extended`: parameters exist at all (after EHLO).
 */
export const readParams = (
  verb: string,
  words: PathAndWords['words'],
  registry: Registry,
  offers: Offers,
  extended: boolean,
): ParamBag => {
  const bag: Record<string, string | true> = {}
  for (const { name, text } of words) {
    const owners = registry.owners(verb, name).filter(({ param }) => !param.unsaid)
    const usable = extended ? owners.filter(({ extension }) => offers.extensions.includes(extension)) : []
    const owner =
      usable.find(({ param }) => text !== true && param.values?.includes(text.toUpperCase())) ??
      (owners.some(({ param }) => text !== true && param.values?.includes(text.toUpperCase())) ? undefined : usable[0])
    if (owner === undefined) {
      const unavailable = owners.find(({ param }) => param.answers?.unavailable)?.param.answers?.unavailable
      return refuse(
        unavailable?.code ?? 555,
        unavailable?.status ?? '5.5.4',
        unavailable?.lines.join(' ') ?? `${verb} parameter ${name} is not known here`,
      )
    }
    if (Object.hasOwn(bag, name)) {
      const repeated = owner.param.answers?.repeated
      return refuse(
        repeated?.code ?? 501,
        repeated?.status ?? '5.5.4',
        repeated?.lines.join(' ') ?? `${name} was given twice`,
      )
    }
    owner.param.read(text)
    bag[name] = text
  }
  return bag
}

/** What a transaction may hold, given its parameters: whatever any extension on offer allows. */
export const grammarOf = ({ grammar }: Hooks, params: ParamBag): Grammar => {
  const allowed = grammar.map((facet) => facet.grammar(params))
  return { utf8: allowed.some((g) => g?.utf8), binaryBody: allowed.some((g) => g?.binaryBody) }
}
