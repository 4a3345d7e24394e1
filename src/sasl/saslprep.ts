import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

/**
 * A name or password prepared for comparison (SASLprep, RFC 4013). Undefined: it holds what none may hold, or nothing is left
 * of it. Characters younger than Unicode 3.2 are taken as they are, as RFC 8265, its successor, has it.
 */
export const saslPrep = (text: string): string | undefined => {
  // Its tables take a moment and some megabytes to load, and most need none of them.
  if (/^[ -~]*$/.test(text)) return text
  const prepare: typeof import('@mongodb-js/saslprep') = load('@mongodb-js/saslprep')
  try {
    return prepare(text, { allowUnassigned: true })
  } catch {
    return undefined
  }
}
