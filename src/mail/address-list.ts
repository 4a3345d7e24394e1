/** What a list of addresses in a header field is made of (RFC 5322 3.4, 4.4); comments and white space are dropped. */
type Token = { readonly is: 'word' | 'special'; readonly text: string }

const tokens = function* (value: string): Iterable<Token> {
  for (let at = 0; at < value.length; ) {
    const c = value[at] ?? ''
    if (/\s/.test(c)) {
      at++
    } else if (c === '(') {
      at = commentEnd(value, at)
    } else if (c === '"' || c === '[') {
      const end = closing(value, at, c === '"' ? '"' : ']')
      yield { is: 'word', text: value.slice(at, end) }
      at = end
    } else if ('<>,:;@.'.includes(c)) {
      yield { is: 'special', text: c }
      at++
    } else {
      const word = /^[^\s()<>[\]:;@,."]+/.exec(value.slice(at))?.[0] ?? c
      yield { is: 'word', text: word }
      at += word.length
    }
  }
}

const commentEnd = (value: string, from: number): number => {
  let depth = 0
  for (let at = from; at < value.length; at++) {
    if (value[at] === '\\') at++
    else if (value[at] === '(') depth++
    else if (value[at] === ')' && --depth === 0) return at + 1
  }
  return value.length
}

const closing = (value: string, from: number, end: string): number => {
  for (let at = from + 1; at < value.length; at++) {
    if (value[at] === '\\') at++
    else if (value[at] === end) return at + 1
  }
  return value.length
}

/**
 * The addresses of a To, Cc or Bcc field as texts, without their names; groups are opened, source routes dropped. What is
 * no address comes out as some text that is none: whoever reads it refuses it by name, for dropping it would lose mail.
 */
export const addressesIn = (value: string): readonly string[] => {
  const found: string[] = []
  let bare = ''
  let angled: string | undefined
  let inAngle = false
  const finish = () => {
    const address = angled ?? bare
    if (address !== '') found.push(address)
    bare = ''
    angled = undefined
    inAngle = false
  }
  let glue = true
  for (const { is, text } of tokens(value)) {
    if (inAngle) {
      if (is === 'special' && text === '>') inAngle = false
      else if (is === 'special' && text === ':') angled = ''
      else angled = (angled ?? '') + text
      continue
    }
    if (is === 'special' && text === '<') {
      inAngle = true
      angled = ''
    } else if (is === 'special' && (text === ',' || text === ';')) {
      finish()
    } else if (is === 'special' && text === ':') {
      // The name of a group.
      bare = ''
    } else {
      const joins = text === '@' || text === '.'
      bare += bare === '' || glue || joins ? text : ` ${text}`
      glue = joins
      continue
    }
    glue = true
  }
  finish()
  return found
}
