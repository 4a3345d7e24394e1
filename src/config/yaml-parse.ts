import { Composer, type Document, type LineCounter, Parser } from 'yaml'
import { type Misplaced, syntaxFaults } from './yaml-syntax.ts'

/** Collections within collections. Settings have ten; what comes after the parser goes down by recursion. */
export const MOST_DEPTH = 100

/** What can stand in no settings file, wherever it stands. A byte order mark is one at the beginning of a file alone. */
const NO_TEXT = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]|\r(?!\n)|(?<!^)\ufeff/

/** The one document of a text, or what is wrong with the text as YAML. Every line that was read is known to `lines` then. */
export const parseYaml = (source: string, lines: LineCounter): Document | readonly Misplaced[] => {
  const strange = NO_TEXT.exec(source)
  if (strange) {
    lines.addNewLine(0)
    for (const { index } of source.matchAll(/\n/g)) lines.addNewLine(index + 1)
    return [{ offset: strange.index, message: `${nameOf(strange[0])} stands here; expected text` }]
  }
  // Unique keys are checked in the tree: the composer's own check takes a minute for 60,000 of them.
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    intAsBigInt: false,
    uniqueKeys: false,
    prettyErrors: false,
    keepSourceTokens: false,
  })
  const deep: number[] = []
  const [document, second] = composer.compose(shallow(new Parser(lines.addNewLine).parse(source), deep), true)
  const [offset] = deep
  if (offset !== undefined) return [{ offset, message: `is nested too deep; expected at most ${MOST_DEPTH} levels` }]
  if (document === undefined) return [{ offset: 0, message: 'is no YAML' }]
  const broken = syntaxFaults([...document.errors, ...document.warnings], source)
  if (broken.length > 0) return broken
  if (second) return [{ offset: second.range[0], message: 'a second document begins here; expected one' }]
  return document
}

const nameOf = (character: string): string => {
  const code = character.charCodeAt(0)
  if (character === '\r') return 'a carriage return without a line feed'
  if (code > 0xff) return `the character U+${code.toString(16).toUpperCase()}`
  return `the control character \\x${code.toString(16).padStart(2, '0')}`
}

type Token = ReturnType<Parser['parse']> extends Generator<infer T, unknown> ? T : never

/** The tokens of a text until one of them goes too deep; its place is then told, and it is not passed on. */
function* shallow(tokens: Iterable<Token>, deep: number[]): Iterable<Token> {
  for (const token of tokens) {
    const offset = tooDeep(token)
    if (offset !== undefined) return void deep.push(offset)
    yield token
  }
}

const tooDeep = (whole: Token): number | undefined => {
  const left: { token: Token | null | undefined; depth: number }[] = [{ token: whole, depth: 0 }]
  for (let next = left.pop(); next; next = left.pop()) {
    const { token, depth } = next
    if (!token) continue
    if (depth > MOST_DEPTH) return token.offset
    if (token.type === 'document') left.push({ token: token.value, depth })
    if (!('items' in token)) continue
    for (const { key, value } of token.items)
      left.push({ token: value, depth: depth + 1 }, { token: key, depth: depth + 1 })
  }
  return undefined
}
