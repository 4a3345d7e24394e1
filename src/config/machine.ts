import { hostname as systemHostname, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { isDomain } from '../mail/address.ts'

/** What defaults depend on: who runs us, and where. */
export interface Machine {
  readonly hostname: string
  readonly uid: number
  readonly user: string
  readonly home: string
  /** Where things that must last are kept: spool, drop directory. */
  readonly state: string
  /** Where sockets are made. */
  readonly runtime: string
}

/** Asks the system. `HOME`, `USER`, `XDG_STATE_HOME` and `XDG_RUNTIME_DIR` count, where they are absolute. */
export const thisMachine = (env: NodeJS.ProcessEnv): Machine => {
  const uid = process.getuid?.() ?? -1
  const known = account()
  const absolute = (path: string | undefined) => (path?.startsWith('/') ? path : undefined)
  const home = absolute(env['HOME']) ?? known?.homedir ?? resolve('/')
  const state = join(absolute(env['XDG_STATE_HOME']) ?? join(home, '.local/state'), 'smail')
  const runtime = absolute(env['XDG_RUNTIME_DIR'])
  const name = systemHostname().toLowerCase()
  return {
    hostname: isDomain(name) ? name : 'localhost',
    uid,
    user: known?.username ?? env['USER'] ?? String(uid),
    home,
    state,
    runtime: runtime === undefined ? state : join(runtime, 'smail'),
  }
}

/** A container's uid may have no name. */
const account = (): { username: string; homedir: string } | undefined => {
  try {
    return userInfo()
  } catch {
    return undefined
  }
}
