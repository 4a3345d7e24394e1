import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'

/**
 * What local transports ask of a file system. Everything rejects with the errors of the system (`code`, as `ENOSPC`),
 * so that a test can let any step fail. Files are made with mode 0600, folders with 0700.
 */
export interface Disk {
  /** A new file; EEXIST when there is anything of that name, be it a link that leads nowhere. */
  create(path: string): Promise<DiskFile>
  /** A file to read and append to, made when it is not there; ELOOP when it is a link. */
  append(path: string): Promise<DiskFile>
  /** At most the first 4,096 octets of a file, one character per octet. */
  peek(path: string): Promise<string>
  /** Of the thing itself, should it be a link. */
  status(path: string): Promise<Status>
  /** What is in a folder, in no order. */
  names(path: string): Promise<readonly string[]>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  makeFolder(path: string): Promise<void>
  /** What was made, renamed and removed in this folder survives a crash of the machine. */
  syncFolder(path: string): Promise<void>
}

export interface Status {
  readonly is: 'file' | 'folder' | 'link' | 'other'
  readonly modified: number
  /** Octets. */
  readonly size: number
}

export interface DiskFile {
  /** At the end of the file; all of it, or it rejects and some of it may be there. */
  write(octets: Uint8Array): Promise<void>
  read(position: number, length: number): Promise<Uint8Array>
  status(): Promise<{ readonly size: number; readonly regular: boolean; readonly links: number }>
  truncate(size: number): Promise<void>
  /** What was written survives a crash of the machine. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** The system's word for what went wrong, where the system said it. */
export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)
    ? error.code
    : undefined

const file = (handle: FileHandle): DiskFile => ({
  async write(octets) {
    for (let from = 0; from < octets.length; ) {
      from += (await handle.write(octets, from, octets.length - from)).bytesWritten
    }
  },
  async read(position, length) {
    const into = Buffer.allocUnsafe(length)
    let had = 0
    while (had < length) {
      const { bytesRead } = await handle.read(into, had, length - had, position + had)
      if (bytesRead === 0) break
      had += bytesRead
    }
    return into.subarray(0, had)
  },
  async status() {
    const found = await handle.stat()
    return { size: found.size, regular: found.isFile(), links: found.nlink }
  },
  truncate: (size) => handle.truncate(size),
  sync: () => handle.datasync(),
  close: () => handle.close(),
})

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants

/** The file system of this machine. */
export const localDisk: Disk = {
  create: async (path) => file(await open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0o600)),
  append: async (path) => file(await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)),
  async peek(path) {
    await using handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0)
    return buffer.toString('latin1', 0, bytesRead)
  },
  async status(path) {
    const found = await lstat(path)
    const is = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other'
    return { is, modified: found.mtimeMs, size: found.size }
  },
  names: (path) => readdir(path),
  rename,
  remove: unlink,
  makeFolder: async (path) => void (await mkdir(path, 0o700)),
  async syncFolder(path) {
    await using handle = await open(path, O_RDONLY)
    await handle.sync().catch((error) => {
      // Some file systems have nothing to sync in a folder and say so.
      if (errorCode(error) !== 'EINVAL') throw error
    })
  },
}
