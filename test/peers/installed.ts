import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where `install.sh` unpacks what cannot be installed beside the rest. */
export const ASIDE: string = process.env['SMAIL_PEERS_DIR'] ?? '/var/lib/smail-peers'

const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin', join(ASIDE, 'usr/sbin')]

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The program's path, or undefined where it is not installed. */
const locate = (name: string): string | undefined =>
  FOLDERS.map((folder) => join(folder, name)).find((path) => isProgram(path))

const mayHaveViews = (): boolean => {
  const unshare = locate('unshare')
  if (unshare === undefined || process.getuid?.() !== 0) return false
  return spawnSync(unshare, ['--mount', '--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' }).status === 0
}

/**
 * For the `skip` of a test that needs these programs; with `daemon` it needs root as well. False: all is there. With
 * SMAIL_PEERS=all in the environment nothing may be missing: throws.
 */
export const lacking = (programs: readonly string[], daemon = false): string | false => {
  const missing = programs.filter((name) => locate(name) === undefined)
  const why =
    missing.length > 0
      ? `${missing.join(', ')} not installed; test/peers/install.sh does it`
      : daemon && !mayHaveViews()
        ? 'a daemon needs a view of the system of its own, which only root can give it, and not everywhere'
        : false
  if (why && process.env['SMAIL_PEERS'] === 'all') throw new Error(why)
  return why
}

/** Throws where it is not installed. */
export const program = (name: string): string => {
  const path = locate(name)
  if (path === undefined) throw new Error(`${name} is not installed`)
  return path
}
