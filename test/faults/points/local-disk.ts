import { type Disk, type DiskFile, localDisk as real } from '../../../src/transports/local-disk.ts'
import { after, around, threadPoints } from './points.ts'

export { type Disk, type DiskFile, errorCode } from '../../../src/transports/local-disk.ts'

const points = threadPoints()

const file = (opened: DiskFile): DiskFile => ({
  ...opened,
  async write(octets) {
    const half = Math.ceil(octets.length / 2)
    await opened.write(octets.subarray(0, half))
    points.pass('mailbox write: half')
    await opened.write(octets.subarray(half))
    points.pass('mailbox write: after')
  },
})

/** In place of the disk of local deliveries: it can die at every step that changes something. */
export const localDisk: Disk = {
  ...real,
  create: (path) => after(points, 'mailbox create', async () => file(await real.create(path))),
  append: (path) => after(points, 'mailbox append', async () => file(await real.append(path))),
  rename: (from, to) => around(points, 'mailbox rename', () => real.rename(from, to)),
  remove: (path) => after(points, 'mailbox remove', () => real.remove(path)),
  makeFolder: (path) => after(points, 'mailbox makeFolder', () => real.makeFolder(path)),
}
