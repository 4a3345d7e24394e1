const NAME = /^[!-9;-~]+$/
/** RFC 5322 2.1.1: octets of a line at most, CRLF not counted, and how many there should be at most. */
const MUST = 998
const SHOULD = 78

/**
 * A field ready to be sent, its CRLF included, folded where white space allows. `value` has one character per octet; it
 * may be folded already and needs no leading space. Throws an Error when name or value cannot stand in a header: a
 * name that is no ftext (RFC 5322 3.6.8), CR or LF outside folding, NUL, a word longer than a line.
 */
export const foldField = (name: string, value: string): string => {
  if (!NAME.test(name) || name.length > 76) throw new Error(`Not a field name: ${JSON.stringify(name)}`)
  // A folded line of nothing but white space would look like the end of the header to some.
  const text = value.replace(/(?:\r\n[ \t]+)+(?=\r\n[ \t]|$)/g, '')
  if (/\0|[^\0-\xff]|\r(?!\n[ \t])|(?<!\r)\n/.test(text)) throw new Error(`Not the value of a field: ${name}`)
  const lines = `${name}:${/^(?:[ \t]|\r\n|$)/.test(text) ? '' : ' '}${text}`.split('\r\n').flatMap(foldLine)
  if (lines.some((line) => line.length > MUST)) throw new Error(`A line longer than ${MUST} octets: ${name}`)
  return `${lines.join('\r\n')}\r\n`
}

/** Cuts before white space that has something on both sides; the white space begins the next line. */
const foldLine = (line: string): string[] => {
  const lines: string[] = []
  let start = 0
  let cut = 0
  if (line.length > SHOULD) {
    for (const gap of line.matchAll(/(?<=[^ \t:])[ \t]+(?=[^ \t])/g)) {
      if (gap.index - start > SHOULD && cut > start) {
        lines.push(line.slice(start, cut))
        start = cut
      }
      cut = gap.index
    }
    if (line.length - start > SHOULD && cut > start) {
      lines.push(line.slice(start, cut))
      start = cut
    }
  }
  lines.push(line.slice(start))
  return lines
}
