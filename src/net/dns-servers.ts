import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

export interface Server {
  readonly address: string
  readonly port: number
}

/** As resolv.conf(5) has it: more are not read, and without any there is the one on this machine. */
const MOST = 3
const OWN = '127.0.0.1'

/** `ADDRESS`, `ADDRESS:PORT` or `[IPv6]:PORT`; port 53 unless told. Throws a RangeError for anything else. */
export const readServer = (text: string): Server => {
  if (isIP(text)) return { address: text, port: 53 }
  const [, six, four, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const address = six ?? four ?? ''
  const port = Number(digits ?? 53)
  if (isIP(address) !== (six === undefined ? 4 : 6) || port < 1 || port > 65535) {
    throw new RangeError(`'${text}' is no name server: ADDRESS, ADDRESS:PORT or [IPv6]:PORT`)
  }
  return { address, port }
}

/** The name servers of a resolv.conf's text, in order. */
export const serversIn = (resolvConf: string): readonly string[] => {
  const found = resolvConf
    .split('\n')
    .flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
    .filter((address) => isIP(address))
  return found.length > 0 ? found.slice(0, MOST) : [OWN]
}

/** The machine's name servers. Without such a file the one on this machine. */
export const systemServers = async (path = '/etc/resolv.conf'): Promise<readonly string[]> => {
  try {
    return serversIn(await readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [OWN]
    throw error
  }
}
