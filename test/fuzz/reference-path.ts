import type { Address } from '../../src/mail/address.ts'
import { aLabels } from '../../src/mail/idna.ts'

/** Beyond ASCII, and neither a control character nor half of a pair. */
const isBeyond = (c: string): boolean => c >= '\xa0' && !/^[\ud800-\udfff]$/.test(c)

const isLetDig = (c: string): boolean => /^[A-Za-z0-9_]$/.test(c) || isBeyond(c)
const isAtext = (c: string): boolean => /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]$/.test(c) || isBeyond(c)

/** RFC 5321 4.1.2 read character by character, without a thought for speed. Undefined: no path. */
export const referencePath = (text: string): { path: Address | null; rest: string } | undefined => {
  const chars = [...text]
  let at = 0
  const eat = (c: string): boolean => chars[at] === c && ++at > 0
  const label = (): string | undefined => {
    let word = ''
    while (at < chars.length && (isLetDig(chars[at] ?? '') || chars[at] === '-')) word += chars[at++]
    // Greedy as the grammar is, a label does not end with a hyphen: give hyphens back.
    while (word.endsWith('-')) {
      word = word.slice(0, -1)
      at--
    }
    return word === '' || word.startsWith('-') ? undefined : word
  }
  const name = (): string | undefined => {
    const first = label()
    if (first === undefined) return undefined
    const labels = [first]
    while (chars[at] === '.') {
      const before = at++
      const next = label()
      if (next === undefined) {
        at = before
        break
      }
      labels.push(next)
    }
    return labels.join('.')
  }
  const literal = (): string | undefined => {
    const start = at
    if (!eat('[')) return undefined
    while (at < chars.length && chars[at] !== ']') at++
    if (!eat(']')) return undefined
    const whole = chars.slice(start, at).join('')
    const inner = whole.slice(1, -1)
    const v4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(inner) && inner.split('.').every((part) => Number(part) <= 255)
    const v6 = /^IPv6:[0-9A-Fa-f:.]{2,45}$/.test(inner)
    const general = /^[A-Za-z0-9-]*[A-Za-z0-9]:[!-Z^-~]+$/.test(inner)
    return v4 || v6 || general ? whole : undefined
  }
  const domain = (): string | undefined => {
    const found = chars[at] === '[' ? literal() : name()
    if (found === undefined || Buffer.byteLength(found) > 255) return undefined
    if (found.startsWith('[')) return found
    // Which labels are U-labels has tests of its own.
    if (!/^[\0-\x7f]*$/.test(found) && aLabels(found) === undefined) return undefined
    return found.split('.').every((part) => part.length <= 63) ? found : undefined
  }
  const route = (): void => {
    const start = at
    do {
      if (!eat('@') || name() === undefined) {
        at = start
        return
      }
    } while (eat(','))
    if (!eat(':')) at = start
  }
  const local = (): string | undefined => {
    if (eat('"')) {
      let word = ''
      for (;;) {
        const c = chars[at++]
        if (c === undefined) return undefined
        if (c === '"') return word
        if (c === '\\') {
          const escaped = chars[at++]
          if (escaped === undefined || !/^[ -~]$/.test(escaped)) return undefined
          word += escaped
        } else if (/^[ !#-[\]-~]$/.test(c) || isBeyond(c)) word += c
        else return undefined
      }
    }
    let word = ''
    for (;;) {
      let atom = ''
      while (at < chars.length && isAtext(chars[at] ?? '')) atom += chars[at++]
      if (atom === '') {
        if (word === '') return undefined
        at--
        return word.slice(0, -1)
      }
      word += atom
      if (!eat('.')) return word
      word += '.'
    }
  }
  if (!eat('<')) return undefined
  if (eat('>')) return { path: null, rest: chars.slice(at).join('') }
  route()
  const who = local()
  if (who === undefined || Buffer.byteLength(who) > 64) return undefined
  let where: string | undefined = ''
  if (eat('@')) where = domain()
  else if (who.toLowerCase() !== 'postmaster') return undefined
  if (where === undefined || !eat('>')) return undefined
  if (Buffer.byteLength(chars.slice(0, at).join('')) > 256) return undefined
  return { path: { local: who, domain: where }, rest: chars.slice(at).join('') }
}
