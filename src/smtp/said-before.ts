import { type Reply, refuse } from '../mail/reply.ts'
import type { Sink } from './sink.ts'

/** Keeps nothing: the mail was kept in an earlier session, and what was said of it then is said again. */
export const saidBefore = (outcomes: readonly Reply[]): Sink => ({
  open: () => ({
    write(chunk) {
      if (chunk.length > 0) refuse(554, '5.5.4', 'The mail of that name was complete, and this is more of it')
    },
    async *conclude() {
      for (const [index, reply] of outcomes.entries()) yield { index, reply }
    },
    async abort() {},
  }),
})
