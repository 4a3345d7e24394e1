import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml'
import type { Issue, Path } from './check.ts'
import { shown } from './wording.ts'

/** A parsed document as plain values, with where and how each of them was written. */
export interface Tree {
  readonly value: unknown
  /** What can be said without knowing what was expected. */
  readonly issues: readonly Issue[]
  /** The octet where this stands, or the nearest thing above it that is there. */
  offsetOf(path: Path, ofKey: boolean): number
  /** The text of an unquoted word that YAML took for something else: a number, a truth value. */
  textAt(path: Path): string | undefined
}

/** Values at most, aliases counted as often as they are used: a few lines of aliases can stand for billions. */
const MOST_VALUES = 100_000

interface Walk {
  readonly document: Document
  readonly issues: Issue[]
  readonly within: Set<Node>
  left: number
}

/** Reads the nodes themselves: `toJS` would lose order, places, and texts that look like numbers. */
export const readTree = (document: Document): Tree => {
  const walk: Walk = { document, issues: [], within: new Set(), left: MOST_VALUES }
  const value = plainOf(document.contents, [], walk)
  return {
    value,
    issues: walk.issues,
    offsetOf: (path, ofKey) => offsetOf(document, path, ofKey),
    textAt: (path) => {
      const node = nodeAt(document, path)
      return isScalar(node) && node.type === 'PLAIN' && node.source !== '' ? node.source : undefined
    },
  }
}

const plainOf = (given: unknown, path: Path, walk: Walk): unknown => {
  if (--walk.left < 0) {
    if (walk.left === -1) walk.issues.push({ path, message: 'is too much; aliases multiply what they stand for' })
    return undefined
  }
  const node = isAlias(given) ? resolved(given, path, walk) : given
  if (isScalar(node)) return scalar(node, path, walk)
  if (!isMap(node) && !isSeq(node)) return undefined
  if (walk.within.has(node)) {
    walk.issues.push({ path, message: 'contains itself' })
    return undefined
  }
  walk.within.add(node)
  const value = isMap(node)
    ? mapOf(node.items, path, walk)
    : node.items.map((item, i) => plainOf(item, [...path, i], walk))
  walk.within.delete(node)
  return value
}

const mapOf = (pairs: readonly Pair[], path: Path, walk: Walk): unknown => {
  const value: Record<string, unknown> = {}
  for (const pair of pairs) {
    const key = keyOf(pair)
    if (key === undefined) {
      walk.issues.push({ path, message: `has a key that is no text; expected quotes around what holds [, ], { or }` })
    } else if (key === '__proto__') {
      walk.issues.push({ path: [...path, key], message: 'is no setting', ofKey: true })
    } else if (Object.hasOwn(value, key)) {
      walk.issues.push({ path: [...path, key], message: 'stands here twice', ofKey: true })
    } else {
      value[key] = plainOf(pair.value, [...path, key], walk)
    }
  }
  return value
}

/** `null` where nothing stands. */
const scalar = (node: Scalar, path: Path, walk: Walk): unknown => {
  if (node.value === null) {
    if (node.source)
      walk.issues.push({
        path,
        message: `is ${node.source}, which YAML reads as nothing; expected "${node.source}" in quotes`,
      })
    return null
  }
  return typeof node.value === 'bigint' ? Number(node.value) : node.value
}

const resolved = (alias: { readonly source: string }, path: Path, walk: Walk): unknown => {
  const node = isAlias(alias) ? alias.resolve(walk.document) : undefined
  if (node === undefined) {
    const text = shown(`*${alias.source}`)
    walk.issues.push({ path, message: `is ${text}, which YAML reads as an alias; expected "${text}" in quotes` })
  }
  return node
}

const keyOf = (pair: Pair): string | undefined => {
  const { key } = pair
  if (key === null) return ''
  if (!isScalar(key)) return undefined
  return key.source ?? String(key.value)
}

/** The last pair of that name is the one that is wrong when there are two. */
const pairAt = (node: unknown, key: string | number): Pair | undefined =>
  isMap(node) ? (node.items as readonly Pair[]).findLast((pair) => keyOf(pair) === String(key)) : undefined

const stepTo = (document: Document, node: unknown, key: string | number): unknown => {
  const step = isSeq(node) ? node.items[Number(key)] : pairAt(node, key)?.value
  return isAlias(step) ? step.resolve(document) : step
}

const nodeAt = (document: Document, path: Path): unknown =>
  path.reduce<unknown>((node, key) => stepTo(document, node, key), document.contents)

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0]

const offsetOf = (document: Document, path: Path, ofKey: boolean): number => {
  for (let depth = path.length; depth > 0; depth--) {
    const key = path[depth - 1] ?? ''
    const parent = nodeAt(document, path.slice(0, depth - 1))
    const pair = pairAt(parent, key)
    const value = pair ? pair.value : isSeq(parent) ? parent.items[Number(key)] : undefined
    const written = !isScalar(value) || value.source !== ''
    const at =
      pair && (ofKey || !written || depth < path.length) ? startOf(pair.key) : (startOf(value) ?? startOf(pair?.key))
    if (at !== undefined) return at
  }
  return 0
}
