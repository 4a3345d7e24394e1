import type * as z from 'zod'
import { type Issue, type Path, read, type TextAt, type Told } from './check.ts'
import { valueAt } from './value-at.ts'
import { Cuts, startsWith, without } from './without.ts'

/** All that is wrong with a value, and what was made of the rest of it. */
export interface Gathered<T> {
  readonly issues: readonly Issue[]
  /** With defaults in place of what is wrong. Absent: nothing can be made of it. */
  readonly made?: { readonly value: T }
  /** What `made` was made of: texts as they were written, what is wrong left out. */
  readonly given: unknown
  /** Places of what was left out. */
  readonly lost: readonly Path[]
  /** Where in what was given something stands that has this place in `made`: lists are shorter by what was left out. */
  placeOf(path: Path): Path
}

/** Settings are ten levels deep, and each round goes one level up at least. */
const MOST_ROUNDS = 20

/**
 * Reads a value by a schema as `check` does, and goes on without what is wrong until nothing more is: what a schema says of
 * the whole of something, it says only when all within is right. `lost`: what is known to be wrong, and was told. What
 * follows from something wrong is not told.
 */
export const gather = <T>(
  schema: z.ZodType<T>,
  given: unknown,
  path: Path,
  textAt: TextAt = () => undefined,
  known: readonly Path[] = [],
): Gathered<T> => {
  const cuts = new Cuts()
  const issues: Issue[] = []
  const lost = [...known.filter((one) => startsWith(one, path))]
  let value = without(
    given,
    lost.map((one) => one.slice(path.length)),
    cuts,
  )
  const placeOf = (place: Path) => [...path, ...cuts.placeOf(value, place.slice(path.length))]
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { given: as, checked } = read(schema, value, path, (place) => textAt(placeOf(place)))
    cuts.inherit(value, as)
    value = as
    if ('value' in checked) return { issues, made: { value: checked.value }, given: value, lost, placeOf }
    const seen = new Places(lost)
    const found = checked.issues.map((issue) => ({ issue, at: placeOf(issue.path) }))
    for (const { issue, at } of found) if (!issue.follows && !seen.explain(issue, at)) issues.push(told(issue, at))
    const drop = found.map(({ issue, at }) => {
      let length = at.length
      // What is missing cannot be left out: what lacks it can.
      while (length > path.length && seen.has(at.slice(0, length))) length--
      lost.push(at.slice(0, length))
      // The one item of a list stands without its list.
      if (issue.path[length - 1] === 0 && !isList(value, issue.path.slice(path.length, length - 1)))
        lost.push(at.slice(0, length - 1))
      return issue.path.slice(path.length, length)
    })
    if (drop.some(({ length }) => length === 0) && value === undefined) break
    value = without(value, drop, cuts)
  }
  return { issues, given: undefined, lost: [...lost, path], placeOf: (place) => place }
}

const isList = (value: unknown, path: Path): boolean => Array.isArray(valueAt(value, path))

const told = ({ message, ofKey }: Told, path: Path): Issue => ({ path, message, ...(ofKey ? { ofKey } : {}) })

/** Places that are known to be wrong. */
class Places {
  readonly #all: ReadonlySet<string>
  readonly #parents: ReadonlySet<string>

  constructor(places: readonly Path[]) {
    this.#all = new Set(places.map((path) => JSON.stringify(path)))
    this.#parents = new Set(places.map((path) => JSON.stringify(path.slice(0, -1))))
  }

  has(path: Path): boolean {
    return this.#all.has(JSON.stringify(path))
  }

  /** Whether an issue may be there only because of these. */
  explain({ hints = {} }: Told, at: Path): boolean {
    const above = at.map((_, depth) => at.slice(0, depth + 1))
    const { besides, stands } = hints
    if ([[], ...above].some((path) => this.has(path))) return true
    if (besides !== undefined && [[], ...above].some((path) => this.has([...path, besides]))) return true
    return !stands && this.#parents.has(JSON.stringify(at))
  }
}
