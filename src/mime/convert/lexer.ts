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
    const token = text[at] === '(' ? readComment(text, at) : other(text, at, literals)
    tokens.push(token)
    at += token.text.length
  }
  return tokens
}

const other = (text: string, at: number, literals: boolean): Token => {
  // Atoms and specials are by far the most.
  const atom = matched(ATOM, text, at)
  if (atom !== '') return { kind: 'atom', text: atom }
  const first = text[at] ?? ''
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

/** The comment that begins at `at`, comments within it included. */
export const readComment = (text: string, at: number): Token => {
  let depth = 0
  for (let end = at; end < text.length; end++) {
    const octet = text[end]
    if (octet === '\\') end++
    else if (octet === '(') depth++
    else if (octet === ')' && --depth === 0) return { kind: 'comment', text: text.slice(at, end + 1) }
  }
  return { kind: 'comment', text: text.slice(at) }
}

/** Without backslashes and folding, and a quoted string without its quotes. */
export const meaning = (text: string): string => {
  if (!/["\\\r]/.test(text)) return text
  const inner = /^"((?:[^"\\]|\\.)*)"?$/s.exec(text)?.[1] ?? text
  return inner.replaceAll('\r\n', '').replace(/\\(.)/gs, '$1')
}
