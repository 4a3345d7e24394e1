import type { Reply } from '../../src/mail/reply.ts'

export type Read = Reply | 'bad'

/**
 * Replies read one octet after the other, by someone who trusts no library: for comparison with the real reader. The
 * text has one character per octet and ends with a CRLF. Ends at the first thing that is no reply.
 */
export const readSlowly = (text: string): Read[] => {
  const found: Read[] = []
  let lines: string[] = []
  let line = ''
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '\r' || text[at + 1] !== '\n') {
      line += text[at]
      continue
    }
    at += 1
    const kind = kindOf(line)
    if (kind === 'bad') return [...found, 'bad']
    if (kind !== 'information') {
      if (lines[0] !== undefined && lines[0].slice(0, 3) !== line.slice(0, 3)) return [...found, 'bad']
      lines.push(line)
      if (kind === 'last') {
        found.push(whole(lines))
        lines = []
      }
    }
    line = ''
  }
  return found
}

const digit = (char: string | undefined): number => {
  const at = '0123456789'.indexOf(char ?? 'x')
  return char === undefined || char === '' ? -1 : at
}

const kindOf = (line: string): 'bad' | 'information' | 'more' | 'last' => {
  for (const char of line) if (char === '\r' || char === '\n') return 'bad'
  const first = digit(line[0])
  if (first < 0 || digit(line[1]) < 0 || digit(line[2]) < 0) return 'bad'
  const fourth = line[3]
  if (fourth !== undefined && fourth !== ' ' && fourth !== '-') return 'bad'
  if (first === 0) return 'information'
  if (first === 1 || first > 5) return 'bad'
  return fourth === '-' ? 'more' : 'last'
}

const whole = (lines: readonly string[]): Reply => {
  const code = digit(lines[0]?.[0]) * 100 + digit(lines[0]?.[1]) * 10 + digit(lines[0]?.[2])
  const texts = lines.map((line) => clean(line.slice(4)))
  let status = ''
  for (const text of texts) if (status === '') status = statusOf(text, code)
  return {
    code,
    status,
    lines: texts.map((text) => (status !== '' && statusOf(text, code) === status ? cut(text) : text)),
  }
}

const cut = (text: string): string => {
  let at = 0
  while (at < text.length && text[at] !== ' ') at += 1
  while (text[at] === ' ') at += 1
  return text.slice(at)
}

/** Empty when the text does not begin with one of the code's class. */
const statusOf = (text: string, code: number): string => {
  const word = text.split(' ')[0] ?? ''
  const parts = word.split('.')
  if (parts.length !== 3 || parts[0] !== String(Math.floor(code / 100)) || !'245'.includes(parts[0])) return ''
  for (const part of parts) {
    if (part.length < 1 || part.length > 3) return ''
    for (const char of part) if (digit(char) < 0) return ''
  }
  return word
}

const clean = (octets: string): string => {
  const bytes = Buffer.from(octets, 'latin1')
  const utf8 = bytes.toString('utf8')
  const text = Buffer.from(utf8, 'utf8').equals(bytes) ? utf8 : octets
  let out = ''
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0
    out += point < 32 || (point >= 127 && point < 160) ? ' ' : char
  }
  return out
}
