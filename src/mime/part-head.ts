import { readContentType, readTransferEncoding } from './content-type.ts'
import { asBuffer, MOST_NAME, owned, shortName } from './octets.ts'

/** What the header of a part, or of a message, says about its body. */
export interface PartHead {
  /** Lower case; text/plain where there is none or it cannot be read; message/rfc822 by default within multipart/digest. */
  readonly type: string
  /** `message`: an enclosed message that is not encoded, to be descended into. What is nested too deeply is a leaf whatever its type. */
  readonly kind: 'leaf' | 'multipart' | 'message'
  /** One character per octet. Of a multipart only; one without is a leaf. */
  readonly boundary?: string
  /** Lower case, as the first Content-Transfer-Encoding field says; '' when there is none. */
  readonly encoding: string
  /** More than one such field, and they do not say the same. */
  readonly encodingConflict: boolean
  /** Of a multipart: its Content-Type goes on beyond what is read, so that it is not known where its parts are. */
  readonly unread?: true
  /** MIME-Version, or any Content-* field, is there. */
  readonly mime: boolean
  readonly charset?: string
}

/** There are parts, or there may be, and they are not looked for: too deep, or behind a Content-Type that is not read to its end. */
export const hidesParts = ({ kind, type, boundary, encoding, encodingConflict, unread }: PartHead): boolean => {
  const message = /^message\/(?:rfc822|global)$/.test(type) && IDENTITY.has(encoding) && !encodingConflict
  return unread === true || (kind === 'leaf' && (boundary !== undefined || message))
}

/**
 * Octets of a boundary at most. RFC 2046 allows 70, and longer ones are met; a multipart with one that is longer still is
 * taken for one without.
 */
export const MAX_BOUNDARY = 1000

/** Octets of a Content-Type field. */
const LONG = 1000
/** Octets of any field in one piece at most. */
const WHOLE = 65_536

const COLON = 58
const IDENTITY = new Set(['', '7bit', '8bit', 'binary'])

/** The name before the colon, as `readHeader` sees it, of which 100 octets are enough; '' when these octets are no field. */
export const fieldName = (raw: Uint8Array): string => {
  let end = 0
  while (isNameOctet(raw[end])) end++
  if (end === 0) return ''
  let colon = end
  while (raw[colon] === 32 || raw[colon] === 9) colon++
  return raw[colon] === COLON ? asBuffer(raw).toString('latin1', 0, Math.min(end, MOST_NAME)) : ''
}

const isNameOctet = (octet: number | undefined): boolean =>
  octet !== undefined && octet > 32 && octet < 127 && octet !== COLON

/** Gathers, field by field, what a header says. */
export class HeadReader {
  #type: string | undefined
  #encoding: string | undefined
  #conflict = false
  #encoded = false
  #mime = false
  #tooLong = false

  /** The first piece will do, where a field comes in several. */
  field(name: string, raw: Uint8Array): void {
    // Most fields are none of these.
    const first = name.charCodeAt(0) | 0x20
    if (first !== 0x63 && first !== 0x6d) return
    const lower = name.toLowerCase()
    if (lower === 'mime-version') this.#mime = true
    if (!lower.startsWith('content-')) return
    this.#mime = true
    if (lower === 'content-type' && this.#type === undefined) {
      this.#type = bodyOf(raw)
      this.#tooLong = raw.length >= WHOLE
    } else if (lower === 'content-transfer-encoding') {
      const encoding = shortName(readTransferEncoding(bodyOf(raw)))
      this.#encoding ??= encoding
      this.#conflict ||= encoding !== this.#encoding
      this.#encoded ||= !IDENTITY.has(encoding)
    }
  }

  /** `usual`: the type where the header names none. */
  end(usual: string, maySplit: boolean): PartHead {
    const { type, parameters, cut } = this.#type === undefined ? none(usual) : readContentType(this.#type)
    const multipart = type.startsWith('multipart/')
    const unread = multipart && (cut || this.#tooLong)
    const boundary = multipart && !unread ? boundaryOf(parameters) : undefined
    const message = (type === 'message/rfc822' || type === 'message/global') && !this.#encoded
    const kind = boundary !== undefined ? 'multipart' : message ? 'message' : 'leaf'
    const charset = parameters.get('charset')
    // The part may be open for long, and of a long field little is worth keeping.
    const kept = this.#type !== undefined && this.#type.length > LONG ? owned : (text: string) => text
    return {
      type: kept(type),
      kind: maySplit ? kind : 'leaf',
      ...(boundary === undefined ? {} : { boundary: kept(boundary) }),
      encoding: this.#encoding ?? '',
      encodingConflict: this.#conflict,
      mime: this.#mime,
      ...(unread ? { unread } : {}),
      ...(charset === undefined ? {} : { charset: shortName(charset) }),
    }
  }
}

const none = (type: string) => ({ type, parameters: new Map<string, string>(), cut: false })

/** Not longer than allowed, without the white space at its end that no boundary has (RFC 2046 5.1.1). */
const boundaryOf = (parameters: ReadonlyMap<string, string>): string | undefined => {
  const boundary = (parameters.get('boundary') ?? '').replace(/(?<![ \t])[ \t]+$/, '')
  return boundary === '' || boundary.length > MAX_BOUNDARY ? undefined : boundary
}

const bodyOf = (raw: Uint8Array): string => {
  const octets = asBuffer(raw)
  const end = octets.at(-1) === 10 && octets.at(-2) === 13 ? octets.length - 2 : octets.length
  return octets.toString('latin1', octets.indexOf(COLON) + 1, end)
}
