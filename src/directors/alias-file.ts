import { readAddress } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'
import { fold, readLocalPart } from './local-part.ts'
import type { Parsed } from './source.ts'

/** By `aliasKey`. */
export type AliasTable = ReadonlyMap<string, Alias>

export interface Alias {
  /** The local part as the file writes it, unquoted. */
  readonly local: string
  /** Absent: the name stands for any domain that the director serves. */
  readonly domain?: string
  readonly line: number
  readonly members: readonly Member[]
}

/** One item of a right-hand side. Only an `address` ever becomes one; the rest asks for things that mail can never ask for. */
export type Member =
  /** No `domain`: as the director qualifies it. `asIs`: written `\name`, not to be looked up again. */
  | { readonly is: 'address'; readonly local: string; readonly domain?: string; readonly asIs?: true }
  | { readonly is: 'pipe' | 'file' | 'include' | 'special'; readonly text: string }

const MOST_MEMBERS = 100_000
const LONGEST_LINE = 65_536

/** The key of `name@domain`, or of a name without domain. Domains hold no space, so two keys never collide. */
export const aliasKey = (local: string, domain = ''): string => `${domainKey(domain)} ${fold(local)}`

const STRING = String.raw`"(?:[^"\\]|\\.)*"`
/** Up to a comment: a `#` that begins a line or follows white space. */
const CODE = new RegExp(String.raw`^(?:${STRING}|[^"#]|(?<=\S)#)*`)
const ENTRY = new RegExp(String.raw`^((?:${STRING}|\[[^\]"]*\]|[^":[])+):(.*)$`)
const ITEM = new RegExp(`(?:${STRING}|[^",])+`, 'g')
const WHOLE_STRING = new RegExp(`^${STRING}$`)
const QUALIFIED = new RegExp(`^(?:${STRING}|[^"@])*@`)

const readName = (text: string): { local: string; domain?: string } => {
  if (QUALIFIED.test(text)) return readAddress(text)
  return { local: readLocalPart(text) }
}

const readMember = (item: string): Member => {
  const text = WHOLE_STRING.test(item) ? item.slice(1, -1).replace(/\\(.)/g, '$1') : item
  if (text.startsWith('|')) return { is: 'pipe', text }
  if (text.startsWith('/')) return { is: 'file', text }
  if (/^:include:/i.test(text)) return { is: 'include', text }
  if (text.startsWith(':')) return { is: 'special', text }
  return item.startsWith('\\')
    ? { is: 'address', ...readName(item.slice(1)), asIs: true }
    : { is: 'address', ...readName(item) }
}

const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * The format of aliases(5): `name: member, member`, continued on lines that begin with white space; a name is a local
 * part or `local@domain`, in double quotes where it holds special characters. The end of a line ends an item as a
 * comma does. At most 100,000 members per name and 65,536 characters per line; a name stands once.
 */
export const parseAliases = (text: string, file: string): Parsed<AliasTable> => {
  const table = new Map<string, Alias & { readonly members: Member[] }>()
  const faults: string[] = []
  const empty = new Set<Alias>()
  let current: (Alias & { readonly members: Member[] }) | undefined

  const begin = (name: string, line: number): typeof current => {
    const alias = { ...readName(name), line, members: [] }
    const key = aliasKey(alias.local, alias.domain)
    const before = table.get(key)
    if (before) throw new Error(`stands already in line ${before.line}`)
    table.set(key, alias)
    empty.add(alias)
    return alias
  }

  const readLine = (code: string, line: number): void => {
    const fault = (what: string) => faults.push(`${file}:${line}: ${what}`)
    let list = code
    if (!/^\s/.test(code)) {
      // Continuation lines of a name that cannot be read have nowhere to go, and one message is enough.
      current = { local: '', line, members: [] }
      const entry = ENTRY.exec(code)
      if (!entry) return void fault(`${shown(code)}: no "name:" here`)
      const name = (entry[1] ?? '').trim()
      try {
        current = begin(name, line)
      } catch (error) {
        return void fault(`${shown(name)}: ${reason(error)}`)
      }
      list = entry[2] ?? ''
    }
    if (current === undefined) return void fault('continues an entry, but none has begun')
    for (const [raw] of list.matchAll(ITEM)) {
      const item = raw.trim()
      if (item === '') continue
      empty.delete(current)
      if (current.members.length >= MOST_MEMBERS) return void fault(`more than ${MOST_MEMBERS} members`)
      try {
        current.members.push(readMember(item))
      } catch (error) {
        fault(`${shown(item)}: ${reason(error)}`)
      }
    }
  }

  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    if (whole.length > LONGEST_LINE) {
      faults.push(`${file}:${index + 1}: longer than ${LONGEST_LINE} characters; go on in the next line, after a space`)
      continue
    }
    const code = CODE.exec(whole)?.[0] ?? ''
    if (whole[code.length] === '"') faults.push(`${file}:${index + 1}: a quotation mark is never closed`)
    else if (code.trim() !== '') readLine(code, index + 1)
  }
  for (const { line, local } of empty) faults.push(`${file}:${line}: ${shown(local)}: nothing after the colon`)
  return { value: table, faults }
}
