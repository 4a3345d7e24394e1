import { saslPrep } from './saslprep.ts'
import type { ScramHash, ScramVerifier } from './scram.ts'
import { readVerifier } from './verifier.ts'

/** Verifiers by the name as SASLprep prepares it, which is whom a client proves to be; one at most for each hash. */
export type PasswordTable = ReadonlyMap<string, readonly ScramVerifier[]>

const LONGEST_LINE = 2000
const LONGEST_NAME = 255

/** What a name is kept and found by. Undefined: nobody can have it. */
export const nameKey = (name: string): string | undefined => {
  if (name.length > LONGEST_NAME) return undefined
  const prepared = saslPrep(name)
  return prepared === '' || prepared === undefined || /[\s:]/.test(prepared) ? undefined : prepared
}

/**
 * A line for each: `name:verifier` (see `readVerifier`). A name stands once, or once for each hash. A line that begins with
 * `#` is a comment. `faults` name lines, never what is secret of them.
 */
export const parsePasswords = (
  text: string,
  file: string,
): { readonly value: PasswordTable; readonly faults: readonly string[] } => {
  const table = new Map<string, ScramVerifier[]>()
  const faults: string[] = []
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.trim()
    if (line === '' || line.startsWith('#')) continue
    try {
      const { name, verifier } = readLine(line)
      const others = table.get(name) ?? []
      if (others.some(({ hash }) => hash === verifier.hash)) throw new Error(`${shown(name)}: stands already above`)
      table.set(name, [...others, verifier])
    } catch (error) {
      faults.push(`${file}:${index + 1}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { value: table, faults }
}

const readLine = (line: string): { name: string; verifier: ScramVerifier } => {
  const colon = line.indexOf(':')
  // Without a name the line may be all secret.
  if (colon < 1 || line.length > LONGEST_LINE) throw new Error('no `name:verifier`; `smail password NAME` prints one')
  const given = line.slice(0, colon)
  const name = nameKey(given)
  if (name === undefined) throw new Error(`${shown(given)}: is no name; it holds a space or what no name may hold`)
  try {
    return { name, verifier: readVerifier(line.slice(colon + 1)) }
  } catch (error) {
    throw new Error(`${shown(name)}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const shown = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)

/** The iteration count that most have; undefined where nobody has a verifier of this hash. */
export const usualIterations = (table: PasswordTable, hash: ScramHash): number | undefined => {
  const counts = new Map<number, number>()
  for (const verifiers of table.values()) {
    for (const one of verifiers) {
      if (one.hash === hash) counts.set(one.iterations, (counts.get(one.iterations) ?? 0) + 1)
    }
  }
  return [...counts].toSorted(([a, many], [b, more]) => more - many || a - b)[0]?.[0]
}
