import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'

/** On the disk of the mail itself, which has room for it; what a crash leaves there is swept away with the drafts. */
export const scratchFolder = ({ spool }: Pick<Settings, 'spool'>): string =>
  spool.driver === 'memory' ? tmpdir() : join(spool.path, 'drafts')
