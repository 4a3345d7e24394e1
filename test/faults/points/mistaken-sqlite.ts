import type { Draft, Spool } from '../../../src/spool/spool.ts'
import { openSqliteSpool as open, type SqliteSpoolOptions } from '../../../src/spool/sqlite.ts'
import { type Mistake, plan, steppingDisk } from '../fixtures/spool-steps.ts'

const mistake = process.env['SYSTEM_MISTAKE']

/** Says that it is kept before it is. */
const hasty = (draft: Draft): Draft => ({
  id: draft.id,
  get octets() {
    return draft.octets
  },
  write: (chunk) => draft.write(chunk),
  body: () => draft.body(),
  async commit(record) {
    draft.commit(record).catch(() => {})
  },
  abort: () => draft.abort(),
})

/** In place of the spool's own, with a mistake that only a look at system calls, or a crash, can find. */
export const openSqliteSpool = async (options: SqliteSpoolOptions): Promise<Spool> => {
  if (mistake === 'reply before commit') {
    const spool = await open(options)
    const opens = spool.open.bind(spool)
    spool.open = () => hasty(opens())
    return spool
  }
  plan({ kind: 'disk', at: 0 }, mistake as Mistake)
  const probe = new URL('../fixtures/spool-steps.ts', import.meta.url).href
  return open({ ...options, disk: steppingDisk, probe })
}
