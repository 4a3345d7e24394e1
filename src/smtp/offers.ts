import type { ParamBag } from '../mail/envelope.ts'
import { refuse } from '../mail/reply.ts'
import type { PathAndWords } from './command.ts'
import type { Extension, Grammar, Session, Verb } from './extension.ts'
import type { Registry } from './registry.ts'

/** What is on offer between one greeting and the next: decided once, so that a keyword, its verbs and its parameters go together. */
export interface Offers {
  readonly extensions: readonly Extension[]
  /** Keyword to arguments, silent extensions left out. */
  readonly keywords: ReadonlyMap<string, readonly string[]>
  readonly verbs: ReadonlyMap<string, Verb>
}

export const takeOffers = (registry: Registry, baseVerbs: ReadonlyMap<string, Verb>, session: Session): Offers => {
  const asked = registry.extensions.map((extension) => ({
    extension,
    // Without a side for servers there is nothing to offer.
    args: extension.server?.offer ? extension.server.offer(session) : extension.server && [],
  }))
  const on = new Set(asked.filter(({ args }) => args !== undefined).map(({ extension }) => extension.keyword))
  const keywords = new Map<string, readonly string[]>()
  const verbs = new Map(baseVerbs)
  const extensions: Extension[] = []
  for (const { extension, args } of asked) {
    if (args === undefined || extension.requires?.some((keyword) => !on.has(keyword))) continue
    extensions.push(extension)
    if (!extension.silent) keywords.set(extension.keyword, args)
    for (const [name, verb] of Object.entries(extension.server?.verbs ?? {})) verbs.set(name, verb)
  }
  return { extensions, keywords, verbs }
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
    const owners = registry.owners(verb, name)
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
export const grammarOf = (extensions: readonly Extension[], params: ParamBag): Grammar => {
  const allowed = extensions.map(({ server }) => server?.grammar?.(params))
  return { utf8: allowed.some((g) => g?.utf8), binaryBody: allowed.some((g) => g?.binaryBody) }
}
