import type * as z from 'zod'
import { hint, nearest, wording } from './wording.ts'

export type Path = readonly (string | number)[]

/** One thing that is wrong: where, and in words what it is and what was expected. */
export interface Issue {
  readonly path: Path
  readonly message: string
  /** The last word of the path is itself what is wrong, not what stands behind it. */
  readonly ofKey?: true
}

export type Checked<T> = { readonly value: T } | { readonly issues: readonly Issue[] }

/** An issue with what its schema says of it, beyond words. */
export interface Told extends Issue {
  readonly hints?: Hints
  /** It is there because of another one of these. */
  readonly follows?: true
}

/** What a schema may say of an issue of its own, as its `params`. */
export interface Hints {
  /** It stands whatever else is wrong within: it is not that something is missing. */
  readonly stands?: boolean
  /** A setting beside it, or beside something above it, by which it was judged. */
  readonly besides?: string
}

/** A text of what is written where a schema wants a text and something else stands: `0600` is not the number 600. */
export type TextAt = (path: Path) => string | undefined

/** Reads a value by a schema, and words what is wrong. */
export const check = <T>(schema: z.ZodType<T>, given: unknown, path: Path = [], textAt?: TextAt): Checked<T> =>
  untangled(read(schema, given, path, textAt).checked)

const untangled = <T>(checked: { readonly value: T } | { readonly issues: readonly Told[] }): Checked<T> =>
  'value' in checked ? checked : { issues: checked.issues.filter(({ follows }) => !follows) }

/** The same; `given` is the value with texts as they were written. */
export const read = <T>(
  schema: z.ZodType<T>,
  given: unknown,
  path: Path,
  textAt: TextAt = () => undefined,
): { readonly given: unknown; readonly checked: { readonly value: T } | { readonly issues: readonly Told[] } } => {
  let value = given
  for (;;) {
    const result = schema.safeParse(value, { error: wording, reportInput: true })
    if (result.success) return { given: value, checked: { value: result.data } }
    const better = result.error.issues.flatMap(flat).flatMap((issue) => {
      const at = keys(issue.path)
      const instead = issue.code === 'invalid_type' ? replacement(issue, () => textAt([...path, ...at])) : undefined
      return instead === undefined ? [] : [{ at, instead }]
    })
    if (better.length === 0) return { given: value, checked: { issues: worded(result.error.issues, path) } }
    for (const { at, instead } of better) value = replaced(value, at, instead)
  }
}

/** What was meant by a value of the wrong type: its text, or an empty map where all within is commented out. */
const replacement = (issue: z.core.$ZodIssueInvalidType, text: () => string | undefined): unknown => {
  if (issue.input === null && (issue.expected === 'object' || issue.expected === 'record')) return {}
  return issue.expected === 'string' && typeof issue.input !== 'string' ? text() : undefined
}

const keys = (path: readonly PropertyKey[]): (string | number)[] =>
  path.map((key) => (typeof key === 'symbol' ? String(key) : key))

type ZodIssue = z.core.$ZodIssue

/** An issue, or those of a union's branches with their whole paths. */
const flat = (issue: ZodIssue): ZodIssue[] => {
  if (issue.code !== 'invalid_union') return [issue]
  return issue.errors.flat().flatMap((inner) => flat({ ...inner, path: [...issue.path, ...inner.path] }))
}

/** Where a key is unknown, what its absence leads to follows from that. */
const worded = (all: readonly ZodIssue[], path: Path): readonly Told[] => {
  const unknown = new Map(
    all.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? [[JSON.stringify(keys(issue.path)), meant(issue)] as const] : [],
    ),
  )
  const follows = (issue: ZodIssue): boolean => {
    if (issue.code === 'custom') return unknown.has(JSON.stringify(keys(issue.path)))
    const [key, above] = [issue.path.at(-1), issue.path.slice(0, -1)]
    return issue.input === undefined && unknown.get(JSON.stringify(keys(above)))?.has(String(key)) === true
  }
  return all.flatMap((issue) =>
    word(issue, path).map((told): Told => (follows(issue) ? { ...told, follows: true } : told)),
  )
}

const knownKeys = ({ message }: ZodIssue): readonly string[] => message.split(' ').filter((key) => key !== '')

/** The settings that unknown keys are likely to stand for. */
const meant = (issue: z.core.$ZodIssueUnrecognizedKeys): ReadonlySet<string | undefined> =>
  new Set(issue.keys.map((key) => nearest(key, knownKeys(issue))))

const word = (issue: ZodIssue, at: Path): Told[] => {
  const path = [...at, ...keys(issue.path)]
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(issue)
      return issue.keys.map((key): Issue => {
        const expected = known.length > 0 && known.length <= 12 ? `; expected one of ${known.join(', ')}` : ''
        return { path: [...path, key], message: `is no setting${hint(key, known) || expected}`, ofKey: true }
      })
    }
    case 'invalid_key':
      return [{ path, message: issue.message, ofKey: true }]
    case 'custom':
      return [{ path, message: issue.message, ...(issue.params ? { hints: issue.params as Hints } : {}) }]
    case 'invalid_union': {
      // The branch that was meant is the one that went wrong deepest, or else the one with something to say.
      const branches = issue.errors.map((errors) => errors.flatMap((inner) => word(inner, path)))
      const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map((inner) => inner.path.length))
      return branches.toSorted((a, b) => depth(b) - depth(a))[0] ?? [{ path, message: issue.message }]
    }
    default:
      return [{ path, message: issue.message }]
  }
}

/** A copy with another value at a place. */
const replaced = (value: unknown, path: Path, by: unknown): unknown => {
  const [key, ...rest] = path
  if (key === undefined) return by
  if (Array.isArray(value)) return value.map((item, index) => (index === key ? replaced(item, rest, by) : item))
  const copy = { ...(value as Record<string, unknown>) }
  copy[key] = replaced(copy[key], rest, by)
  return copy
}
