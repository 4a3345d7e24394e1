import { foldField } from './fold.ts'
import { asBuffer } from './octets.ts'

/**
 * A header as raw octets, the empty line that ends it included, and, found on demand, its fields. One character per
 * octet in names and values (ISO 8859-1).
 */
export interface Header {
  readonly raw: Uint8Array
  /** Without a gap: lines that are no field stand among them under an empty name. */
  readonly fields: readonly Field[]
  /** The values of a field, unfolded and trimmed, topmost first; the name in any case. */
  values(name: string): readonly string[]
}

export interface Field {
  readonly name: string
  /** Folded as it stands, after the colon, without the last CRLF. */
  readonly value: string
  /** Where the field stands in `raw`, its last CRLF included. */
  readonly start: number
  readonly end: number
}

/**
 * `nth` counts from 1 at the top, in the header as it came, whatever other edits do. Without it, `remove` takes every
 * field of that name and `replace` leaves just one. A field to replace that is not there is added; one to remove is not
 * missed. `add` puts the field on top. A value holds no CR or LF but in folding.
 */
export type HeaderEdit =
  | { readonly field: 'add'; readonly name: string; readonly value: string }
  | { readonly field: 'replace'; readonly name: string; readonly nth?: number; readonly value: string }
  | { readonly field: 'remove'; readonly name: string; readonly nth?: number }

const CR = 13
const LF = 10
const EMPTY_LINE = Buffer.from('\r\n\r\n')

// White space before the colon is RFC 5322's obsolete syntax, and met.
const NAME = /([!-9;-~]+)[ \t]*:/y

/**
 * The header that begins `raw`, up to and with its first empty line; all of `raw` when there is none. Never throws:
 * what is no field is kept as it is.
 */
export const readHeader = (raw: Uint8Array): Header => new LazyHeader(raw)

/** One line out of a folded value, trimmed. Never holds CR or LF: a stray one becomes a space. */
export const unfold = (value: string): string =>
  value
    .replace(/\r\n(?=[ \t])/g, '')
    .replace(/[\r\n]/g, ' ')
    // Not trim(): to it, the last octet of a UTF-8 à is white space.
    .replace(/^[ \t]+/, '')
    .replace(/(?<![ \t])[ \t]+$/, '')

/**
 * What must come between fields put on top and this header: an empty line where it begins with white space, which would
 * continue the field above, or has no field at all, being text without a header. Otherwise nothing.
 */
export const separator = (header: Header): '' | '\r\n' => {
  const [first] = header.fields
  if (first === undefined) return ''
  const continues = first.name === '' && /^[ \t]/.test(first.value)
  return continues || header.fields.every((field) => field.name === '') ? '\r\n' : ''
}

/**
 * The header anew, untouched fields octet for octet. New values are folded (RFC 5322 2.1.1). Throws an Error for a name
 * or value that cannot stand in a header.
 */
export const applyEdits = (header: Header, edits: readonly HeaderEdit[]): Uint8Array => {
  const added: string[] = []
  // What stands in a field's place; an empty text for one that is removed.
  const changed = new Map<Field, string>()
  for (const edit of edits) {
    const text = edit.field === 'remove' ? '' : foldField(edit.name, edit.value)
    const met = edit.field === 'add' ? [] : named(header, edit.name, edit.nth)
    for (const [index, field] of met.entries()) changed.set(field, index === 0 ? text : '')
    if (met.length === 0 && text !== '') added.unshift(text)
  }
  const top = added.length === 0 ? '' : added.join('') + separator(header)
  const pieces: Uint8Array[] = [Buffer.from(top, 'latin1')]
  let kept = 0
  for (const field of header.fields) {
    const text = changed.get(field)
    if (text === undefined) continue
    pieces.push(header.raw.subarray(kept, field.start), Buffer.from(text, 'latin1'))
    kept = field.end
  }
  pieces.push(header.raw.subarray(kept))
  return Buffer.concat(pieces)
}

const named = (header: Header, name: string, nth: number | undefined): readonly Field[] => {
  const all = header.fields.filter((field) => field.name.toLowerCase() === name.toLowerCase())
  return nth === undefined ? all : all.slice(nth - 1, nth)
}

class LazyHeader implements Header {
  readonly raw: Uint8Array
  #fields: readonly Field[] | undefined
  #byName: ReadonlyMap<string, readonly Field[]> | undefined

  constructor(raw: Uint8Array) {
    const octets = asBuffer(raw)
    const end = octets[0] === CR && octets[1] === LF ? 2 : octets.indexOf(EMPTY_LINE) + 4
    this.raw = end === 3 || end === octets.length ? octets : octets.subarray(0, end)
  }

  get fields(): readonly Field[] {
    this.#fields ??= scan(asBuffer(this.raw).toString('latin1'))
    return this.#fields
  }

  values(name: string): readonly string[] {
    this.#byName ??= Map.groupBy(this.fields, (field) => field.name.toLowerCase())
    return (this.#byName.get(name.toLowerCase()) ?? []).map((field) => unfold(field.value))
  }
}

const scan = (text: string): Field[] => {
  const fields: Field[] = []
  for (let start = 0; start < text.length && !text.startsWith('\r\n', start); ) {
    const end = endOfField(text, start)
    NAME.lastIndex = start
    const match = NAME.exec(text)
    const valueAt = match ? start + match[0].length : start
    const valueEnd = text.startsWith('\r\n', end - 2) && end - 2 >= valueAt ? end - 2 : end
    fields.push({ name: match?.[1] ?? '', value: text.slice(valueAt, valueEnd), start, end })
    start = end
  }
  return fields
}

/** After the CRLF that no white space follows. */
const endOfField = (text: string, start: number): number => {
  for (let from = start; ; ) {
    const line = text.indexOf('\r\n', from)
    if (line < 0) return text.length
    const next = text[line + 2]
    if (next !== ' ' && next !== '\t') return line + 2
    from = line + 2
  }
}
