import { access, constants, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Issue } from '../config/check.ts'
import type { Settings } from '../config/settings.ts'

/** Why the spool's folder can be none, before anything is made, locked or opened there. */
export const spoolFaults = async ({ spool }: Settings): Promise<readonly Issue[]> => {
  if (spool.driver !== 'sqlite') return []
  const message = (await unfit(spool.path)) ?? (await unfitWithin(spool.path))
  return message === undefined ? [] : [{ path: ['spool', 'sqlite', 'path'], message }]
}

/** Why sockets of the file system cannot be made where the settings want them. */
export const socketFaults = async ({ control, listen }: Settings): Promise<readonly Issue[]> => {
  const sockets = [
    { path: ['control', 'socket'], at: control.socket, made: true },
    ...(control.submission ? [{ path: ['control', 'submission'], at: control.submission, made: true }] : []),
    ...listen.flatMap(({ name, protocol, addresses }) =>
      addresses.flatMap((address, index) =>
        'path' in address ? [{ path: ['listen', name, protocol, index], at: address.path, made: false }] : [],
      ),
    ),
  ]
  const faults = await Promise.all(
    sockets.map(async ({ path, at, made }): Promise<Issue[]> => {
      const message = (await notSocket(at)) ?? (await unfit(dirname(at), made))
      return message === undefined ? [] : [{ path, message }]
    }),
  )
  return faults.flat()
}

const notSocket = async (path: string): Promise<string | undefined> => {
  const found = await stat(path).catch(() => undefined)
  return found && !found.isSocket() ? `${path}: is there and is no socket` : undefined
}

/** Why nothing can be made in a folder. One that is not there must be one that can be `made`. */
const unfit = async (folder: string, made = true): Promise<string | undefined> => {
  for (let at = folder; ; at = dirname(at)) {
    try {
      if (!(await stat(at)).isDirectory()) return `${at}: is no folder`
      await access(at, constants.W_OK | constants.X_OK)
      return undefined
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return `${at}: the folder cannot be written to (${code})`
      if (!made) return `${at}: the folder does not exist`
    }
  }
}

/** Whoever ran it before may have been somebody else. */
const unfitWithin = async (folder: string): Promise<string | undefined> => {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? [] : error.code,
  )
  if (!Array.isArray(names)) return `${folder}: the folder cannot be read (${names})`
  for (const name of names) {
    try {
      await access(join(folder, name), constants.W_OK)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') return `${join(folder, name)}: cannot be written to (${code})`
    }
  }
  return undefined
}
