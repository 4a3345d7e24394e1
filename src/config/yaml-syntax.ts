import type { YAMLError } from 'yaml'
import { shown } from './wording.ts'

/** A place in a text and what is wrong there. */
export interface Misplaced {
  readonly offset: number
  readonly message: string
}

/** What people write without the quotes it needs: `${user}`, `*.example.org`, `[::1]:25`. */
const NEEDS_QUOTES = [
  /(?<=[\s,[{:])\$\{[^}\s"']*\}[^\s,\]}"']*/g,
  /(?<=[\s,[{]|^)\*\.[^\s,\]}:"']*/g,
  /\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\](?::\d+)?/g,
]

/** Text up to where a password begins, or somewhat behind that. */
const SECRET = /\bpassword["']?\s*:\s*[^\s,}]*$/

/** YAML's own faults in words that help. One for each line, for one wrong character brings several. */
export const syntaxFaults = (errors: readonly YAMLError[], source: string): readonly Misplaced[] => {
  const told = new Set<number>()
  return errors.flatMap((error) => {
    const offset = Math.min(error.pos[0], source.length)
    const start = source.lastIndexOf('\n', offset - 1) + 1
    if (told.has(start)) return []
    told.add(start)
    const end = source.indexOf('\n', start)
    // What is wrong with a secret is told without it.
    if (SECRET.test(source.slice(Math.max(0, offset - 300), offset)))
      return [{ offset, message: 'the password needs quotes here' }]
    return [faultOf(error, offset, source.slice(start, end < 0 ? undefined : end), start)]
  })
}

const faultOf = (error: YAMLError, offset: number, line: string, start: number): Misplaced => {
  const bare = withoutQuotes(line)
  for (const pattern of NEEDS_QUOTES) {
    const found = [...bare.matchAll(pattern)][0]
    if (found)
      return {
        offset: start + found.index,
        message: `${shown(found[0])} needs quotes here; expected "${shown(found[0])}"`,
      }
  }
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return { offset, message: 'a tab cannot indent; expected spaces' }
    case 'BAD_SCALAR_START': {
      const word = shown(/^[^\s,\]}#]*/.exec(line.slice(offset - start))?.[0] ?? '')
      return { offset, message: `${word} needs quotes here; expected "${word}"` }
    }
    case 'TAG_RESOLVE_FAILED':
      return { offset, message: 'a tag means nothing here; expected a plain value' }
    default:
      return { offset, message: `is not YAML: ${shown(error.message)}` }
  }
}

/** Quoted parts and the comment blanked out, everything else where it was. */
const withoutQuotes = (line: string): string =>
  line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'|(?<=\s|^)#.*$/g, (part) => '_'.repeat(part.length))
