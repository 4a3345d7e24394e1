import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Mailbox } from '../directors/director.ts'
import { withLf } from '../mime/line-ends.ts'
import { batched, withTop } from './local-content.ts'
import { type LocalMail, type LocalOptions, localTransport } from './local-delivery.ts'
import { type Disk, errorCode, localDisk } from './local-disk.ts'
import { makeFolders, type Place, placeOf, refuseLinks } from './local-place.ts'
import { maildirOctets } from './maildir-size.ts'
import type { Transport } from './transport.ts'

export interface MaildirOptions extends LocalOptions {
  /** Of the Maildir: `~/Maildir`, `/srv/mail/${user}`; see `placeOf`. */
  readonly path: string
  /** Goes into the names of files. */
  readonly hostname: string
  /** Absent: this machine's. */
  readonly disk?: Disk
}

// In this order: where `tmp` is, the others are.
const FOLDERS = ['cur', 'new', 'tmp'] as const

/**
 * Delivers into Maildirs: a file for each recipient, written in `tmp`, moved to `new` when it is whole and safe. Line
 * ends are LF, as the programs expect that read Maildirs; all else stays octet by octet. Folders are made as needed,
 * but not a user's home. Throws `Misconfigured` for a path that cannot be.
 */
export const maildirTransport = (options: MaildirOptions): Transport => {
  const { clock, disk = localDisk } = options
  const place = placeOf(options.path)
  const host = options.hostname.replaceAll('/', '\\057').replaceAll(':', '\\072')
  let count = 0

  /** Of all names that any delivery to any Maildir ever gets, no two are the same. */
  const unique = (): string => {
    const now = clock.now()
    const micros = (now % 1000) * 1000
    count += 1
    return `${Math.floor(now / 1000)}.M${micros}P${process.pid}Q${count}R${randomBytes(8).toString('hex')}.${host}`
  }

  const create = async (at: Place, path: string) => {
    try {
      return await disk.create(path)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
      await makeFolders(disk, at.floor, at.path)
      for (const folder of FOLDERS) await makeFolders(disk, at.path, join(at.path, folder))
      return await disk.create(path)
    }
  }

  /** How many octets the file has. */
  const write = async (at: Place, path: string, { content, top }: LocalMail, signal: AbortSignal): Promise<number> => {
    const file = await create(at, path)
    let written = 0
    try {
      for await (const octets of batched(withTop(top, withLf(content())))) {
        signal.throwIfAborted()
        await file.write(octets)
        written += octets.length
      }
      signal.throwIfAborted()
      await file.sync()
      return written
    } finally {
      await file.close()
    }
  }

  const deposit = async (mailbox: Mailbox, mail: LocalMail, signal: AbortSignal): Promise<void> => {
    const at = place(mailbox)
    await Promise.all(FOLDERS.map((folder) => refuseLinks(disk, at, join(at.path, folder))))
    const name = unique()
    const unfinished = join(at.path, 'tmp', name)
    let whole = unfinished
    try {
      // Maildir++ has the size in the name, so that a mailbox can be measured without looking at each file.
      whole = join(at.path, 'new', `${name},S=${await write(at, unfinished, mail, signal)}`)
      await disk.rename(unfinished, whole)
      await disk.syncFolder(join(at.path, 'new'))
    } catch (error) {
      // A rename that failed may have happened.
      await Promise.allSettled([disk.remove(unfinished), disk.remove(whole)])
      throw error
    }
  }

  return localTransport(options, 4, deposit, (mailbox) => maildirOctets(disk, place(mailbox).path))
}
