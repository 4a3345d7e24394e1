import { join } from 'node:path'
import { type Disk, errorCode, type Status } from './local-disk.ts'

/** Folders below folders that are looked into. */
const DEEPEST = 10

/** A file in a Maildir keeps its octets as long as it has its name; this is what Maildir++ adds to the name. */
const SIZE = /,S=(\d{1,15})(?=[,:]|$)/

/** Octets of all messages in a Maildir and the folders below it, 0 where there is none. Links are not followed. */
export const maildirOctets = async (disk: Disk, path: string, depth = 0): Promise<number> => {
  let octets = 0
  for (const name of await namesIn(disk, path)) {
    const inner = join(path, name)
    if (name === 'cur' || name === 'new') octets += await messagesIn(disk, inner)
    else if (name !== 'tmp' && depth < DEEPEST && (await statusOf(disk, inner))?.is === 'folder')
      octets += await maildirOctets(disk, inner, depth + 1)
  }
  return octets
}

const messagesIn = async (disk: Disk, folder: string): Promise<number> => {
  let octets = 0
  for (const name of await namesIn(disk, folder)) {
    octets += Number(SIZE.exec(name)?.[1] ?? (await statusOf(disk, join(folder, name)))?.size ?? 0)
  }
  return octets
}

const namesIn = async (disk: Disk, folder: string): Promise<readonly string[]> =>
  (await unlessGone(() => disk.names(folder))) ?? []

const statusOf = (disk: Disk, path: string): Promise<Status | undefined> => unlessGone(() => disk.status(path))

/** Whoever reads a mailbox may move and remove what is in it at any time. */
const unlessGone = async <T>(look: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await look()
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}
