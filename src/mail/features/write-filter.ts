import type { Filter, Range, Value } from './filter.ts'

/** On one line, without blanks: what `readFilter` reads as the same filter. */
export const writeFilter = (filter: Filter): string => words(filter).join('')

/**
 * The same over several lines of at most `width` characters each, wherever that can be: a value is never broken. Joined
 * with blanks they are the filter again.
 */
export const filterLines = (filter: Filter, width: number): string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of words(filter)) {
    if (line !== '' && line.length + word.length > width) {
      lines.push(line)
      line = ''
    }
    line += word
  }
  return [...lines, line]
}

/** Between these a line may end. */
const words = (filter: Filter): string[] => {
  const all = bare(filter)
  for (const [name, value] of filter.parameters ?? []) all.push(`${all.pop() ?? ''};${name}=${value}`)
  return all
}

const bare = (filter: Filter): string[] => {
  switch (filter.is) {
    case 'and':
    case 'or':
      return enclosed(filter.is === 'and' ? '(&' : '(|', filter.of.flatMap(words))
    case 'not':
      return enclosed('(!', words(filter.of))
    case 'named':
      return [`(${filter.name})`]
    case 'compare':
      return [`(${filter.tag}${filter.by}${value(filter.value)})`]
    case 'set': {
      const entries = filter.of.map((one, at) => `${entry(one)}${at < filter.of.length - 1 ? ',' : '])'}`)
      return [`(${filter.tag}=[${entries[0] ?? ''}`, ...entries.slice(1)]
    }
  }
}

const enclosed = (opening: string, inner: readonly string[]): string[] => [
  `${opening}${inner[0] ?? ''}`,
  ...inner.slice(1, -1),
  ...(inner.length > 1 ? [`${inner.at(-1)})`] : [')']),
]

const entry = (one: Value | Range): string => ('from' in one ? `${value(one.from)}..${value(one.to)}` : value(one))

const value = (one: Value): string => {
  if ('word' in one) return /^[A-Za-z][A-Za-z0-9-]*$/.test(one.word) ? one.word : `"${one.word}"`
  return one.under === 1n ? `${one.over}` : `${one.over}/${one.under}`
}
