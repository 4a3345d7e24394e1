import { afterComment } from '../content-type.ts'

/** A piece of a structured field (RFC 5322 3.2). Put together again, the texts are what was read. */
export interface Token {
  readonly kind: 'space' | 'comment' | 'quoted' | 'literal' | 'special' | 'atom'
  /** As it stands, parentheses and quotes included; folding is space. */
  readonly text: string
}

const SPACE = /(?:[ \t]|\r\n)+/y
const QUOTED = /"(?:[^"\\]|\\.)*"?/sy
const LITERAL = /\[(?:[^\]\\]|\\.)*\]?/sy
const SPECIALS = new Set('<>@,;:)]')
const ATOM = /(?:[^ \t\r\n"()[\]<>@,;:]|\r(?!\n))+/y

/** Never fails: what is not closed goes on to the end. One character per octet. Without `literals`, brackets are as good as letters. */
export const lex = (text: string, literals = true): Token[] => {
  const tokens: Token[] = []
  for (let at = 0; at < text.length; ) {
    const token = tokenAt(text, at, literals)
    tokens.push(token)
    at += token.text.length
  }
  return tokens
}

const tokenAt = (text: string, at: number, literals: boolean): Token => {
  // Atoms and specials are by far the most.
  const atom = matched(ATOM, text, at)
  if (atom !== '') return { kind: 'atom', text: atom }
  const first = text[at] ?? ''
  if (first === '(') return { kind: 'comment', text: text.slice(at, afterComment(text, at)) }
  if (SPECIALS.has(first)) return { kind: 'special', text: first }
  const space = matched(SPACE, text, at)
  if (space !== '') return { kind: 'space', text: space }
  if (first === '"') return { kind: 'quoted', text: matched(QUOTED, text, at) }
  if (first === '[' && literals) return { kind: 'literal', text: matched(LITERAL, text, at) }
  return { kind: 'atom', text: first }
}

/** What stands at a place, by a sticky pattern; '' where nothing does. */
export const matched = (pattern: RegExp, text: string, at: number): string => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

/** Without backslashes and folding, and a quoted string without its quotes. */
export const meaning = (text: string): string => {
  if (!/["\\\r]/.test(text)) return text
  const inner = /^"((?:[^"\\]|\\.)*)"?$/s.exec(text)?.[1] ?? text
  return inner.replaceAll('\r\n', '').replace(/\\(.)/gs, '$1')
}
