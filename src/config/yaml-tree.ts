import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml'
import type { Issue, Path } from './check.ts'
import { shown } from './wording.ts'
import { MOST_DEPTH } from './yaml-parse.ts'
import { type Aliases, type At, aliasesOf, isWritten, keyOf, nodeAt, offsetOf, startOf } from './yaml-places.ts'

/** A parsed document as plain values, with where and how each of them was written. */
export interface Tree {
  readonly value: unknown
  /** What can be said without knowing what was expected. */
  readonly issues: readonly PlacedIssue[]
  /** The octet where this stands, or the nearest thing above it that is there. */
  offsetOf(path: Path, ofKey: boolean): number
  /** Whether anything stands there. */
  has(path: Path): boolean
  /** The text of an unquoted word that YAML took for something else: a number, a truth value. */
  textAt(path: Path): string | undefined
}

export interface PlacedIssue extends Issue {
  readonly offset: number
  /** Nothing is known of what stands there. */
  readonly lost?: true
}

/** Values at most, aliases counted as often as they are used: a few lines of aliases can stand for billions. */
const MOST_VALUES = 100_000

interface Walk {
  readonly aliases: Aliases
  readonly issues: PlacedIssue[]
  readonly within: Set<Node>
  left: number
}

/** Reads the nodes themselves: `toJS` would lose order, places, and texts that look like numbers. */
export const readTree = (document: Document): Tree => {
  const aliases = aliasesOf(document)
  const walk: Walk = { aliases, issues: [], within: new Set(), left: MOST_VALUES }
  const value = plainOf(document.contents, [], 0, walk)
  const at: At = { top: document.contents, aliases, pairs: new Map() }
  return {
    value,
    issues: walk.issues,
    offsetOf: (path, ofKey) => offsetOf(at, path, ofKey),
    has: (path) => isWritten(at, path),
    textAt: (path) => {
      const node = nodeAt(at, path)
      return isScalar(node) && node.type === 'PLAIN' && node.source !== '' ? node.source : undefined
    },
  }
}

/** `offset`: of the thing above, for a pair may be without value. */
const plainOf = (given: unknown, path: Path, offset: number, walk: Walk): unknown => {
  const here = startOf(given) ?? offset
  const tell = (message: string) => void walk.issues.push({ path, offset: here, message, lost: true })
  if (--walk.left < 0) {
    if (walk.left === -1)
      tell(`is too much; expected at most ${MOST_VALUES} values, each counted wherever an alias names it`)
    return undefined
  }
  // Aliases of aliases go deeper than the text does.
  if (path.length > MOST_DEPTH) return tell(`is nested too deep; expected at most ${MOST_DEPTH} levels`)
  const node = isAlias(given) ? walk.aliases.get(given) : given
  if (isAlias(given) && node === undefined) {
    if (['password', 'login'].includes(String(path.at(-1))))
      return tell('begins with *, which YAML reads as an alias; expected it in quotes')
    const text = shown(`*${given.source}`)
    return tell(`is ${text}, which YAML reads as an alias; expected "${text}" in quotes`)
  }
  if (isScalar(node)) return scalar(node, tell)
  if (!isMap(node) && !isSeq(node)) return undefined
  if (walk.within.has(node)) return tell('contains itself')
  walk.within.add(node)
  const value = isMap(node)
    ? mapOf(node.items, path, here, walk)
    : node.items.map((item, i) => plainOf(item, [...path, i], here, walk))
  walk.within.delete(node)
  return value
}

const mapOf = (pairs: readonly Pair[], path: Path, offset: number, walk: Walk): unknown => {
  const value: Record<string, unknown> = {}
  for (const pair of pairs) {
    const key = keyOf(pair)
    const here = startOf(pair.key) ?? offset
    const ofKey = (message: string) =>
      walk.issues.push({ path: [...path, key ?? ''], offset: here, message, ofKey: true })
    if (key === undefined) {
      const message = 'has a key that is no text; expected quotes around what holds [, ], { or }'
      walk.issues.push({ path, offset: here, message })
    } else if (key === '__proto__') {
      ofKey('is no setting')
    } else if (Object.hasOwn(value, key)) {
      ofKey('stands here twice')
    } else {
      value[key] = plainOf(pair.value, [...path, key], here, walk)
    }
  }
  return value
}

/** `null` where nothing stands. */
const scalar = (node: Scalar, tell: (message: string) => void): unknown => {
  if (node.value === null) {
    if (node.source) tell(`is ${node.source}, which YAML reads as nothing; expected "${node.source}" in quotes`)
    return null
  }
  return typeof node.value === 'bigint' ? Number(node.value) : node.value
}
