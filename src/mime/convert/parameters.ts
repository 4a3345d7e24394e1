import { afterComment, QUOTED } from '../content-type.ts'
import type { FieldOctets, FieldText } from './field-text.ts'
import { lex, matched, meaning } from './lexer.ts'
import { Unconvertible } from './rules.ts'
import type { WordCharset } from './words.ts'

/** What stands between two semicolons. Put together again, the texts are what was read. */
interface Segment {
  /** White space and comments before the name; all, where it is no parameter. */
  readonly before: string
  readonly name?: string
  /** With white space around it. */
  readonly equals?: string
  /** As it stands. */
  readonly value?: string
  /** White space and comments behind it, and what else may stand behind a quoted one. */
  readonly after?: string
}

type Parameter = Required<Segment>

/** RFC 2231: `name*1*` is the second section of `name`, and an extended one. */
interface Section {
  readonly base: string
  readonly number: string
  readonly extended: boolean
}

/** Of a value that is written anew as one parameter, its name and folding included. */
const LINE = 74
/** Of a name that leaves a section room for some of the value: a field has fewer than 100,000 sections. */
const LONGEST_NAME = LINE - 32 - '*99999*='.length
/** Of a value that cannot be cut: with what stands before it, a line that every host takes. */
const LONG_LINE = 900

/**
 * What stands in Content-Type and Content-Disposition (RFC 2045 5.1): values of parameters that cannot stay become
 * extended ones (RFC 2231). Throws Unconvertible for a boundary that would have to change.
 */
export const writeParameters = (value: string, out: FieldText, octets: FieldOctets): void => {
  const semicolon = untilSemicolon(value, 0)
  const segments = readSegments(value, semicolon)
  const charsets = charsetsOfDirty(segments, octets)
  writeType(value.slice(0, semicolon), out, octets)
  for (const segment of segments) {
    out.literal(';')
    const charset = isParameter(segment) ? charsets.get(sectionOf(segment.name).base) : undefined
    const written = charset && isParameter(segment) && extended(segment, charset, octets)
    if (!written) {
      const { before, name = '', equals = '', value = '', after = '' } = segment
      writeOther(`${before}${name}${equals}${value}${after}`, out, octets)
    } else {
      writeOther(segment.before, out, octets)
      out.literal(written)
      writeOther(segment.after ?? '', out, octets)
    }
  }
}

const isParameter = (segment: Segment): segment is Parameter => segment.value !== undefined

