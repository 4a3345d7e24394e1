import type { Instant } from '../mail/instant.ts'
import type { Disk } from './disk.ts'
import type { Writes } from './sqlite-calls.ts'
import type { Thread } from './sqlite-thread.ts'

const AN_HOUR = 3_600_000
const FILES_AT_ONCE = 500

/** Removes drafts of dead owners, and bodies older than an hour that no message has. */
export const sweepFiles = async (
  disk: Disk,
  { path, owner }: { readonly path: string; readonly owner: string },
  writer: Thread<Writes>,
  now: Instant,
): Promise<void> => {
  const { out: owners } = await writer.call('owners', undefined)
  const alive = new Set(owners.filter(isAlive).map(({ name }) => name)).add(owner)
  for (const name of await disk.names(`${path}/drafts`))
    if (!alive.has(name)) await disk.remove(`${path}/drafts/${name}`)

  const files = await disk.names(`${path}/bodies`)
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    const { out } = await writer.call('orphans', { files: files.slice(at, at + FILES_AT_ONCE) })
    for (const file of out) await removeOld(disk, `${path}/bodies/${file}`, now)
  }
}

const removeOld = async (disk: Disk, file: string, now: Instant): Promise<void> => {
  const changed = await disk.changed(file).catch(() => undefined)
  if (changed !== undefined && changed < now - AN_HOUR) await disk.remove(file)
}

const isAlive = ({ pid, started }: { readonly pid: number; readonly started: number }): boolean => {
  if (pid === process.pid) return started === Math.round(performance.timeOrigin)
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM'
  }
}
