import { type Disk, type DiskFile, nodeDisk } from '../../../src/spool/disk.ts'
import type { Spool } from '../../../src/spool/spool.ts'
import { openSqliteSpool as open, type SqliteSpoolOptions } from '../../../src/spool/sqlite.ts'
import { makeHasty } from './hasty.ts'
import { after, around, type Points, threadPoints } from './points.ts'

const file = (real: DiskFile, points: Points): DiskFile => ({
  async write(chunk) {
    const half = Math.ceil(chunk.length / 2)
    await real.write(chunk.subarray(0, half))
    points.pass('spool disk write: half')
    await real.write(chunk.subarray(half))
    points.pass('spool disk write: after')
  },
  sync: () => real.sync(),
  close: () => real.close(),
})

/** A disk that can die after every step that changes something, and after half of a write. */
const stepwise = (real: Disk, points: Points): Disk => ({
  makeFolder: (path) => after(points, 'spool disk makeFolder', () => real.makeFolder(path)),
  create: (path) => after(points, 'spool disk create', async () => file(await real.create(path), points)),
  rename: (from, to) => around(points, 'spool disk rename', () => real.rename(from, to)),
  syncFolder: (path) => real.syncFolder(path),
  remove: (path) => after(points, 'spool disk remove', () => real.remove(path)),
  names: (path) => real.names(path),
  changed: (path) => real.changed(path),
  async *read(path, from, to) {
    for await (const chunk of real.read(path, from, to)) {
      points.pass('spool disk read: chunk')
      yield chunk
    }
  },
})

/** Bodies of some kilobytes are large ones here, so that a large one comes in few steps. */
export const LARGE = 4096

/** In place of the spool's own. */
export const openSqliteSpool = async (options: SqliteSpoolOptions): Promise<Spool> => {
  const probe = new URL('./probe.ts', import.meta.url).href
  const spool = await open({ ...options, disk: stepwise(nodeDisk, threadPoints()), probe, inlineUpTo: LARGE })
  return process.env['SYSTEM_MISTAKE'] === 'reply before commit' ? makeHasty(spool, 'with the next') : spool
}
