import { dirname } from 'node:path'
import type { Mailbox } from '../directors/director.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { withLf } from '../mime/line-ends.ts'
import { batched, quoteFrom, withTop } from './local-content.ts'
import { type LocalMail, type LocalOptions, localTransport } from './local-delivery.ts'
import { type Disk, type DiskFile, errorCode, localDisk } from './local-disk.ts'
import { type DotLock, dotLocks, type Plan, type ThisProcess, thisProcess } from './local-lock.ts'
import { makeFolders, type Place, placeOf, refuseLinks } from './local-place.ts'
import { fromLine, gapBefore, isPlanned } from './mbox-format.ts'
import type { Transport } from './transport.ts'

export interface MboxOptions extends LocalOptions {
  /** Of the file: `/var/mail/${user}`, `~/mbox`; see `placeOf`. */
  readonly path: string
  readonly hostname: string
  /** Absent: this machine's. */
  readonly disk?: Disk
  /** Absent: the one that runs. */
  readonly process?: ThisProcess
}

/**
 * Delivers by appending to mailboxes in the mboxrd format, with LF line ends, under a `FILE.lock`. An append that fails
 * is taken back; one that a crash cut short is taken back by the next delivery, for the lock says how long the file was.
 * Throws `Misconfigured` for a path that cannot be.
 */
export const mboxTransport = (options: MboxOptions): Transport => {
  const { clock, log, disk = localDisk } = options
  const place = placeOf(options.path)

  const open = async (path: string): Promise<{ file: DiskFile; size: number }> => {
    const file = await disk.append(path)
    try {
      const { size, regular, links } = await file.status()
      if (!regular || links !== 1) throw new Misconfigured(`${path} is not a file with one name, so it is no mailbox`)
      return { file, size }
    } catch (error) {
      await file.close().catch(() => {})
      throw error
    }
  }

  const takeBack = async (path: string, plan: Plan): Promise<void> => {
    const { file, size } = await open(path)
    try {
      if (size <= plan.size) return
      const planned = await isPlanned(file, size, plan)
      log.event('warn', planned ? 'unfinished delivery taken back' : 'mailbox changed since an unfinished delivery', {
        file: path,
        size,
        before: plan.size,
      })
      if (!planned) return
      await file.truncate(plan.size)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  const lock = dotLocks({ disk, clock, log, takeBack, process: options.process ?? thisProcess(options.hostname) })

  const append = async (
    file: DiskFile,
    before: number,
    held: DotLock,
    { message, content, top }: LocalMail,
    signal: AbortSignal,
  ): Promise<void> => {
    const first = fromLine(message, clock.now())
    const lead = await gapBefore(file, before)
    await held.plan({ size: before, firstLine: first })
    try {
      let last: number | undefined
      for await (const octets of batched(withTop(`${lead}${first}\n${top}`, quoteFrom(withLf(content()))))) {
        signal.throwIfAborted()
        await file.write(octets)
        last = octets.at(-1)
      }
      signal.throwIfAborted()
      await file.write(Buffer.from(last === 10 ? '\n' : '\n\n'))
      await file.sync()
      await held.keep()
    } catch (error) {
      try {
        await file.truncate(before)
        await file.sync()
      } catch {
        held.abandon()
      }
      throw error
    }
  }

  const lockIn = async (at: Place, signal: AbortSignal): Promise<DotLock> => {
    try {
      return await lock(at.path, signal)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
      await makeFolders(disk, at.floor, dirname(at.path))
      return await lock(at.path, signal)
    }
  }

  const deposit = async (at: Place, mail: LocalMail, signal: AbortSignal): Promise<void> => {
    await refuseLinks(disk, at, dirname(at.path))
    const held = await lockIn(at, signal)
    try {
      const { file, size } = await open(at.path)
      try {
        await append(file, size, held, mail, signal)
      } finally {
        // All that matters was synced.
        await file.close().catch(() => {})
      }
    } finally {
      await held.release()
    }
  }

  // Deliveries of our own wait for each other here, at the lock they would look only twice a second.
  const turns = new Map<string, Promise<void>>()
  const depositInTurn = async (mailbox: Mailbox, mail: LocalMail, signal: AbortSignal): Promise<void> => {
    const at = place(mailbox)
    const before = turns.get(at.path)
    const mine = (async () => {
      await before?.catch(() => {})
      await deposit(at, mail, signal)
    })()
    turns.set(at.path, mine)
    try {
      await mine
    } finally {
      if (turns.get(at.path) === mine) turns.delete(at.path)
    }
  }

  const used = async (mailbox: Mailbox): Promise<number> => {
    try {
      return (await disk.status(place(mailbox).path)).size
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return 0
      throw error
    }
  }

  return localTransport(options, 1, depositInTurn, used)
}
