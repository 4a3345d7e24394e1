import { dirname, resolve } from 'node:path'
import { LineCounter } from 'yaml'
import type { Issue } from './check.ts'
import { type Machine, thisMachine } from './machine.ts'
import { parseSettings } from './parse.ts'
import type { ExtensionSchemas } from './schema.ts'
import type { Settings } from './settings.ts'
import { BadOctet, isReadByOthers, readChecked, STANDARD_FILE } from './settings-file.ts'
import { oneLine } from './wording.ts'
import { parseYaml } from './yaml-parse.ts'
import type { Misplaced } from './yaml-syntax.ts'
import { type PlacedIssue, readTree } from './yaml-tree.ts'

export interface LoadOptions {
  /** As `--config` names it. Absent: the standard file when there is one, else no file. */
  readonly file?: string | undefined
  readonly env: NodeJS.ProcessEnv
  readonly extensions: ExtensionSchemas
  readonly machine?: Machine
  readonly standardFile?: string
  /** What is known to be wrong already: told in its place among the faults of the file. */
  readonly issues?: readonly Issue[]
}

/** `file` is absent when there is none; `given` is what it says, without defaults. Faults are whole lines, `FILE:LINE:COL key: …`, in the order of the file. */
export type Loaded =
  | { readonly settings: Settings; readonly file?: string; readonly placed: Placed; readonly given?: unknown }
  | { readonly faults: readonly string[]; readonly file?: string; readonly rest?: Rest }

/** What can be made of settings with faults, for more faults to be found. */
export interface Rest {
  readonly settings: Settings
  /** The faults of the file, and these, in order. What may follow from a fault is not told. */
  readonly placed: Placed
}

/** What turned out to be wrong once settings were to be used, as such lines. */
export type Placed = (issues: readonly Issue[]) => readonly string[]

const MOST_FAULTS = 50

/** Reads settings and checks all of them. Never throws for what a file holds, nor for what it is. */
export const loadSettings = (options: LoadOptions): Loaded => {
  const machine = options.machine ?? thisMachine(options.env)
  const named = options.file !== undefined
  const file = resolve(options.file ?? options.standardFile ?? STANDARD_FILE)
  let source: string | undefined
  try {
    source = readChecked(file, machine.uid)
  } catch (error) {
    if (error instanceof BadOctet) return { faults: [`${file}:${error.line}:${error.column}: ${error.message}`], file }
    return { faults: [`${file}: ${(error as Error).message}`], file }
  }
  if (source === undefined) {
    if (named) return { faults: [`${file}: does not exist`], file }
    const places = { base: machine.state, home: machine.home }
    const parsed = parseSettings(undefined, { machine, places, extensions: options.extensions })
    const placed: Placed = (issues) => issues.map((issue) => oneLine(`${keyOf(issue)}: ${issue.message}`))
    return 'settings' in parsed ? { ...parsed, placed } : { faults: placed(parsed.issues) }
  }
  const read = readSettings(source, file, machine, options.extensions, options.issues)
  return { ...read, file }
}

/** Settings from the text of a file. */
export const readSettings = (
  source: string,
  file: string,
  machine: Machine,
  extensions: ExtensionSchemas,
  known: readonly Issue[] = [],
): Loaded => {
  const lines = new LineCounter()
  const lineOf = ({ offset, message }: Misplaced, key = ''): string => {
    const { line, col } = lines.linePos(Math.min(offset, source.length))
    return oneLine(`${file}:${Math.max(line, 1)}:${Math.max(col, 1)}${key}: ${message}`)
  }
  const document = parseYaml(source, lines)
  if (!('contents' in document)) return { faults: most(document.map((fault) => lineOf(fault))) }

  const tree = readTree(document)
  const written = (issue: Issue) => ({ ...issue, offset: tree.offsetOf(issue.path, issue.ofKey ?? false) })
  const inOrder = (issues: readonly PlacedIssue[]): readonly string[] => {
    const faults = issues
      .toSorted((a, b) => a.offset - b.offset)
      .map((issue) => lineOf(issue, issue.path.length > 0 ? ` ${keyOf(issue)}` : ''))
    return most([...new Set(faults)])
  }
  const byDefault = (issue: Issue): Issue =>
    tree.has(issue.path) ? issue : { ...issue, message: `${issue.message} (by default; nothing here says otherwise)` }
  const shared = isReadByOthers(file) ? { readByOthers: true as const } : {}
  const places = { base: dirname(file), home: machine.home, ...shared }
  const lost = tree.issues.filter((issue) => issue.lost && issue.path.length > 0).map(({ path }) => path)
  const moreExtensions = known.some(({ path }) => path[0] === 'modules')
  const context = { machine, places, extensions, textAt: tree.textAt, lost, moreExtensions }
  const parsed = parseSettings(tree.value ?? undefined, context)
  if ('settings' in parsed && tree.issues.length === 0 && known.length === 0) {
    const placed: Placed = (issues) => inOrder(issues.map((issue) => written(byDefault(issue))))
    return { ...parsed, given: tree.value, placed }
  }
  const others = 'issues' in parsed ? parsed.issues.filter((issue) => !covered(issue, tree.issues)) : []
  const told = [...tree.issues, ...[...known, ...others].map(written)]
  const { settings, ofGiven } =
    'settings' in parsed ? { ...parsed, ofGiven: (issue: Issue) => issue } : (parsed.rest ?? NO_REST)
  if (settings === undefined) return { faults: inOrder(told) }
  const placed: Placed = (issues) =>
    inOrder([...told, ...issues.flatMap((issue) => ofGiven(issue) ?? []).map((issue) => written(byDefault(issue)))])
  return { faults: inOrder(told), rest: { settings, placed } }
}

const NO_REST = { settings: undefined, ofGiven: (issue: Issue) => issue }

/** What the tree has told of a place need not be told again as a wrong type. */
const covered = (issue: Issue, told: readonly Issue[]): boolean =>
  told.some(
    ({ path, ofKey }) =>
      !ofKey && path.length === issue.path.length && path.length > 0 && path.every((key, i) => key === issue.path[i]),
  )

const keyOf = ({ path }: Issue): string => path.join('.').slice(0, 200)

const most = (faults: readonly string[]): readonly string[] =>
  faults.length > MOST_FAULTS ? [...faults.slice(0, MOST_FAULTS), `and ${faults.length - MOST_FAULTS} more`] : faults
