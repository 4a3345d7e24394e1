import type { Draft, Spool } from '../../../src/spool/spool.ts'
import { openSqliteSpool as open, type SqliteSpoolOptions } from '../../../src/spool/sqlite.ts'

/** Bugs of a spool, one for each mail until there are no more. */
const BUGS = ['open', 'write', 'commit', 'thread'] as const

const throwing = (draft: Draft, bug: string | undefined): Draft => ({
  id: draft.id,
  get octets() {
    return draft.octets
  },
  write(chunk) {
    if (bug === 'write') throw new TypeError('A bug in write')
    return draft.write(chunk)
  },
  body: () => draft.body(),
  async commit(record) {
    if (bug === 'commit') throw new TypeError('A bug in commit')
    // The probe ends the thread upon this.
    await draft.commit(bug === 'thread' ? { ...record, history: ['end of the thread'] } : record)
  },
  abort: () => draft.abort(),
})

/** In place of the spool's own. Mail that nobody commits with a settlement goes through all its bugs in turn. */
export const openSqliteSpool = async (options: SqliteSpoolOptions): Promise<Spool> => {
  const probe = new URL('./ending-probe.ts', import.meta.url).href
  const spool = await open({ ...options, probe })
  const opens = spool.open.bind(spool)
  const bugs: string[] = [...BUGS]
  spool.open = () => {
    const bug = bugs.shift()
    if (bug === 'open') throw new TypeError('A bug in open')
    return throwing(opens(), bug)
  }
  return spool
}
