/** A piece of a structured field (RFC 5322 3.2). Put together again, the texts are what was read. */
export interface Token {
  readonly kind: 'space' | 'comment' | 'quoted' | 'literal' | 'special' | 'atom'
  /** As it stands, parentheses and quotes included; folding is space. */
  readonly text: string
}

const PATTERNS: readonly (readonly [Token['kind'], RegExp])[] = [
  ['space', /(?:[ \t]|\r\n)+/y],
  ['quoted', /"(?:[^"\\]|\\.)*"?/sy],
  ['literal', /\[(?:[^\]\\]|\\.)*\]?/sy],
  ['special', /[<>@,;:)\]]/y],
  ['atom', /(?:[^ \t\r\n"()[\]<>@,;:]|\r(?!\n))+|./sy],
]

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
  for (const [kind, pattern] of PATTERNS) {
    if (kind === 'literal' && !literals) continue
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) return { kind, text: found }
  }
  throw new Error('The last pattern takes every octet')
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
  const inner = /^"((?:[^"\\]|\\.)*)"?$/s.exec(text)?.[1] ?? text
  return inner.replaceAll('\r\n', '').replace(/\\(.)/gs, '$1')
}
