import type { Disk, DiskFile } from '../../src/transports/local-disk.ts'

/** What befalls a step: an error before it did anything, or one after it was done or, for a write, half done. */
export interface Fault {
  readonly code: string
  readonly after?: true
}

/** Which fault befalls the step of this number, counted from 0, if any; `what` is the method's name. */
export type Faults = (step: number, what: string) => Fault | undefined

const fail = ({ code }: Fault, what: string): never => {
  throw Object.assign(new Error(`${code}: made up, ${what}`), { code })
}

/** A disk on which steps fail as planned, and nothing is really synced; `steps` are the names of those taken so far. */
export const faultyDisk = (disk: Disk, faults: Faults): Disk & { readonly steps: readonly string[] } => {
  const steps: string[] = []

  const step = async <T>(what: string, run: () => Promise<T>, half: () => Promise<unknown> = run): Promise<T> => {
    const fault = faults(steps.push(what) - 1, what)
    if (fault === undefined) return await run()
    if (fault.after) await half().catch(() => {})
    return fail(fault, what)
  }

  const opened = async (what: string, open: () => Promise<DiskFile>): Promise<DiskFile> => {
    const half = async () => await (await open()).close()
    const file = await step(what, open, half)
    return {
      write: (octets) =>
        step(
          'write',
          () => file.write(octets),
          () => file.write(octets.subarray(0, Math.ceil(octets.length / 2))),
        ),
      read: (position, length) => step('read', () => file.read(position, length)),
      status: () => step('fileStatus', () => file.status()),
      truncate: (size) => step('truncate', () => file.truncate(size)),
      sync: () => step('sync', async () => {}),
      // Whatever close says, the descriptor is gone.
      async close() {
        await file.close()
        await step('close', async () => {})
      },
    }
  }

  return {
    steps,
    create: (path) => opened('create', () => disk.create(path)),
    append: (path) => opened('append', () => disk.append(path)),
    peek: (path) => step('peek', () => disk.peek(path)),
    status: (path) => step('status', () => disk.status(path)),
    names: (path) => step('names', () => disk.names(path)),
    rename: (from, to) => step('rename', () => disk.rename(from, to)),
    remove: (path) => step('remove', () => disk.remove(path)),
    makeFolder: (path) => step('makeFolder', () => disk.makeFolder(path)),
    syncFolder: () => step('syncFolder', async () => {}),
  }
}
