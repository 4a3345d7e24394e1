/** A header as raw octets and, found on demand, its fields. One character per octet in names and values (ISO 8859-1). */
export interface Header {
  readonly raw: Uint8Array
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

/** `nth` counts from 1 at the top. `add` puts the field on top. A value holds no CR or LF but in folding. */
export type HeaderEdit =
  | { readonly field: 'add'; readonly name: string; readonly value: string }
  | { readonly field: 'replace'; readonly name: string; readonly nth?: number; readonly value: string }
  | { readonly field: 'remove'; readonly name: string; readonly nth?: number }
