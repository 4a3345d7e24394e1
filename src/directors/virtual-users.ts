import { readAddress } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'
import { fold, readLocalPart } from './local-part.ts'
import type { Parsed } from './source.ts'

export interface VirtualUser {
  /** `local` or `local@domain`, as the file writes it. */
  readonly user: string
  /** Relative to the root of the tree; no component is empty, begins with a dot or holds a NUL. */
  readonly path: string
}

/** Whether a text can be one component of a path without leaving, hiding in or cutting short the folder it is in. */
const isComponent = (text: string): boolean => text !== '' && !text.startsWith('.') && !/[/\0]/.test(text)

/** What a name with a domain is found by. */
export const userKey = (local: string, domain: string): string => `${fold(local)}@${domainKey(domain)}`

const readUser = (name: string, given: string): VirtualUser & { key: string } => {
  const [local, domain] = name.includes('@')
    ? (({ local, domain }) => [local, fold(domain)])(readAddress(name))
    : [readLocalPart(name), undefined]
  if (!isComponent(local)) throw new Error('the name begins with a dot or holds a slash')
  const path = given !== '' ? given : domain === undefined ? local : `${domain}/${local}`
  if (!path.split('/').every(isComponent)) {
    throw new Error(
      `the path ${JSON.stringify(path)} is not below the root: no component may be empty or begin with a dot`,
    )
  }
  return domain === undefined
    ? { user: local, path, key: fold(local) }
    : { user: `${local}@${domain}`, path, key: userKey(local, domain) }
}

/**
 * A user a line: `name` or `name PATH`, where a name is a local part, for all domains of the director, or
 * `local@domain`; PATH is relative to the root, and is `name`, or `domain/local`, when it is absent. A `#` that begins
 * a line or follows white space begins a comment. A name stands once. By name in lower case.
 */
export const parseVirtualUsers = (text: string, file: string): Parsed<ReadonlyMap<string, VirtualUser>> => {
  const users = new Map<string, VirtualUser>()
  const faults: string[] = []
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.replace(/(?:^|\s)#.*$/, '').trim()
    if (line === '') continue
    const [, name = '', path = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? []
    try {
      const { key, ...user } = readUser(name, path)
      if (users.has(key)) throw new Error('the name stands already in an earlier line')
      users.set(key, user)
    } catch (error) {
      faults.push(`${file}:${index + 1}: ${JSON.stringify(name)}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return { value: users, faults }
}
