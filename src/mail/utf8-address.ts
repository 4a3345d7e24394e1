/** HEXPOINT of RFC 6533 section 3, in braces behind `\x`: what stands for a character that may not stand itself. */
const POINT =
  '[01][1-9]|10|20|2B|3D|7F|5C|[89A-F][0-9A-F]|[1-9A-F][0-9A-F]{2}|[1-9A-CEF][0-9A-F]{3}|D[0-7][0-9A-F]{2}|[1-9A-F][0-9A-F]{4}|10[0-9A-F]{4}'
const EMBEDDED = new RegExp(`\\\\x\\{(${POINT})\\}`, 'giu')
const ENCODED = new RegExp(`^(?:[!-*,-<>-[\\]-~\\u{a0}-\\u{10ffff}]|\\\\x\\{(?:${POINT})\\})+$`, 'iu')

const embedded = (c: string): string => `\\x{${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}}`

/**
 * The address that an utf-8-addr-xtext or utf-8-addr-unitext stands for (RFC 6533 section 3). Undefined when the text is
 * neither, or stands for control characters, which no address has.
 */
export const fromUnitext = (text: string): string | undefined => {
  if (!ENCODED.test(text)) return undefined
  const plain = text.replace(EMBEDDED, (_, point: string) => String.fromCodePoint(Number.parseInt(point, 16)))
  return /[\p{Cc}\p{Cs}]/u.test(plain) ? undefined : plain
}

/** An address, in clear, as utf-8-addr-xtext: the one form of RFC 6533 section 3 that is ASCII. */
export const toUtf8Xtext = (address: string): string => address.replace(/[^!-*,-<>-[\]-~]/gu, embedded)

/** One of the three forms as utf-8-addr-xtext; what is none of them stays, but for what is not ASCII. */
export const asUtf8Xtext = (text: string): string => {
  const plain = fromUnitext(text)
  return plain === undefined ? text.replace(/[^ -~]/gu, embedded) : toUtf8Xtext(plain)
}
