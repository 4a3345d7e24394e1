import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { type Disk, fromDisk, nodeDisk } from './disk.ts'
import { type Spool, SpoolError } from './spool.ts'
import type { Reads, Writes } from './sqlite-calls.ts'
import { takeInstance } from './sqlite-lock.ts'
import { logAlarm } from './sqlite-log.ts'
import { SqliteSpool } from './sqlite-spool.ts'
import { Thread } from './sqlite-thread.ts'

export interface SqliteSpoolOptions {
  /** A folder for the spool alone. Made when it is missing. */
  readonly path: string
  /** Who writes here: the same at every start, and no other living process's. Letters, digits, `.`, `_`, `-`. */
  readonly owner: string
  readonly clock: Clock
  readonly log: Log
  /** Bodies up to so many octets are kept in their rows, larger ones in files; 128 KiB when absent. */
  readonly inlineUpTo?: number
  /** How long history is kept, in milliseconds; ten days when absent. */
  readonly keepHistory?: number
  /** Another process of this instance holds the spool's lock, and this one writes beside it. */
  readonly shared?: boolean
  readonly disk?: Disk
  /** The URL of a module that stands between a thread and its database, for tests. */
  readonly probe?: string
}

const TEN_DAYS = 10 * 86_400_000
const INLINE_UP_TO = 131_072
const OWNER = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/**
 * Mail in SQLite, durable on return. Rejects with `SpoolError` when another instance has the folder, or when what is in it
 * is not ours to write to.
 */
export const openSqliteSpool = async (options: SqliteSpoolOptions): Promise<Spool> => {
  const { path, owner, shared = false, disk = nodeDisk } = options
  if (!OWNER.test(owner)) throw new SpoolError('invalid', `${owner} cannot be an owner's name`)
  try {
    await disk.makeFolder(path)
    const lock = shared ? undefined : takeInstance(path)
    try {
      return await opened(options, disk, () => lock?.release())
    } catch (error) {
      lock?.release()
      throw error
    }
  } catch (error) {
    throw fromDisk(error)
  }
}

const opened = async (options: SqliteSpoolOptions, disk: Disk, release: () => void): Promise<Spool> => {
  const { path, owner, clock, log, shared = false, inlineUpTo = INLINE_UP_TO, keepHistory = TEN_DAYS } = options
  const folders = { drafts: `${path}/drafts/${owner}`, bodies: `${path}/bodies`, partials: `${path}/partials` }
  // Drafts of an earlier life of ours.
  await disk.remove(folders.drafts)
  for (const folder of Object.values(folders)) await disk.makeFolder(folder)
  const writer = new Thread<Writes>(threadStart(options, 'write'), logAlarm(log))
  const reader = new Thread<Reads>(threadStart(options, 'read'))
  const tag = await writer.open()
  try {
    await disk.syncFolder(path)
    await disk.syncFolder(`${path}/..`).catch(unlessUnreadable)
  } catch (error) {
    await writer.close()
    throw error
  }
  const threads = { writer, reader, tag }
  return new SqliteSpool({
    path,
    owner,
    clock,
    log,
    disk,
    folders,
    ...threads,
    inlineUpTo,
    keepHistory,
    shared,
    release,
  })
}

const threadStart = ({ path, owner, probe }: SqliteSpoolOptions, does: 'write' | 'read') => {
  const started = Math.round(performance.timeOrigin)
  return { does, path: `${path}/spool.db`, owner, pid: process.pid, started, probe }
}

// A folder above that we may not open is none that we have just made ours in.
const unlessUnreadable = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EACCES') throw error
}
