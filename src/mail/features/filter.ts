/**
 * A set of forms that content may have, or that a recipient takes: RFC 2533's filter over feature tags. Sets and ranges
 * stay as they were written; numbers are reduced.
 */
export type Filter = Conjunction | Disjunction | Negation | Comparison | Membership | Named

interface Decorated {
  /** Such as `q`, in their order. */
  readonly parameters?: readonly (readonly [string, string])[]
}

interface Conjunction extends Decorated {
  readonly is: 'and'
  readonly of: readonly Filter[]
}

interface Disjunction extends Decorated {
  readonly is: 'or'
  readonly of: readonly Filter[]
}

interface Negation extends Decorated {
  readonly is: 'not'
  readonly of: Filter
}

interface Comparison extends Decorated {
  readonly is: 'compare'
  readonly tag: string
  readonly by: Relation
  readonly value: Value
}

interface Membership extends Decorated {
  readonly is: 'set'
  readonly tag: string
  readonly of: readonly (Value | Range)[]
}

/** A predicate defined elsewhere (RFC 2533 4.1, RFC 2938 3.1), which nothing is known about. */
interface Named extends Decorated {
  readonly is: 'named'
  readonly name: string
}

export type Relation = '=' | '<=' | '>='

export type Value = Rational | Word

/** Reduced; `under` is above 0. */
export interface Rational {
  readonly over: bigint
  readonly under: bigint
}

/** A token, a Boolean, or a string without its quotes: they mean the same, and their case means nothing. */
export interface Word {
  readonly word: string
}

export interface Range {
  readonly from: Value
  readonly to: Value
}

/** Not a filter, or more of one than is read. The message says where and why, and repeats nothing but ASCII. */
export class BadFilter extends Error {
  override readonly name = 'BadFilter'
}

/** `(tag=value)`. */
export const equals = (tag: string, word: string): Filter => ({ is: 'compare', tag, by: '=', value: { word } })

/** All of them at once. */
export const allOf = (filters: readonly [Filter, ...Filter[]]): Filter =>
  filters.length === 1 ? filters[0] : { is: 'and', of: filters }

/** Feature tags, lower case, that a filter says something about. */
export const tagsOf = (filter: Filter, tags: Set<string> = new Set()): Set<string> => {
  if (filter.is === 'and' || filter.is === 'or') for (const one of filter.of) tagsOf(one, tags)
  else if (filter.is === 'not') tagsOf(filter.of, tags)
  else if (filter.is !== 'named') tags.add(filter.tag.toLowerCase())
  return tags
}

/** Words that a filter compares a tag with, in their order, each once, lower case. */
export const wordsOf = (filter: Filter, tag: string, words: Set<string> = new Set()): Set<string> => {
  const add = (value: Value) => {
    if ('word' in value) words.add(value.word.toLowerCase())
  }
  if (filter.is === 'and' || filter.is === 'or') for (const one of filter.of) wordsOf(one, tag, words)
  else if (filter.is === 'not') wordsOf(filter.of, tag, words)
  else if (filter.is === 'named' || filter.tag.toLowerCase() !== tag) return words
  else if (filter.is === 'compare') add(filter.value)
  else for (const one of filter.of) if (!('from' in one)) add(one)
  return words
}
