import { readContentType } from '../mime/content-type.ts'
import { type Header, readHeader } from '../mime/fields.ts'

/** What one server knows of one message (RFC 3886). Texts are as they were said. */
export interface TrackedMessage {
  readonly envid: string
  /** A host's name, or what else the server calls itself. */
  readonly reporter: string
  readonly arrival?: string
  readonly recipients: readonly TrackedRecipient[]
}

export interface TrackedRecipient {
  readonly original: string
  readonly final: string
  /** Lower case: `transferred`, `delivered`, `delayed`, … */
  readonly action: string
  readonly status: string
  readonly remote?: string
  readonly lastAttempt?: string
  readonly retryUntil?: string
}

/** The lines of an answer to TRACK, one character per octet. What is no tracking status is left out. Never throws. */
export const readAnswer = (lines: readonly string[]): readonly TrackedMessage[] => {
  const [head, body] = cut(lines)
  const { type, parameters } = readContentType(first(head, 'Content-Type'))
  const boundary = parameters.get('boundary')
  if (type === 'message/tracking-status') return messageOf(body)
  if (!type.startsWith('multipart/') || boundary === undefined) return []
  return partsOf(body, boundary).flatMap((part) => {
    const [fields, content] = cut(part)
    return readContentType(first(fields, 'Content-Type')).type === 'message/tracking-status' ? messageOf(content) : []
  })
}

/** A header, and what stands behind the empty line after it. */
const cut = (lines: readonly string[]): readonly [Header, readonly string[]] => {
  const at = lines.indexOf('')
  const head = at < 0 ? lines : lines.slice(0, at)
  return [headerOf(head), at < 0 ? [] : lines.slice(at + 1)]
}

const headerOf = (lines: readonly string[]): Header =>
  readHeader(Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1'))

const first = (header: Header, name: string): string => header.values(name)[0] ?? ''

const partsOf = (lines: readonly string[], boundary: string): readonly (readonly string[])[] => {
  const parts: string[][] = []
  let within = false
  for (const line of lines) {
    const bare = line.trimEnd()
    if (bare === `--${boundary}--`) break
    if (bare === `--${boundary}`) {
      parts.push([])
      within = true
    } else if (within) parts.at(-1)?.push(line)
  }
  return parts
}

const messageOf = (lines: readonly string[]): readonly TrackedMessage[] => {
  const [about, ...groups] = groupsOf(lines).map(headerOf)
  if (about === undefined) return []
  const recipients = groups.map(recipientOf).filter(({ action }) => action !== '')
  if (recipients.length === 0) return []
  const arrival = optional(about, 'Arrival-Date')
  return [
    {
      envid: first(about, 'Original-Envelope-Id').trim(),
      reporter: typed(first(about, 'Reporting-MTA')),
      ...(arrival === undefined ? {} : { arrival }),
      recipients,
    },
  ]
}

/** Fields in groups, with empty lines between them. */
const groupsOf = (lines: readonly string[]): readonly (readonly string[])[] => {
  const groups: string[][] = []
  let open = false
  for (const line of lines) {
    if (line.trim() === '') open = false
    else if (open) groups.at(-1)?.push(line)
    else {
      groups.push([line])
      open = true
    }
  }
  return groups
}

const recipientOf = (group: Header): TrackedRecipient => {
  const remote = typed(first(group, 'Remote-MTA'))
  const lastAttempt = optional(group, 'Last-Attempt-Date')
  const retryUntil = optional(group, 'Will-Retry-Until')
  return {
    original: typed(first(group, 'Original-Recipient')),
    final: typed(first(group, 'Final-Recipient')),
    action: word(first(group, 'Action')).toLowerCase(),
    status: word(first(group, 'Status')),
    ...(remote === '' ? {} : { remote }),
    ...(lastAttempt === undefined ? {} : { lastAttempt }),
    ...(retryUntil === undefined ? {} : { retryUntil }),
  }
}

const optional = (header: Header, name: string): string | undefined => {
  const value = first(header, name).trim()
  return value === '' ? undefined : value
}

/** Without its type: `dns; mx.example.org`. Comments are left out. */
const typed = (value: string): string =>
  value
    .replace(/^[^;]*;/, '')
    .replace(/\s*\([^()]*\)\s*$/, '')
    .trim()

const word = (value: string): string => /^\s*([^\s(]*)/.exec(value)?.[1] ?? ''
