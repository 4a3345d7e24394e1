import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import type { LoginSettings, NetworkTransportSettings } from '../config/settings.ts'
import type { AuthClient, Login } from '../extensions/index.ts'
import { domainKey } from '../mail/idna.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import type { Log } from '../observe/log.ts'
import { clientMechanisms } from '../sasl/client-mechanisms.ts'
import { saslPrep } from '../sasl/saslprep.ts'
import { Faults } from './unfit.ts'

type Logins = Pick<NetworkTransportSettings, 'login' | 'logins'>

/** Whether mail of this transport goes anywhere with a login. */
export const logsIn = ({ login, logins }: Logins): boolean => login !== undefined || logins.size > 0

/** Logs in nowhere. */
export const noLogins: AuthClient = { login: () => undefined, note() {} }

/** A transport's logins, with their passwords. Undefined: it has none. Throws `Unfit` with what cannot be had. */
export const loginsOf = (
  one: Logins & { readonly name: string; readonly driver: string },
  log: Log,
): AuthClient | undefined => {
  if (!logsIn(one)) return undefined
  const faults = new Faults()
  const path = ['transports', one.name, one.driver]
  const forAll = one.login && loginAt([...path, 'login'], one.login, faults)
  const byHost = new Map(
    [...one.logins].map(([host, settings]) => [host, loginAt([...path, 'logins', host], settings, faults)] as const),
  )
  faults.demandNone()
  return {
    // Whoever can write an MX record would be told the password otherwise.
    login: ({ name, proofs }) => byHost.get(domainKey(name)) ?? (proofs.host === 'named' ? forAll : undefined),
    note({ why, ...about }) {
      const fields = { transport: one.name, ...about }
      if (why === undefined) log.event('debug', 'logged-in', fields)
      else log.event('warn', 'login-refused', { ...fields, why })
    },
  }
}

const loginAt = (path: readonly string[], settings: LoginSettings, faults: Faults): Login | undefined => {
  const { user, password: from, mechanisms } = settings
  const name = 'text' in from ? 'password' : 'file' in from ? 'password-file' : 'password-env'
  const known = faults.at([...path, 'user'], () => prepared(user))
  const password = faults.at([...path, name], () => prepared(passwordOf(from)))
  if (known === undefined || password === undefined) return undefined
  return { user: known, password, mechanisms: clientMechanisms.filter((one) => mechanisms.includes(one.name)) }
}

/** RFC 4013, as hosts prepare what they compare it with. */
const prepared = (text: string): string => {
  const found = saslPrep(text)
  if (found === undefined || found === '') throw new Misconfigured('has characters that no login may have (RFC 4013)')
  return found
}

const passwordOf = (from: LoginSettings['password']): string => {
  if ('text' in from) return from.text
  if ('file' in from) return firstLine(from.file)
  const found = process.env[from.env]
  if (found === undefined || found === '') throw new Misconfigured(`the environment has no ${from.env}`)
  return found
}

const MOST_OCTETS = 4096

const firstLine = (file: string): string => {
  const wrong = (why: string): never => {
    throw new Misconfigured(`${file}: ${why}`)
  }
  let descriptor: number
  try {
    // A FIFO would make the opening wait for a writer.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return wrong(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`)
  }
  try {
    const found = fstatSync(descriptor)
    if (!found.isFile()) wrong('is no file')
    const uid = process.getuid?.() ?? found.uid
    if (found.uid !== 0 && found.uid !== uid) wrong(`belongs to uid ${found.uid}; expected root or uid ${uid}`)
    // One's own group may be private to oneself, as it is where the umask is 002; any other group is others.
    const others = found.gid === process.getgid?.() ? 0o007 : 0o077
    if ((found.mode & others) !== 0) wrong('may be read or written by others; expected mode 0600')
    if (found.size > MOST_OCTETS) wrong(`has ${found.size} octets; expected a line with a password`)
    const [line = ''] = utf8(readFileSync(descriptor), wrong).split(/\r?\n/)
    return line === '' ? wrong('has no password in its first line') : line
  } finally {
    closeSync(descriptor)
  }
}

const utf8 = (octets: Uint8Array, wrong: (why: string) => never): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    return wrong('is no UTF-8 text')
  }
}
