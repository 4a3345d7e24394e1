/** A message that has got somewhere. Lines end with LF; one character per octet. */
export interface Letter {
  /** The envelope's sender: of MAIL, with its parameters, or of Return-Path. */
  readonly from: string
  /** RCPT, with parameters. Of what lies in a mailbox: Delivered-To. */
  readonly to: readonly string[]
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly body: string
  readonly whole: string
}

/** Names in lower case. */
export const readFields = (text: string): ReadonlyMap<string, readonly string[]> => {
  const fields = new Map<string, string[]>()
  for (const line of text.replace(/\n[ \t]+/g, ' ').split('\n')) {
    const [, name, value] = /^([!-9;-~]+):\s*(.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) continue
    const key = name.toLowerCase()
    fields.set(key, [...(fields.get(key) ?? []), value])
  }
  return fields
}

const split = (text: string): readonly [header: string, body: string] => {
  if (text.startsWith('\n')) return ['', text.slice(1)]
  const end = text.indexOf('\n\n')
  return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 2)]
}

export const arrivedLetter = (text: string, from: string, to: readonly string[]): Letter => {
  const whole = text.replaceAll('\r\n', '\n')
  const [header, body] = split(whole)
  return { from, to, fields: readFields(header), body, whole }
}

/** What a file of a Maildir holds. */
export const storedLetter = (whole: string): Letter => {
  const [header, body] = split(whole)
  const fields = readFields(header)
  return { from: fields.get('return-path')?.[0] ?? '(none)', to: fields.get('delivered-to') ?? [], fields, body, whole }
}

/** A report by RFC 3464 or RFC 6533, taken apart. */
export interface Report {
  readonly text: string
  /** Of the message as a whole. */
  readonly about: ReadonlyMap<string, readonly string[]>
  readonly of: readonly ReadonlyMap<string, readonly string[]>[]
  readonly returns: 'message' | 'header'
  readonly returned: string
}

/** Undefined: it is none. Throws what is wrong with one. */
export const readReport = (letter: Letter): Report | undefined => {
  const field = (name: string) => letter.fields.get(name)?.[0] ?? ''
  if (!/^multipart\/report\b/.test(field('content-type'))) return undefined
  const demand = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`a report ${what}:\n${letter.whole}`)
  }
  demand(letter.from.startsWith('<>'), `that is not from <> but from ${letter.from}`)
  demand(field('auto-submitted') === 'auto-replied', 'without Auto-Submitted')
  demand(/report-type=delivery-status/.test(field('content-type')), 'of another type')
  for (const name of ['date', 'from', 'to', 'subject', 'message-id', 'mime-version']) {
    demand(letter.fields.get(name)?.length === 1, `without exactly one ${name}`)
  }
  demand(!/[^\n -~\t]/.test(letter.body) || /8bit/.test(field('content-transfer-encoding')), 'with raw octets')
  const boundary = /boundary="([^"]+)"/.exec(field('content-type'))?.[1] ?? ''
  const parts = letter.body.split(`--${boundary}`)
  demand(parts.length === 5 && parts[4]?.startsWith('--') === true, 'that is not of three parts')
  const [text, status, third] = parts.slice(1, 4).map((part) => split(part.replace(/^\n/, '').replace(/\n$/, '')))
  if (!text || !status || !third) throw new Error('unreachable')
  demand(
    /^Content-Type: message\/(?:global-)?delivery-status$/im.test(status[0]),
    'whose second part is no delivery-status',
  )
  const [about, ...of] = status[1].split(/\n\n+/).filter((group) => group.trim() !== '')
  const type = /^Content-Type: (\S+)/im.exec(third[0])?.[1]
  const whole = type === 'message/rfc822' || type === 'message/global'
  demand(whole || type === 'text/rfc822-headers' || type === 'message/global-headers', `whose third part is ${type}`)
  return {
    text: text[1],
    about: readFields(about ?? ''),
    of: of.map(readFields),
    returns: whole ? 'message' : 'header',
    returned: third[1],
  }
}
