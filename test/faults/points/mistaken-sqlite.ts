import type { Spool } from '../../../src/spool/spool.ts'
import { openSqliteSpool as open, type SqliteSpoolOptions } from '../../../src/spool/sqlite.ts'
import { type Mistake, plan, steppingDisk } from '../fixtures/spool-steps.ts'
import { makeHasty } from './hasty.ts'

const mistake = process.env['SYSTEM_MISTAKE']

/** In place of the spool's own, with a mistake that only a look at system calls, or a crash, can find. */
export const openSqliteSpool = async (options: SqliteSpoolOptions): Promise<Spool> => {
  if (mistake === 'reply before commit') return makeHasty(await open(options), 'at once')
  plan({ kind: 'disk', at: 0 }, mistake as Mistake)
  const probe = new URL('../fixtures/spool-steps.ts', import.meta.url).href
  return open({ ...options, disk: steppingDisk, probe })
}
