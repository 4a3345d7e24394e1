import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'

/** Names and addresses that somebody wrote down on this machine (hosts(5)). */
export interface HostsFile {
  /** All addresses of a name, in the order of the file; `[]` when it is not in there. */
  addresses(name: string): Promise<readonly string[]>
}

type Table = ReadonlyMap<string, readonly string[]>

/** Octets. A longer file is some mistake, and is read as an empty one. */
const LONGEST = 32 * 1024 * 1024

/** Names compare without case. Lines that make no sense are skipped, as the C library does. */
export const readHosts = (text: string): Table => {
  const table = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (!isIP(address)) continue
    for (const name of names) {
      const key = name.toLowerCase().replace(/\.$/, '')
      const known = table.get(key)
      if (known === undefined) table.set(key, [address])
      else if (!known.includes(address)) known.push(address)
    }
  }
  return table
}

/** Read when it is first asked, and again when the file has changed. A file that cannot be read is as an empty one. */
export const hostsFile = (path = '/etc/hosts'): HostsFile => {
  let table: Promise<Table> = Promise.resolve(new Map())
  let version = ''
  return {
    async addresses(name) {
      const now = await versionOf(path)
      if (now !== version) {
        version = now
        table = now === '' ? Promise.resolve(new Map()) : readFile(path, 'utf8').then(readHosts, () => new Map())
      }
      return (await table).get(name.toLowerCase()) ?? []
    },
  }
}

/** Another text when the file may have changed; empty when there is nothing to read. */
const versionOf = async (path: string): Promise<string> => {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return size > LONGEST ? '' : `${mtimeMs} ${size} ${ino}`
  } catch {
    return ''
  }
}
