import { createHash } from 'node:crypto'
import { BadFilter, type Filter, type Range, type Rational, type Relation, type Value } from './filter.ts'

/** Characters of a text, comparisons with one value in a filter, and filters within each other, at most. */
const MOST_TEXT = 16_384
const MOST_ITEMS = 500
const DEEPEST = 32

const TAG = /[A-Za-z][A-Za-z0-9!#$%&'*+./:?@^_`{|}~-]*/y
const TOKEN = /[A-Za-z][A-Za-z0-9-]*/y
const STRING = /"[ !#-~]*"/y
const NUMBER = /([+-]?[0-9]{1,20})(?:[ \t\r\n]*\/[ \t\r\n]*([0-9]{1,20}))?(?![A-Za-z0-9])/y
const PARAMETER = /[A-Za-z][A-Za-z0-9-]*/y
const PARAMETER_VALUE = /"[ !#-~]*"|[!#-'*-:<-~]+/y
const QUALITY = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/
const BLANKS = /[ \t\r\n]*/y
const HASHED = /^h\.[0-9a-v]+$/i

/**
 * Reads an RFC 2533 filter, with definitions of named predicates behind it if there are any (`where … end`, RFC 2938
 * 3.2.2); a definition whose hash is wrong is an error. Throws `BadFilter`.
 */
export const readFilter = (text: string): Filter => {
  if (text.length > MOST_TEXT) throw new BadFilter(`A filter of more than ${MOST_TEXT} characters`)
  return new Reader(text).all()
}

class Reader {
  readonly #text: string
  #at = 0
  #depth = 0
  #items = 0

  constructor(text: string) {
    this.#text = text
  }

  all(): Filter {
    const filter = this.#filter()
    const where = this.#word('where') ? this.#definitions() : new Map<string, Definition>()
    this.#blanks()
    if (this.#at < this.#text.length) this.#fail('nothing more')
    return where.size === 0 ? filter : this.#substituted(filter, where)
  }

  #fail(wanted: string): never {
    const found = this.#text.slice(this.#at, this.#at + 12).replace(/[^ -~]/g, '?')
    throw new BadFilter(`At ${this.#at + 1} ${wanted} was expected, not ${found === '' ? 'the end' : `'${found}'`}`)
  }

  #blanks(): void {
    BLANKS.lastIndex = this.#at
    this.#at += BLANKS.exec(this.#text)?.[0].length ?? 0
  }

  /** Blanks may stand before anything. */
  #match(pattern: RegExp): RegExpExecArray | null {
    this.#blanks()
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found) this.#at += found[0].length
    return found
  }

  #word(word: string): boolean {
    this.#blanks()
    if (this.#text.slice(this.#at, this.#at + word.length).toLowerCase() !== word) return false
    this.#at += word.length
    return true
  }

  #demand(word: string): void {
    if (!this.#word(word)) this.#fail(`'${word}'`)
  }

  #filter(): Filter {
    if (++this.#depth > DEEPEST) throw new BadFilter(`More than ${DEEPEST} filters within each other`)
    this.#demand('(')
    const filter = this.#composite() ?? this.#item()
    this.#demand(')')
    const parameters: [string, string][] = []
    while (this.#word(';')) parameters.push(this.#parameter())
    this.#depth--
    return parameters.length === 0 ? filter : { ...filter, parameters }
  }

  #composite(): Filter | undefined {
    if (this.#word('!')) return { is: 'not', of: this.#filter() }
    const is = this.#word('&') ? 'and' : this.#word('|') ? 'or' : undefined
    if (is === undefined) return undefined
    const of = [this.#filter()]
    for (this.#blanks(); this.#text[this.#at] === '('; this.#blanks()) of.push(this.#filter())
    return { is, of }
  }

  #item(): Filter {
    const tag = this.#match(TAG)?.[0] ?? this.#fail('a feature tag')
    const by: Relation | undefined = this.#word('<=')
      ? '<='
      : this.#word('>=')
        ? '>='
        : this.#word('=')
          ? '='
          : undefined
    if (by === undefined) {
      this.#blanks()
      this.#count()
      return this.#text[this.#at] === ')' ? { is: 'named', name: tag } : this.#fail("'=', '<=' or '>='")
    }
    if (by !== '=' || !this.#word('[')) return { is: 'compare', tag, by, value: this.#value() }
    const of = [this.#entry()]
    while (this.#word(',')) of.push(this.#entry())
    this.#demand(']')
    return { is: 'set', tag, of }
  }

  #entry(): Value | Range {
    const from = this.#value()
    return this.#word('..') ? { from, to: this.#value() } : from
  }

  #count(): void {
    if (++this.#items > MOST_ITEMS) throw new BadFilter(`More than ${MOST_ITEMS} values in a filter`)
  }

  #value(): Value {
    this.#count()
    const number = this.#match(NUMBER)
    if (number) return rational(BigInt(number[1] ?? ''), BigInt(number[2] ?? '1')) ?? this.#fail('a divisor')
    const text = this.#match(STRING)
    if (text) return { word: text[0].slice(1, -1) }
    return { word: this.#match(TOKEN)?.[0] ?? this.#fail('a value') }
  }

  #parameter(): [string, string] {
    const name = this.#match(PARAMETER)?.[0] ?? this.#fail('a parameter')
    this.#demand('=')
    const value = this.#match(PARAMETER_VALUE)?.[0] ?? this.#fail('a parameter value')
    if (name.toLowerCase() === 'q' && !QUALITY.test(value)) {
      this.#at -= value.length
      this.#fail('a quality from 0 to 1')
    }
    return [name, value]
  }

  #definitions(): Map<string, Definition> {
    const where = new Map<string, Definition>()
    while (!this.#word('end')) {
      this.#demand('(')
      const name = this.#match(TAG)?.[0] ?? this.#fail('the name of a predicate')
      this.#demand(')')
      this.#demand(':-')
      this.#blanks()
      const from = this.#at
      const before = this.#items
      const filter = this.#filter()
      if (HASHED.test(name) && hashOf(this.#text.slice(from, this.#at)) !== name.slice(2).toUpperCase()) {
        throw new BadFilter(`The definition of ${name} has another hash (RFC 2938 section 3.1)`)
      }
      where.set(name.toLowerCase(), { filter, items: this.#items - before })
    }
    return where
  }

  /** Definitions are not looked into for further names. */
  #substituted(filter: Filter, where: ReadonlyMap<string, Definition>): Filter {
    if (filter.is === 'and' || filter.is === 'or') {
      return { ...filter, of: filter.of.map((one) => this.#substituted(one, where)) }
    }
    if (filter.is === 'not') return { ...filter, of: this.#substituted(filter.of, where) }
    const found = filter.is === 'named' ? where.get(filter.name.toLowerCase()) : undefined
    if (found === undefined) return filter
    for (let item = 0; item < found.items; item++) this.#count()
    return found.filter
  }
}

interface Definition {
  readonly filter: Filter
  readonly items: number
}

/** Reduced; undefined for one that is divided by nothing. */
const rational = (over: bigint, under: bigint): Rational | undefined => {
  if (under === 0n) return undefined
  let [a, b] = [over < 0n ? -over : over, under]
  while (b > 0n) [a, b] = [b, a % b]
  return { over: over / a, under: under / a }
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUV'

/** RFC 2938 3.1.1: MD5, for it is a name and protects nothing, in base 32. */
const hashOf = (text: string): string => {
  const normal = text.replace(/"[^"]*"|[^"]+/g, (piece) =>
    piece.startsWith('"') ? piece : piece.replace(/[ \t\r\n]/g, '').toUpperCase(),
  )
  const bits = [...createHash('md5').update(normal, 'latin1').digest()]
    .map((octet) => octet.toString(2).padStart(8, '0'))
    .join('')
  return (bits.match(/.{1,5}/g) ?? []).map((five) => DIGITS[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
}
