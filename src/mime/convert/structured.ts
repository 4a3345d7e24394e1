import { aLabels } from '../../mail/idna.ts'
import type { FieldOctets, FieldText } from './field-text.ts'
import { lex, type Token } from './lexer.ts'
import { Unconvertible } from './rules.ts'

/**
 * Mailboxes and groups (RFC 5322 3.4): phrases and comments are encoded, domains in U-labels get A-labels. Throws
 * Unconvertible for an address whose local part is not ASCII, which nothing can be done about, and for control characters, with which nobody can tell what is an address.
 */
export const writeAddresses = (value: string, out: FieldText, octets: FieldOctets): void => {
  if (/\0|\r(?!\n)/.test(value)) throw new Unconvertible('5.6.3', 'A control character among addresses in the header')
  let words: Token[] = []
  let inAngle = false
  const addrSpec = () => {
    let afterAt = false
    for (const token of words) {
      const ascii = octets.isDirty(token.text) ? (afterAt ? asciiDomain(token) : undefined) : token.text
      if (token.kind === 'comment') out.comment(token.text)
      else if (ascii !== undefined) out.literal(ascii)
      else throw new Unconvertible('5.6.9', 'An address in the header is not ASCII')
      if (token.kind !== 'comment' && token.kind !== 'space') afterAt = isAt(token)
    }
  }
  const flush = () => {
    if (inAngle || words.some(isAt)) addrSpec()
    else out.phrase(words)
    words = []
  }
  for (const token of lex(value)) {
    const ends = token.kind === 'special' && (inAngle ? token.text === '>' : /[<,;:]/.test(token.text))
    if (!ends) {
      words.push(token)
      continue
    }
    // What stands before `<` or `:` names somebody, whatever is in it.
    if (token.text === '<' || token.text === ':') out.phrase(words.splice(0))
    else flush()
    inAngle = token.text === '<'
    out.literal(token.text)
  }
  flush()
}

const asciiDomain = ({ kind, text }: Token): string | undefined =>
  kind === 'atom' ? aLabels(Buffer.from(text, 'latin1').toString()) : undefined

const isAt = (token: Token): boolean => token.kind === 'special' && token.text === '@'

/** Phrases with commas between them, and perhaps something in angle brackets (RFC 5322 3.6.5, RFC 2919). */
export const writePhrases = (value: string, out: FieldText, octets: FieldOctets): void => {
  let words: Token[] = []
  let inAngle = false
  const flush = () => {
    if (inAngle) writeEach(words, out, octets)
    else out.phrase(words)
    words = []
  }
  for (const token of lex(value)) {
    if (token.kind !== 'special' || !/[<>,]/.test(token.text)) {
      words.push(token)
      continue
    }
    flush()
    inAngle = token.text === '<'
    out.literal(token.text)
  }
  flush()
}

/**
 * Tokens of fields that are neither text nor addresses: Received, Message-ID and the like. RFC 2047 has no encoded words
 * there. They are tokens to who reads the field, though, and to bounce mail for one octet in a trace field helps nobody.
 */
export const writeTokens = (value: string, out: FieldText, octets: FieldOctets): void =>
  writeEach(lex(value), out, octets)

const writeEach = (tokens: readonly Token[], out: FieldText, octets: FieldOctets): void => {
  for (const { kind, text } of tokens) {
    if (kind === 'comment') out.comment(text)
    else if (octets.isDirty(text)) out.token(text)
    else out.literal(text)
  }
}
