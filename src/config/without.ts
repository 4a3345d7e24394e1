import type { Path } from './check.ts'

/** Where items of lists stood before others were left out. */
export class Cuts {
  readonly #before = new WeakMap<readonly unknown[], readonly number[]>()

  /** `left`: by index, which items these are of those that there were. */
  note(before: readonly unknown[], after: readonly unknown[], left: readonly number[]): void {
    const earlier = this.#before.get(before)
    this.#before.set(after, earlier ? left.map((index) => earlier[index] ?? index) : left)
  }

  /** The lists of a value are those of another, item by item. */
  inherit(from: unknown, to: unknown): void {
    if (from === to || typeof from !== 'object' || typeof to !== 'object' || !from || !to) return
    const earlier = Array.isArray(from) ? this.#before.get(from) : undefined
    if (earlier && Array.isArray(to)) this.#before.set(to, earlier)
    for (const [key, value] of Object.entries(from)) this.inherit(value, (to as Record<string, unknown>)[key])
  }

  placeOf(value: unknown, path: Path): Path {
    let at = value
    return path.map((key) => {
      const index = Array.isArray(at) ? this.#before.get(at)?.[Number(key)] : undefined
      at = (at as Readonly<Record<string | number, unknown>> | null | undefined)?.[key]
      return index ?? key
    })
  }
}

export const startsWith = (path: Path, beginning: Path): boolean =>
  beginning.length <= path.length && beginning.every((key, index) => key === path[index])

/** What is left out, by key; `true`: all of it. */
type Out = Map<string, Out> | true

/** A copy in which things are not there. All at once: each of them alone would be a copy. */
export const without = (value: unknown, paths: readonly Path[], cuts: Cuts): unknown => {
  let out: Out = new Map()
  for (const path of paths) out = added(out, path.map(String))
  return left(value, out, cuts)
}

const added = (out: Out | undefined, [key, ...rest]: readonly string[]): Out => {
  if (key === undefined || out === true) return true
  const map = out ?? new Map<string, Out>()
  map.set(key, added(map.get(key), rest))
  return map
}

const left = (value: unknown, out: Out, cuts: Cuts): unknown => {
  if (out === true) return undefined
  if (out.size === 0) return value
  // The one item of a list stands without its list.
  if (typeof value !== 'object' || value === null) return out.has('0') ? undefined : value
  if (!Array.isArray(value)) return Object.fromEntries(leftOf(Object.entries(value), out, cuts))
  const entries = leftOf(
    value.map((item, index) => [String(index), item]),
    out,
    cuts,
  )
  const after = entries.map(([, item]) => item)
  cuts.note(
    value,
    after,
    entries.map(([index]) => Number(index)),
  )
  return after
}

const leftOf = (
  entries: readonly (readonly [string, unknown])[],
  out: ReadonlyMap<string, Out>,
  cuts: Cuts,
): [string, unknown][] =>
  entries.flatMap(([key, value]): [string, unknown][] => {
    const within = out.get(key)
    if (within === true) return []
    return [[key, within === undefined ? value : left(value, within, cuts)]]
  })
