import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import type { Issue } from './check.ts'
import { type Machine, thisMachine } from './machine.ts'
import { parseSettings } from './parse.ts'
import type { ExtensionSchemas } from './schema.ts'
import type { Settings } from './settings.ts'
import { readChecked, STANDARD_FILE } from './settings-file.ts'
import { syntaxFaults } from './yaml-syntax.ts'
import { readTree } from './yaml-tree.ts'

export interface LoadOptions {
  /** As `--config` names it. Absent: the standard file when there is one, else no file. */
  readonly file?: string | undefined
  readonly env: NodeJS.ProcessEnv
  readonly extensions: ExtensionSchemas
  readonly machine?: Machine
  readonly standardFile?: string
}

/** `file` is absent when there is none. Faults are whole lines, `FILE:LINE:COL key: …`, in the order of the file. */
export type Loaded =
  | { readonly settings: Settings; readonly file?: string }
  | { readonly faults: readonly string[]; readonly file?: string }

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
    return { faults: [`${file}: ${(error as Error).message}`], file }
  }
  if (source === undefined) {
    if (named) return { faults: [`${file}: does not exist`], file }
    const places = { base: machine.state, home: machine.home }
    const parsed = parseSettings(undefined, { machine, places, extensions: options.extensions })
    return 'settings' in parsed ? parsed : { faults: parsed.issues.map((issue) => `${keyOf(issue)}: ${issue.message}`) }
  }
  const read = readSettings(source, file, machine, options.extensions)
  return { ...read, file }
}

/** Settings from the text of a file. */
export const readSettings = (source: string, file: string, machine: Machine, extensions: ExtensionSchemas): Loaded => {
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(Math.min(offset, source.length))
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`
  }
  const control = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.exec(source)
  if (control) {
    lines.addNewLine(0)
    for (const { index } of source.matchAll(/\n/g)) lines.addNewLine(index + 1)
    const code = control[0].charCodeAt(0).toString(16).padStart(2, '0')
    return { faults: [`${at(control.index)}: the control character \\x${code} stands here; expected text`] }
  }
  try {
    // Unique keys are checked in the tree: the parser's own check takes a minute for 60,000 of them.
    const document = parseDocument(source, {
      lineCounter: lines,
      version: '1.2',
      schema: 'core',
      intAsBigInt: false,
      uniqueKeys: false,
      prettyErrors: false,
      keepSourceTokens: false,
    })
    const broken = syntaxFaults([...document.errors, ...document.warnings], source)
    if (broken.length > 0) return { faults: most(broken.map(({ offset, message }) => `${at(offset)}: ${message}`)) }

    const tree = readTree(document)
    const places = { base: dirname(file), home: machine.home }
    const context = { machine, places, extensions, textAt: tree.textAt }
    const parsed = parseSettings(tree.value ?? undefined, context)
    if ('settings' in parsed && tree.issues.length === 0) return parsed
    const placed = (issue: Issue) => ({
      offset: tree.offsetOf(issue.path, issue.ofKey ?? false),
      line: issue,
    })
    const others = 'issues' in parsed ? parsed.issues.filter((issue) => !covered(issue, tree.issues)) : []
    const faults = [...tree.issues, ...others]
      .map(placed)
      .toSorted((a, b) => a.offset - b.offset)
      .map(({ offset, line }) => `${at(offset)}${line.path.length > 0 ? ` ${keyOf(line)}` : ''}: ${line.message}`)
    return { faults: most([...new Set(faults)]) }
  } catch (error) {
    // The parser recurses; nothing else here throws for what a file holds.
    if (error instanceof RangeError) return { faults: [`${file}:1:1: is nested too deeply`] }
    throw error
  }
}

/** What the tree has told of a place need not be told again as a wrong type. */
const covered = (issue: Issue, told: readonly Issue[]): boolean =>
  told.some(
    ({ path }) => path.length <= issue.path.length && path.every((key, i) => key === issue.path[i]) && path.length > 0,
  )

const keyOf = ({ path }: Issue): string =>
  path
    .join('.')
    .replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
    .slice(0, 200)

const most = (faults: readonly string[]): readonly string[] =>
  faults.length > MOST_FAULTS ? [...faults.slice(0, MOST_FAULTS), `and ${faults.length - MOST_FAULTS} more`] : faults