const BLANKS = /(?:[ \t]|\r\n)+/y
const NAME = /[^=;( \t\r\n]*/y

/** As `readContentType` finds them. */
const readSegments = (text: string, from: number): Segment[] => {
  const segments: Segment[] = []
  for (let at = from; at < text.length; ) {
    const nameAt = skipBlanks(text, at + 1)
    const before = text.slice(at + 1, nameAt)
    const name = matched(NAME, text, nameAt)
    const equals = skipBlanks(text, nameAt + name.length)
    if (text[equals] === '=') {
      const valueAt = skipBlanks(text, equals + 1)
      const quoted = matched(QUOTED, text, valueAt)
      const end = untilSemicolon(text, valueAt + quoted.length)
      const value = quoted || unquoted(text.slice(valueAt, end))
      const after = text.slice(valueAt + value.length, end)
      segments.push({ before, name, equals: text.slice(nameAt + name.length, valueAt), value, after })
      at = end
    } else {
      const end = untilSemicolon(text, equals)
      segments.push({ before: text.slice(at + 1, end) })
      at = end
    }
  }
  return segments
}

/** Where the next one stands that is in no comment. */
const untilSemicolon = (text: string, from: number): number => {
  let at = from
  while (at < text.length && text[at] !== ';') at = text[at] === '(' ? afterComment(text, at) : at + 1
  return at
}

const skipBlanks = (text: string, from: number): number => {
  let at = from
  for (;;) {
    const end = text[at] === '(' ? afterComment(text, at) : at + matched(BLANKS, text, at).length
    if (end === at) return at
    at = end
  }
}

/** Without what stands behind it: white space, and comments unless more of the value follows. */
const unquoted = (text: string): string => {
  const comment = text.indexOf('(')
  const end = comment >= 0 && skipBlanks(text, comment) === text.length ? comment : text.length
  let at = end
  while (at > 0 && /[ \t\r\n]/.test(text[at - 1] ?? '')) at--
  return text.slice(0, at)
}

const sectionOf = (name: string): Section => {
  const [, base = name, number = '', star] = /^([^*]+)(\*\d{1,9})?(\*)?$/.exec(name) ?? []
  return { base: base.toLowerCase(), number, extended: star !== undefined }
}

/** By the parameter's name without section: one charset for all its sections. */
const charsetsOfDirty = (segments: readonly Segment[], octets: FieldOctets): ReadonlyMap<string, WordCharset> => {
  const values = new Map<string, string>()
  for (const one of segments) {
    if (!isParameter(one) || octets.isDirty(one.name)) continue
    const { base } = sectionOf(one.name)
    values.set(base, `${values.get(base) ?? ''}${one.value}`)
  }
  return new Map(
    [...values].flatMap(([base, value]) => (octets.isDirty(value) ? [[base, octets.charset(value)] as const] : [])),
  )
}

/** Undefined where the parameter can stay as it is. */
const extended = (parameter: Parameter, charset: WordCharset, octets: FieldOctets): string | undefined => {
  const section = sectionOf(parameter.name)
  if (section.base === 'boundary') throw new Unconvertible('5.6.3', 'The boundary of a multipart is not ASCII')
  // A backslash without quotes is one of a path.
  const value = parameter.value.startsWith('"') ? meaning(parameter.value) : parameter.value.replaceAll('\r\n', '')
  // Of one in sections all have to change: the first tells the charset.
  if (!octets.isDirty(parameter.value) && (section.extended || section.number === '')) return undefined
  if (section.extended) {
    return `${parameter.name}=${percentEncoded(value, /[\0-\x20"(),/:;<=>?@[\\\]\x7f-\xff]/g)}`
  }
  const encoded = percentEncoded(value, /[^A-Za-z0-9!#$&+.^_`{|}~-]/g)
  if (section.number !== '')
    return `${parameter.name}*=${/^\*0+$/.test(section.number) ? `${charset}''` : ''}${encoded}`
  const whole = `${parameter.name}*=${charset}''${encoded}`
  return whole.length <= LINE ? whole : continued(parameter.name, `${charset}''${encoded}`)
}

const percentEncoded = (text: string, special: RegExp): string =>
  text.replace(special, (octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)

/** Cut between octets only: the value is put together before it is decoded. Throws Unconvertible. */
const continued = (name: string, value: string): string => {
  // A name that is repeated for a few octets of value each time would make the field grow beyond all measure.
  if (name.length > LONGEST_NAME) {
    const whole = `${name}*=${value}`
    if (whole.length <= LONG_LINE) return whole
    throw new Unconvertible('5.6.3', 'A parameter in the header is not ASCII, and its name too long for RFC 2231')
  }
  const sections: string[] = []
  for (let at = 0; at < value.length; ) {
    const head = `${name}*${sections.length}*=`
    const room = LINE - head.length
    const cut = value.lastIndexOf('%', at + room - 1)
    const end = cut > at + room - 3 && cut > at ? cut : at + room
    sections.push(`${head}${value.slice(at, end)}`)
    at = end
  }
  return sections.join(';\r\n ')
}

/** What stands before the slash decides how a part is read, and stays apart. */
const writeType = (text: string, out: FieldText, octets: FieldOctets): void => {
  const slash = text.indexOf('/') + 1
  writeOther(text.slice(0, slash), out, octets)
  writeOther(text.slice(slash), out, octets)
}

/** What is no parameter, such as the type itself and comments. */
const writeOther = (text: string, out: FieldText, octets: FieldOctets): void => {
  for (const { kind, text: piece } of lex(text, false)) {
    if (kind === 'comment') out.comment(piece)
    else if (octets.isDirty(piece)) out.token(meaning(piece))
    else out.literal(piece)
  }
}
