import type { Filter, Range, Rational, Relation, Value } from './filter.ts'
import { writeFilter } from './write-filter.ts'

/** Conditions that are looked at for one question, and for all that one asks, at most. */
const MOST_STEPS = 20_000
const MOST_OF_ALL = 100_000
/** Answers that are remembered; filters that are longer than this in writing are known again by their object alone. */
const MOST_ANSWERS = 1000
const LONGEST_NAME = 256

/**
 * Whether any content at all satisfies all of the filters (RFC 2533 section 5). Undefined: it would take too long to
 * find out. Words are compared regardless of case; of a predicate that is only named nothing is known but its name.
 */
export const satisfiable = (...filters: readonly Filter[]): boolean | undefined =>
  new Questions().satisfiable(...filters)

/** Questions that belong together, as those about one message: they may take so long together, and none is answered twice. */
export class Questions {
  readonly #answers = new Map<string, boolean | undefined>()
  readonly #names = new WeakMap<Filter, string>()
  #long = 0
  #steps = 0

  /** Conditions that were looked at. */
  get steps(): number {
    return this.#steps
  }

  /** They have taken too long: what is new is answered with undefined. */
  get isSpent(): boolean {
    return this.#steps >= MOST_OF_ALL
  }

  /** As the function of that name. */
  satisfiable(...filters: readonly Filter[]): boolean | undefined {
    const name = filters.map((filter) => this.#name(filter)).join(' ')
    if (this.#answers.has(name)) return this.#answers.get(name)
    const most = Math.min(MOST_STEPS, MOST_OF_ALL - this.#steps)
    if (most <= 0) return undefined
    const search = new Search(most)
    const goals = filters.reduceRight<Goals>((rest, filter) => ({ filter, holds: true, rest }), undefined)
    const answer = search.solve(goals)
    this.#steps += Math.min(most, search.steps)
    if (this.#answers.size < MOST_ANSWERS) this.#answers.set(name, answer)
    return answer
  }

  #name(filter: Filter): string {
    const known = this.#names.get(filter)
    if (known !== undefined) return known
    const text = writeFilter(filter)
    const name = text.length <= LONGEST_NAME ? text : `#${this.#long++}`
    this.#names.set(filter, name)
    return name
  }
}

type Goals = { readonly filter: Filter; readonly holds: boolean; readonly rest: Goals } | undefined

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
  /** What is known of each feature where the search stands, by its tag in lower case. */
  readonly #known = new Map<string, Feature>()
  readonly #most: number
  #steps = 0

  constructor(most: number) {
    this.#most = most
  }

  get steps(): number {
    return this.#steps
  }

  solve(goals: Goals): boolean | undefined {
    if (goals === undefined) return true
    if (++this.#steps > this.#most) return undefined
    const { filter, holds, rest } = goals
    switch (filter.is) {
      case 'and':
      case 'or':
        return this.#several(filter.of, holds, (filter.is === 'and') === holds, rest)
      case 'not':
        return this.solve({ filter: filter.of, holds: !holds, rest })
      case 'set':
        return this.#several(
          filter.of.map((one) => plain(filter.tag, one)),
          holds,
          !holds,
          rest,
        )
      case 'named':
        return this.#with(`(${filter.name.toLowerCase()})`, rest, (feature) => told(feature, { word: String(holds) }))
      case 'compare': {
        const { tag, by, value } = filter
        return this.#with(tag.toLowerCase(), rest, (feature) => compared(feature, by, value, holds))
      }
    }
  }

  /** `each`: all of them have to hold, or not to; otherwise one of them. */
  #several(filters: readonly Filter[], holds: boolean, each: boolean, rest: Goals): boolean | undefined {
    // Each takes some work, whether or not it will be looked at.
    this.#steps += filters.length
    if (each) return this.solve(filters.reduceRight<Goals>((more, filter) => ({ filter, holds, rest: more }), rest))
    for (const filter of filters) {
      const found = this.solve({ filter, holds, rest })
      if (found !== false) return found
    }
    return false
  }

  /** What was learnt is forgotten on the way back, so that nothing has to be copied. */
  #with(tag: string, rest: Goals, learn: (feature: Feature) => Feature): boolean | undefined {
    const before = this.#known.get(tag)
    const feature = learn(before ?? NOTHING)
    // What grows takes longer to copy and to look through.
    this.#steps += (feature.notWords.length + feature.notNumbers.length) >> 6
    if (!possible(feature)) return false
    this.#known.set(tag, feature)
    const found = this.solve(rest)
    if (before === undefined) this.#known.delete(tag)
    else this.#known.set(tag, before)
    return found
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
