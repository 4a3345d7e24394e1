import iconv from 'iconv-lite'
import { equals, type Filter, wordsOf } from '../../mail/features/filter.ts'
import { readContentType } from '../content-type.ts'
import { CannotConvert, type ContentConverter, type PartConverter } from './content-converter.ts'
import { type ContentForm, withFeature } from './form.ts'

/** Charsets that are tried for one content, and names that are looked up for it, at most. */
const MOST = 16
const MOST_NAMES = 64
/** Names of which it is remembered whether the library knows them: it takes long to find out. */
const MOST_KNOWN = 1000

/** Encodings of the library that are no charsets of mail. */
const NO_CHARSET = /^(?:base64|hex|binary|ucs2|utf7imap|cesu8)$/i
/** Charsets in which a line of text is not a line of octets. */
const NOT_IN_LINES = /^(?:utf-?(?:7|16|32)|ucs|csucs|unicode|utf7)/i

const CHARSET = /(;[ \t]*charset[ \t]*=[ \t]*)(?:"(?:[^"\\]|\\.)*"|[^;" \t()]+)/i

/** Text in another charset, character for character: where one would be lost, the charset is none for it. */
export const charsetConverter = (): ContentConverter => {
  const known = new Map<string, boolean>()
  const isKnown = (charset: string): boolean => {
    const is = known.get(charset) ?? isWritten(charset)
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(charset, is)
    return is
  }
  return {
    name: 'charset',
    targets(from, wanted) {
      if (!from.type.startsWith('text/') || from.charset === undefined || decoderOf(from.charset) === undefined)
        return []
      const named = wanted.flatMap((filter: Filter) => [...wordsOf(filter, 'charset')])
      const all = new Set(['utf-8', ...named.slice(0, MOST_NAMES - 3), 'us-ascii', 'iso-8859-1'])
      return [...all]
        .filter((charset) => charset !== from.charset && isKnown(charset))
        .slice(0, MOST)
        .flatMap((charset) => inCharset(from, charset))
    },
    open: (from, to) => new CharsetConversion(from.charset ?? '', to.charset ?? ''),
  }
}

const isWritten = (charset: string): boolean =>
  !NOT_IN_LINES.test(charset) && !NO_CHARSET.test(charset) && iconv.encodingExists(charset)

const inCharset = (from: ContentForm, charset: string): ContentForm[] => {
  const said = from.contentType
  const contentType =
    said === ''
      ? `text/plain; charset=${charset}`
      : CHARSET.test(said)
        ? said.replace(CHARSET, (_, before: string) => `${before}${charset}`)
        : `${said.replace(/[; \t]+$/, '')}; charset=${charset}`
  // A parameter in sections, a comment in the wrong place: where we would not be understood, we do not speak.
  const read = readContentType(contentType)
  if (!/^[ -~]*$/.test(contentType) || read.parameters.get('charset') !== charset || read.type !== from.type) return []
  return [
    {
      type: from.type,
      charset,
      contentType,
      features: withFeature(from.features, 'charset', equals('charset', charset)),
    },
  ]
}

interface Decoder {
  write(octets: Buffer): string
  end(): string | undefined
}

/** Undefined: nobody here can read it. */
const decoderOf = (charset: string): Decoder | undefined => {
  if (NO_CHARSET.test(charset)) return undefined
  if (iconv.encodingExists(charset)) return iconv.getDecoder(charset)
  try {
    // It knows what is not one code for one character: ISO-2022-JP.
    const decoder = new TextDecoder(charset)
    return { write: (octets) => decoder.decode(octets, { stream: true }), end: () => decoder.decode() }
  } catch {
    return undefined
  }
}

class CharsetConversion implements PartConverter {
  readonly #from: string
  readonly #to: string
  readonly #decoder: Decoder
  readonly #encoder: ReturnType<typeof iconv.getEncoder>
  /** Reads back what was written: the only way to know that nothing was lost. */
  readonly #reader: Decoder
  /** Written, and not read back yet. */
  #unread = ''

  constructor(from: string, to: string) {
    const decoder = decoderOf(from)
    const reader = decoderOf(to)
    if (decoder === undefined || reader === undefined || !iconv.encodingExists(to)) {
      throw new CannotConvert(`Text in ${from} cannot be written in ${to}`)
    }
    this.#from = from
    this.#to = to
    this.#decoder = decoder
    this.#encoder = iconv.getEncoder(to)
    this.#reader = reader
  }

  write(octets: Uint8Array): Uint8Array {
    return this.#encoded(this.#decoder.write(Buffer.from(octets)))
  }

  end(): Uint8Array {
    const last = this.#encoded(this.#decoder.end() ?? '')
    const rest = this.#encoder.end() ?? Buffer.alloc(0)
    this.#readBack(rest)
    this.#compare(this.#reader.end() ?? '')
    if (this.#unread !== '') this.#lost()
    return Buffer.concat([last, rest])
  }

  #encoded(text: string): Uint8Array {
    if (text.includes('\ufffd'))
      throw new CannotConvert(`Text that is called ${this.#from} has octets that are none of it`)
    const octets = this.#encoder.write(text)
    this.#unread += text
    this.#readBack(octets)
    return octets
  }

  #readBack(octets: Buffer): void {
    this.#compare(this.#reader.write(octets))
  }

  #compare(text: string): void {
    if (!this.#unread.startsWith(text)) this.#lost()
    this.#unread = this.#unread.slice(text.length)
  }

  #lost(): never {
    throw new CannotConvert(`The text has characters that ${this.#to} has not`)
  }
}
