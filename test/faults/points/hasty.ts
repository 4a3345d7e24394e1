import type { Draft, Spool } from '../../../src/spool/spool.ts'

const hasty = (draft: Draft, when: Promise<void>): Draft => ({
  id: draft.id,
  get octets() {
    return draft.octets
  },
  write: (chunk) => draft.write(chunk),
  body: () => draft.body(),
  async commit(record) {
    when.then(() => draft.commit(record)).catch(() => {})
  },
  abort: () => draft.abort(),
})

/**
 * Has a spool make the mistake of all mistakes: it says that mail is kept before it is. It keeps each at once, or only
 * when the next one comes.
 */
export const makeHasty = (spool: Spool, keeps: 'at once' | 'with the next'): Spool => {
  const opens = spool.open.bind(spool)
  let next = Promise.withResolvers<void>()
  spool.open = () => {
    next.resolve()
    next = Promise.withResolvers()
    return hasty(opens(), keeps === 'at once' ? Promise.resolve() : next.promise)
  }
  return spool
}
