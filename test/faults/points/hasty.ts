import type { Draft, Spool } from '../../../src/spool/spool.ts'

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

/** Has a spool make the mistake of all mistakes: it says that mail is kept before it is. */
export const makeHasty = (spool: Spool): Spool => {
  const opens = spool.open.bind(spool)
  spool.open = () => hasty(opens())
  return spool
}
