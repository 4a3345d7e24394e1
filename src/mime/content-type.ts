/** What a Content-Type field says (RFC 2045 5.1). */
export interface ContentType {
  /** Lower case; text/plain where it cannot be read (RFC 2045 5.2). */
  readonly type: string
  /** By lower-case names. Of two of one name the first counts; one in sections (RFC 2231) only if there is no plain one. */
  readonly parameters: ReadonlyMap<string, string>
  /** There are more parameters than are read: what is said may not be all that others find. */
  readonly cut: boolean
}

/** Parameters that are read, sections counted; of what comes behind none is looked at. */
const MOST = 1000
/** What stands behind the slash decides little; what stands before it, everything. */
const TYPE = /^[!#$%&'*+.^_`{|}~\w-]+\/[^ \t/]+$/
const SECTIONED = /^([^*]+)(?:\*(\d{1,4}))?(\*?)$/
/** Not \s, to which octet A0 is white space. */
const NAME = /[^=;( \t\r\n]*/y
export const QUOTED: RegExp = /"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?$)/sy

/**
 * Reads the value of the field, folded as it stands, one character per octet. Takes more than the grammar: unquoted values
 * with any characters but `;` and `(`, quotes and comments without an end. Never throws.
 */
export const readContentType = (value: string): ContentType => {
  const text = unbroken(value)
  const [type, end] = untilSemicolon(text, 0)
  const parameters = new Map<string, string>()
  let sections: Map<string, Section[]> | undefined
  let at = end
  for (let read = 0; text[at] === ';' && read < MOST; read++) {
    const parameter = readParameter(text, at + 1)
    at = parameter.end
    if (parameter.value === undefined) continue
    const name = parameter.name.toLowerCase()
    const match = name.includes('*') ? SECTIONED.exec(name) : null
    if (match) {
      const [, base = '', number = '0', extended = ''] = match
      sections ??= new Map()
      const section = { number: Number(number), extended: extended !== '', value: parameter.value }
      sections.set(base, [...(sections.get(base) ?? []), section])
    } else if (!parameters.has(name)) parameters.set(name, parameter.value)
  }
  for (const [name, all] of sections ?? []) if (!parameters.has(name)) parameters.set(name, together(all))
  return { type: readType(type.toLowerCase()), parameters, cut: text[at] === ';' }
}

const readType = (text: string): string => {
  // Most have no white space around the slash, nor comments.
  const type = TYPE.test(text) ? text : text.split('/', 3).map(trimmed).join('/')
  return TYPE.test(type) ? type : 'text/plain'
}

/**
 * The encoding that a Content-Transfer-Encoding field names, lower case, comments left out; '' when it names none. What
 * readers take for 8bit for want of another meaning, `"8bit"`, `8-bit` or a charset, is 8bit here too; `7-bit` likewise.
 */
export const readTransferEncoding = (value: string): string => {
  const [text] = untilSemicolon(unbroken(value), 0)
  const word = (text.split(/[ \t]/, 1)[0] ?? '').toLowerCase()
  if (PROPER.test(word)) return word
  const [, bits] = BITS.exec(text) ?? []
  return bits !== undefined ? `${bits}bit` : CHARSET.test(word) ? '8bit' : word
}

const PROPER = /^(?:|7bit|8bit|binary|base64|quoted-printable)$/
const BITS = /^"?([78])[ -]?bits?"?(?:[ \t]|$)/i
const CHARSET = /^"?(?:utf-?8|us-ascii|iso-8859-\d{1,2}|windows-125\d)"?$/

const unbroken = (value: string): string => (/[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value)

interface Parameter {
  readonly name: string
  /** Absent where no `=` came. */
  readonly value?: string
  /** Where the next semicolon stands, or the end of all. */
  readonly end: number
}

const readParameter = (text: string, from: number): Parameter => {
  const nameAt = skipBlanks(text, from)
  NAME.lastIndex = nameAt
  const name = NAME.exec(text)?.[0] ?? ''
  const equals = skipBlanks(text, nameAt + name.length)
  if (text[equals] !== '=') return { name, end: untilSemicolon(text, equals)[1] }
  const valueAt = skipBlanks(text, equals + 1)
  QUOTED.lastIndex = valueAt
  const quoted = QUOTED.exec(text)
  if (quoted === null) {
    const [value, end] = untilSemicolon(text, valueAt)
    return { name, value, end }
  }
  const [, content = ''] = quoted
  const value = content.includes('\\') ? content.replace(/\\(.)/gs, '$1') : content
  return { name, value, end: untilSemicolon(text, valueAt + quoted[0].length)[1] }
}

/** What stands before the next semicolon, comments left out and trimmed, and where that semicolon is. */
const untilSemicolon = (text: string, from: number): [string, number] => {
  let at = plainUntil(text, from)
  if (text[at] !== '(') return [trimmed(text.slice(from, at)), at]
  const pieces = [text.slice(from, at)]
  while (text[at] === '(') {
    const start = afterComment(text, at)
    at = plainUntil(text, start)
    pieces.push(text.slice(start, at))
  }
  return [trimmed(pieces.join(' ')), at]
}

/** Where the next semicolon or parenthesis stands. */
const plainUntil = (text: string, from: number): number => {
  let at = from
  while (at < text.length && text[at] !== ';' && text[at] !== '(') at++
  return at
}

/** Not trim(): to it, the last octet of a UTF-8 à is white space. */
const trimmed = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t'

const skipBlanks = (text: string, from: number): number => {
  let at = from
  for (;;) {
    if (isBlank(text[at])) at++
    else if (text[at] === '(') at = afterComment(text, at)
    else return at
  }
}

/** Behind the comment that begins at `from`, comments within it included; one without an end is all of the rest. */
export const afterComment = (text: string, from: number): number => {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const character = text[at]
    if (character === '\\') at++
    else if (character === '(') depth++
    else if (character === ')' && --depth === 0) return at + 1
  }
  return text.length
}

interface Section {
  readonly number: number
  readonly extended: boolean
  readonly value: string
}

/** Sections in the order of their numbers, up to the first that is missing (RFC 2231 section 3), as octets. */
const together = (all: readonly Section[]): string => {
  const byNumber = new Map<number, Section>()
  for (const section of all) if (!byNumber.has(section.number)) byNumber.set(section.number, section)
  const pieces: string[] = []
  for (let number = 0; ; number++) {
    const section = byNumber.get(number)
    if (!section) return pieces.join('')
    const bare = section.extended && number === 0 ? section.value.replace(/^[^']*'[^']*'/, '') : section.value
    pieces.push(
      section.extended
        ? bare.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
        : bare,
    )
  }
}
