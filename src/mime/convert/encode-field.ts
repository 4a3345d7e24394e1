import { isUtf8 } from 'node:buffer'
import { readContentType, readTransferEncoding } from '../content-type.ts'
import { type FieldOctets, FieldText } from './field-text.ts'
import { folded } from './folding.ts'
import { writeParameters } from './parameters.ts'
import { type ConversionRules, Unconvertible } from './rules.ts'
import { writeAddresses, writePhrases, writeTokens } from './structured.ts'
import type { WordCharset } from './words.ts'

/** Lines with encoded words (RFC 2047 section 2), and lines that had to be folded (RFC 5322 2.1.1). */
const WITH_WORDS = 76
const WIDTH = 78

const ADDRESSES =
  /^(?:(?:resent-)?(?:from|sender|reply-to|to|cc|bcc)|return-path|errors-to|apparently-to|delivered-to|disposition-notification-to|return-receipt-to|mail-(?:followup|reply)-to)$/
const MIME = /^(?:mime-version|content-(?:type|disposition|transfer-encoding))$/i
const PHRASES = /^(?:keywords|list-id)$/
const PARAMETERS = /^content-(?:type|disposition)$/
const TOKENS =
  /^(?:received|(?:resent-)?(?:message-id|date)|in-reply-to|references|mime-version|content-(?:id|transfer-encoding|language|md5|duration))$/

/** Whether a field has to be written anew for its octets: a long line alone is no reason. */
export const hasForbiddenOctets = (raw: string, rules: ConversionRules): boolean =>
  (rules.header === 'ascii' ? /[\0\x80-\xff]|\r(?!\n)|(?<!\r)\n/ : /\0|\r(?!\n)|(?<!\r)\n/).test(raw)

/**
 * A field that the hop can take, from one with any octets and lines: encoded words in texts and phrases (RFC 2047),
 * extended parameters (RFC 2231), folding. `raw` is the field with its name and line ends, one character per octet;
 * `name` is '' for a line of the header that is no field. Unchanged where nothing is amiss. Throws Unconvertible.
 */
export const encodeField = (name: string, raw: string, rules: ConversionRules): string => {
  if (!hasForbiddenOctets(raw, rules)) return folded(raw, { above: rules.maxLine, width: WIDTH, limit: rules.maxLine })
  if (/(?<!\r)\n/.test(raw)) throw new Unconvertible('5.6.3', 'A line feed without carriage return in the header')
  const utf8 = /[\x80-\xff]/.test(raw) && isUtf8(Buffer.from(raw, 'latin1'))
  const written = writeField(name, raw, rules, utf8)
  // Only now: a UTF-8 address is told as such, whatever else is in the field. A line that is no field is none of RFC 6532's.
  if (utf8 && name !== '' && rules.header === 'ascii' && rules.utf8Headers === 'refuse') {
    throw new Unconvertible('5.6.9', `UTF-8 in the header, field ${name.slice(0, 60)}`)
  }
  const width = Math.min(WITH_WORDS, rules.maxLine)
  const fit = folded(written, { above: width, width, limit: rules.maxLine })
  demandSameReading(name, raw, fit)
  return fit
}

/**
 * What is odd in a field may, once it is encoded, stand where it makes another one of it. Throws Unconvertible where its
 * reader would look for other parts than before, or decode otherwise.
 */
const demandSameReading = (name: string, before: string, after: string): void => {
  const read = READINGS[name.toLowerCase()]
  if (read === undefined || read(bodyOf(before)) === read(bodyOf(after))) return
  throw new Unconvertible('5.6.3', `The field ${name} would say something else once its octets above 127 are encoded`)
}

const bodyOf = (field: string): string => field.slice(field.indexOf(':') + 1).replace(/\r\n$/, '')

/** What depends on a field. A type that is not ASCII is an unknown one before and after. */
const READINGS: Readonly<Record<string, (value: string) => string>> = {
  'content-type': (value) => {
    const { type, parameters, cut } = readContentType(value)
    const [kind = '', subtype = ''] = type.split('/', 2)
    const known = /[\x80-\xff]|=\?/.test(subtype) ? '' : subtype
    const said = (name: string) => (parameters.has(name) ? [parameters.get(name)] : [])
    return JSON.stringify([kind, known, said('charset'), kind === 'multipart' ? [cut, said('boundary')] : []])
  },
  'content-transfer-encoding': (value) => {
    const encoding = readTransferEncoding(value)
    return /[\x80-\xff]|=\?/.test(encoding) ? '' : encoding
  },
}

const writeField = (name: string, raw: string, rules: ConversionRules, utf8: boolean): string => {
  const forbidden = rules.header === 'ascii' ? /[\0\r\x80-\xff]/ : /[\0\r]/
  const octets: FieldOctets = {
    isDirty: (text: string) => forbidden.test(text.includes('\r\n') ? text.replaceAll('\r\n', '') : text),
    charset: (text: string): WordCharset => (!/[\x80-\xff]/.test(text) ? 'us-ascii' : utf8 ? 'utf-8' : 'unknown-8bit'),
  }
  const lineEnd = raw.endsWith('\r\n') ? '\r\n' : ''
  // Readers do not agree what these say then, and everything depends on it.
  if (MIME.test(name) && /\0|\r(?!\n)/.test(raw)) {
    throw new Unconvertible('5.6.3', `A control character in the header, field ${name}`)
  }
  const colon = name === '' ? 0 : raw.indexOf(':') + 1
  const out = new FieldText(raw.slice(0, colon), octets)
  const value = raw.slice(colon, raw.length - lineEnd.length)
  const kind = name.toLowerCase()
  if (kind === '') writeLines(value, out, octets)
  else if (ADDRESSES.test(kind)) writeAddresses(value, out, octets)
  else if (PHRASES.test(kind)) writePhrases(value, out, octets)
  else if (PARAMETERS.test(kind)) writeParameters(value, out, octets)
  else if (TOKENS.test(kind)) writeTokens(value, out, octets)
  else out.text(value)
  return `${out}${lineEnd}`
}

/** Lines that are no field: all of a line is encoded, so that no colon makes a field of it. */
const writeLines = (value: string, out: FieldText, octets: FieldOctets): void => {
  for (const [index, line] of value.split('\r\n').entries()) {
    const space = /^[ \t]*/.exec(line)?.[0] ?? ''
    out.literal(`${index === 0 ? '' : '\r\n'}${space}`)
    if (octets.isDirty(line)) out.encoded(line.slice(space.length))
    else out.literal(line.slice(space.length))
  }
}
