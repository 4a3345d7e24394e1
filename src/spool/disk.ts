import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import type { Instant } from '../mail/instant.ts'
import { SpoolError } from './spool.ts'

/** The file system as the spool uses it. Rejects with the errors of `node:fs`. */
export interface Disk {
  /** Made with its parents where it is missing, for nobody but us. */
  makeFolder(path: string): Promise<void>
  /** A new file; one that is there already is an error. */
  create(path: string): Promise<DiskFile>
  rename(from: string, to: string): Promise<void>
  /** Returns when the names in a folder are durable. */
  syncFolder(path: string): Promise<void>
  /** A file or a folder with all that is in it; nothing there is no error. */
  remove(path: string): Promise<void>
  names(path: string): Promise<readonly string[]>
  changed(path: string): Promise<Instant>
  /** Chunks of a file from an octet on, up to another. */
  read(path: string, from: number, to: number): AsyncIterable<Uint8Array>
}

export interface DiskFile {
  /** All of the chunk. */
  write(chunk: Uint8Array): Promise<void>
  /** Returns when what was written is durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

const CHUNK = 262_144

const writable = (handle: FileHandle): DiskFile => ({
  async write(chunk) {
    for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten
  },
  sync: () => handle.datasync(),
  close: () => handle.close(),
})

async function* chunks(path: string, from: number, to: number): AsyncIterable<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY)
  try {
    for (let at = from; at < to; ) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, to - at))
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at)
      if (bytesRead === 0) return
      at += bytesRead
      yield chunk.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

export const nodeDisk: Disk = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: 0o700 })
  },
  create: async (path) => writable(await open(path, 'wx', 0o600)),
  rename,
  async syncFolder(path) {
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  remove: (path) => rm(path, { force: true, recursive: true }),
  names: (path) => readdir(path),
  changed: async (path) => (await stat(path)).mtimeMs,
  read: chunks,
}

const NO_ROOM: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

/** What the file system says, as the spool says it. */
export const fromDisk = (error: unknown): SpoolError => {
  if (error instanceof SpoolError) return error
  const { code } = error as { code?: unknown }
  const text = error instanceof Error ? error.message : String(error)
  return new SpoolError(NO_ROOM.includes(code) ? 'full' : 'broken', text, { cause: error })
}
