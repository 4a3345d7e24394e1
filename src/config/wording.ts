import type * as z from 'zod'

/** The name of this list that was most likely meant, if one is near enough. */
export const nearest = (given: string, names: Iterable<string>): string | undefined => {
  let best: string | undefined
  let least = Math.min(3, 1 + given.length / 3)
  for (const name of names) {
    const steps = distance(given.toLowerCase().slice(0, 64), name.toLowerCase())
    if (steps < least) [best, least] = [name, steps]
  }
  return best
}

/** Insertions, removals, changes and swaps of neighbours between two texts. */
const distance = (a: string, b: string): number => {
  let [before, previous]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let steps = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        steps = Math.min(steps, (before[j - 2] ?? 0) + 1)
      row.push(steps)
    }
    ;[before, previous] = [previous, row]
  }
  return previous[b.length] ?? 0
}

/** `; did you mean …?`, or nothing. */
export const hint = (given: string, names: Iterable<string>): string => {
  const near = nearest(given, names)
  return near === undefined ? '' : `; did you mean ${near}?`
}

/** A text as it may stand in a message: one line, not too long, nothing in it that a terminal would obey. */
export const shown = (given: string): string => oneLine(given.length > 80 ? `${given.slice(0, 77)}…` : given)

/** Without what ends a line, moves a cursor or turns the direction of a text: each as its number. */
export const oneLine = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]|\p{Cf}/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16)
    return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, '0')}`
  })

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
}

const kindOf = (given: unknown): string => {
  if (given === undefined) return 'missing'
  if (given === null) return 'empty'
  if (Array.isArray(given)) return 'a list'
  if (typeof given === 'object') return 'a map'
  return `'${shown(String(given))}'`
}

/** What is wrong with what stands where a block of an extension belongs. */
export const noBlock = (given: unknown): string => `is ${kindOf(given)}; expected a map, as {}, or off`

type RawIssue = Parameters<z.core.$ZodErrorMap>[0]

/** What is wrong and what was expected, in words. For unknown keys, the known ones, for the caller names the keys. */
export const wording = (issue: RawIssue): string | undefined => {
  const is = `is ${kindOf(issue.input)}`
  switch (issue.code) {
    case 'invalid_type':
      return `${is}; expected ${KINDS[issue.expected] ?? issue.expected}`
    case 'invalid_value': {
      const values = issue.values.map(String)
      return `${is}; expected ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}${hint(String(issue.input), values)}`
    }
    case 'too_small':
      return Array.isArray(issue.input)
        ? 'is an empty list; expected at least one'
        : `${is}; expected at least ${issue.minimum}`
    case 'too_big':
      return `${is}; expected at most ${issue.maximum}`
    case 'invalid_format':
    case 'invalid_key':
      return `'${shown(String(issue.input))}' is no name here`
    case 'unrecognized_keys':
      return knownKeys(issue.inst).join(' ')
    default:
      return undefined
  }
}

const knownKeys = (schema: unknown): readonly string[] => {
  const shape = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape
  return Object.keys(shape ?? {})
}
