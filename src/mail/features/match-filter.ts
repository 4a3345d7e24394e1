import type { Filter, Range, Rational, Relation, Value } from './filter.ts'

/** Attempts after which a question counts as too hard. */
const MOST_STEPS = 20_000

/**
 * Whether any content at all satisfies all of the filters (RFC 2533 section 5). Undefined: it would take too long to
 * find out. Words are compared regardless of case; of a predicate that is only named nothing is known but its name.
 */
export const satisfiable = (...filters: readonly Filter[]): boolean | undefined => {
  const goals = filters.reduceRight<Goals>((rest, filter) => ({ filter, holds: true, rest }), undefined)
  return new Search().solve(goals, new Map())
}

type Goals = { readonly filter: Filter; readonly holds: boolean; readonly rest: Goals } | undefined

/** What is known of each feature, by its tag in lower case. */
type Known = ReadonlyMap<string, Feature>

interface Feature {
  readonly word?: string
  readonly notWords: readonly string[]
  readonly low?: Bound
  readonly high?: Bound
  readonly notNumbers: readonly Rational[]
}

interface Bound {
  readonly at: Rational
  /** The bound itself is out. */
  readonly open: boolean
}

const NOTHING: Feature = { notWords: [], notNumbers: [] }

/** Depth first: whatever contradicts itself is left at once, and the first way through will do. */
class Search {
  #steps = 0

  solve(goals: Goals, known: Known): boolean | undefined {
    if (goals === undefined) return true
    if (++this.#steps > MOST_STEPS) return undefined
    const { filter, holds, rest } = goals
    switch (filter.is) {
      case 'and':
      case 'or':
        return this.#several(filter.of, holds, (filter.is === 'and') === holds, rest, known)
      case 'not':
        return this.solve({ filter: filter.of, holds: !holds, rest }, known)
      case 'set':
        return this.#several(
          filter.of.map((one) => plain(filter.tag, one)),
          holds,
          !holds,
          rest,
          known,
        )
      case 'named':
        return this.#with(`(${filter.name.toLowerCase()})`, rest, known, (feature) =>
          told(feature, { word: String(holds) }),
        )
      case 'compare': {
        const { tag, by, value } = filter
        return this.#with(tag.toLowerCase(), rest, known, (feature) => compared(feature, by, value, holds))
      }
    }
  }

  /** `each`: all of them have to hold, or not to; otherwise one of them. */
  #several(filters: readonly Filter[], holds: boolean, each: boolean, rest: Goals, known: Known): boolean | undefined {
    if (each)
      return this.solve(
        filters.reduceRight<Goals>((more, filter) => ({ filter, holds, rest: more }), rest),
        known,
      )
    for (const filter of filters) {
      const found = this.solve({ filter, holds, rest }, known)
      if (found !== false) return found
    }
    return false
  }

  #with(tag: string, rest: Goals, known: Known, learn: (feature: Feature) => Feature): boolean | undefined {
    const feature = learn(known.get(tag) ?? NOTHING)
    return possible(feature) ? this.solve(rest, new Map(known).set(tag, feature)) : false
  }
}

/** RFC 2533 4.2.5. */
const plain = (tag: string, one: Value | Range): Filter =>
  'from' in one
    ? {
        is: 'and',
        of: [
          { is: 'compare', tag, by: '>=', value: one.from },
          { is: 'compare', tag, by: '<=', value: one.to },
        ],
      }
    : { is: 'compare', tag, by: '=', value: one }

/** Between values without an order, `<=` and `>=` are as good as `=` (RFC 2533 5.8.2). */
const compared = (feature: Feature, by: Relation, value: Value, holds: boolean): Feature => {
  if ('word' in value) {
    return holds ? told(feature, value) : { ...feature, notWords: [...feature.notWords, value.word.toLowerCase()] }
  }
  if (by === '=') {
    if (!holds) return { ...feature, notNumbers: [...feature.notNumbers, value] }
    return above(below(feature, value, false), value, false)
  }
  return (by === '<=') === holds ? below(feature, value, !holds) : above(feature, value, !holds)
}

const told = (feature: Feature, { word }: { readonly word: string }): Feature =>
  feature.word === undefined || feature.word === word.toLowerCase()
    ? { ...feature, word: word.toLowerCase() }
    : { ...feature, notWords: [...feature.notWords, feature.word] }

const below = (feature: Feature, at: Rational, open: boolean): Feature => {
  const { high } = feature
  const order = high === undefined ? -1 : compare(at, high.at)
  return order < 0 || (order === 0 && open) ? { ...feature, high: { at, open } } : feature
}

const above = (feature: Feature, at: Rational, open: boolean): Feature => {
  const { low } = feature
  const order = low === undefined ? 1 : compare(at, low.at)
  return order > 0 || (order === 0 && open) ? { ...feature, low: { at, open } } : feature
}

const possible = ({ word, notWords, low, high, notNumbers }: Feature): boolean => {
  if (word !== undefined) return low === undefined && high === undefined && !notWords.includes(word)
  if (low === undefined || high === undefined) return true
  const order = compare(low.at, high.at)
  if (order !== 0) return order < 0
  return !low.open && !high.open && notNumbers.every((number) => compare(number, low.at) !== 0)
}

const compare = (one: Rational, other: Rational): number => {
  const [a, b] = [one.over * other.under, other.over * one.under]
  return a < b ? -1 : a > b ? 1 : 0
}
