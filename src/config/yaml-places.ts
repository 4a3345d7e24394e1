import { type Alias, type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair, visit } from 'yaml'
import type { Path } from './check.ts'

/** What each alias stands for: the last anchor of its name before it. */
export type Aliases = ReadonlyMap<Alias, Node>

/** All at once, for `Alias.resolve` goes through the whole document for each. */
export const aliasesOf = (document: Document): Aliases => {
  const anchors = new Map<string, Node>()
  const aliases = new Map<Alias, Node>()
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        const meant = anchors.get(node.source)
        if (meant) aliases.set(node, meant)
      } else if (isNode(node) && node.anchor) anchors.set(node.anchor, node)
    },
  })
  return aliases
}

/** Undefined: the key is no text. */
export const keyOf = (pair: Pair): string | undefined => {
  const { key } = pair
  if (key === null) return ''
  if (!isScalar(key)) return undefined
  return key.source ?? String(key.value)
}

/** A document in which things are looked up. */
export interface At {
  readonly top: unknown
  readonly aliases: Aliases
  /** By their keys, of each map that was asked: a map with many keys may have as many faults. */
  readonly pairs: Map<unknown, ReadonlyMap<string, Pair>>
}

/** The first pair of that name is the one that is read when there are two. */
const pairAt = ({ pairs }: At, node: unknown, key: string | number): Pair | undefined => {
  if (!isMap(node)) return undefined
  const known =
    pairs.get(node) ??
    new Map((node.items as readonly Pair[]).map((pair) => [keyOf(pair) ?? '', pair] as const).reverse())
  pairs.set(node, known)
  return known.get(String(key))
}

const stepTo = (at: At, node: unknown, key: string | number): unknown => {
  const step = isSeq(node) ? node.items[Number(key)] : pairAt(at, node, key)?.value
  return isAlias(step) ? at.aliases.get(step) : step
}

/** Undefined: nothing stands there. */
export const nodeAt = (at: At, path: Path): unknown =>
  path.reduce<unknown>((node, key) => stepTo(at, node, key), at.top)

/** The one item of a list may stand without its list. */
export const isWritten = (at: At, path: Path): boolean =>
  nodeAt(at, path) !== undefined || (path.at(-1) === 0 && isScalar(nodeAt(at, path.slice(0, -1))))

/** The octet where a node begins. */
export const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0]

/** The octet where the last word of a path, or what stands behind it, begins; or the nearest thing above it. */
export const offsetOf = (at: At, path: Path, ofKey: boolean): number => {
  for (let depth = path.length; depth > 0; depth--) {
    const key = path[depth - 1] ?? ''
    const parent = nodeAt(at, path.slice(0, depth - 1))
    const pair = pairAt(at, parent, key)
    const value = pair ? pair.value : isSeq(parent) ? parent.items[Number(key)] : undefined
    const written = !isScalar(value) || value.source !== ''
    // The one item of a list may stand without its list.
    const alone = isScalar(value) && depth === path.length - 1 && path[depth] === 0
    const start =
      pair && (ofKey || !written || (depth < path.length && !alone))
        ? startOf(pair.key)
        : (startOf(value) ?? startOf(pair?.key))
    if (start !== undefined) return start
  }
  return 0
}
