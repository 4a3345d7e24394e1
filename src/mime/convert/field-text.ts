import { meaning, type Token } from './lexer.ts'
import { Unconvertible } from './rules.ts'
import { encodedWord, encodedWords, type WordCharset } from './words.ts'

/**
 * Places of one field that are encoded at most: more than any letter to many has, and few enough for a field of 64 KiB to
 * take little time and room.
 */
const MOST = 5000

/** Which octets of a field cannot stay, and how they are to be read. */
export interface FieldOctets {
  isDirty(text: string): boolean
  charset(text: string): WordCharset
}

/** A word of a field: as it stands, and what it means; without a meaning it is the white space between words. */
interface Word {
  readonly text: string
  readonly meaning?: string
}

/**
 * A field as it is being written anew, to be folded afterwards: encoded words are short enough to get lines of 76.
 * One character per octet.
 */
export class FieldText {
  readonly #pieces: string[]
  readonly #octets: FieldOctets
  #last: string
  /** Characters of the line behind the last place to fold at. */
  #used: number
  #afterWord = false
  /** At which something has been encoded. */
  #places = 0

  /** `name` begins the field, its colon included. */
  constructor(name: string, octets: FieldOctets) {
    this.#pieces = [name]
    this.#last = name.slice(-1)
    this.#used = name.length
    this.#octets = octets
  }

  toString(): string {
    return this.#pieces.join('')
  }

  literal(text: string): void {
    if (text === '') return
    if (this.#afterWord && !/^[ \t\r)]/.test(text)) this.#add(' ')
    this.#add(text)
  }

  /**
   * As encoded words, with the white space that must stand around them (RFC 2047 section 5). Throws Unconvertible where
   * there are too many such places.
   */
  encoded(octets: string): void {
    this.#count()
    if (!/^[ \t(]?$/.test(this.#last)) this.#add(' ')
    const room = 74 - this.#used
    this.#add(encodedWords(octets, this.#octets.charset(octets), room < 32 ? 73 : room))
    this.#afterWord = true
  }

  /** As one encoded word with nothing around it, where syntax wants a token. Throws as `encoded` does. */
  token(octets: string): void {
    this.#count()
    this.#add(encodedWord(octets, this.#octets.charset(octets)))
  }

  /** A whole comment: what is dirty in it is encoded. */
  comment(text: string): void {
    for (const [piece] of text.matchAll(/[()]|(?:\\.|[^()\\])+|\\/gs)) {
      if (piece === '(' || piece === ')') this.literal(piece)
      else this.text(piece, meaning)
    }
  }

  /** Text in which white space alone divides words. */
  text(text: string, mean: (word: string) => string = (word) => word): void {
    const found = text.match(/(?:[ \t]|\r\n)+|(?:[^ \t\r]|\r(?!\n))+/g) ?? []
    this.#words(found.map((one) => (/^(?:[ \t]|\r\n)/.test(one) ? { text: one } : { text: one, meaning: mean(one) })))
  }

  /** Words of a phrase, and the comments among them. */
  phrase(tokens: readonly Token[]): void {
    let words: Word[] = []
    for (const { kind, text } of tokens) {
      const last = words.at(-1)
      if (kind === 'comment') {
        this.#words(words)
        words = []
        this.comment(text)
      } else if (kind === 'space') words.push({ text })
      // What nothing divides is one word.
      else if (last?.meaning !== undefined)
        words[words.length - 1] = { text: last.text + text, meaning: last.meaning + meaning(text) }
      else words.push({ text, meaning: meaning(text) })
    }
    this.#words(words)
  }

  /** Neighbours are encoded together, for white space between encoded words is not seen (RFC 2047 6.2). */
  #words(all: readonly Word[]): void {
    for (let at = 0; at < all.length; at++) {
      const word = all[at]
      if (!this.#isDirty(word)) {
        this.literal(word?.text ?? '')
        continue
      }
      let end = at + 1
      while (this.#isDirty(all[end + 1]) && all[end]?.meaning === undefined) end += 2
      const before = looksEncoded(all[at - 2]) ? at - 1 : at
      const after = looksEncoded(all[end + 1]) ? end + 1 : end
      const run = all.slice(before, after)
      this.encoded(run.map((one) => one.meaning ?? one.text.replaceAll('\r\n', '')).join(''))
      at = end - 1
    }
  }

  #count(): void {
    if (++this.#places > MOST) {
      throw new Unconvertible('5.6.3', `A header field would have to be encoded in more than ${MOST} places`)
    }
  }

  #isDirty(word: Word | undefined): boolean {
    return word?.meaning !== undefined && this.#octets.isDirty(word.text)
  }

  #add(text: string): void {
    this.#pieces.push(text)
    this.#last = text.slice(-1)
    this.#afterWord = false
    const space = Math.max(text.lastIndexOf(' '), text.lastIndexOf('\t'))
    // Not directly behind the name: a line with nothing but the name is to be avoided.
    if (space < 0 || (this.#pieces.length === 2 && /^[ \t]*$/.test(text))) this.#used += text.length
    else this.#used = text.length - space
  }
}

/** To a reader, white space between this and an encoded word would not be there. */
const looksEncoded = (word: Word | undefined): boolean =>
  word?.meaning !== undefined && /^=\?[^?]+\?[BQ]\?[^?]*\?=$/i.test(word.text)
