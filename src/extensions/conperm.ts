import { type Reply, reply } from '../mail/reply.ts'
import type { Extension, Hop, Param } from '../smtp/extension.ts'
import { flag, get } from '../smtp/param.ts'

const CONPERM: Param<true> = {
  ...flag('CONPERM'),
  answers: { unavailable: reply(504, '5.5.4', 'CONPERM is not supported here') },
}

const unenforced = (hop: Hop): Reply =>
  reply(554, '5.6.3', `What may be made of its content is restricted (CONPERM), and ${hop.name} does not know of that`)

/**
 * CONPERM, RFC 4141 section 4: content may be converted as its Content-Convert fields have it and in no other way, and is
 * not delivered in a form that its recipient cannot take. A hop that has neither this nor CONNEG gets nothing of it.
 */
export const conPerm = (): Extension => ({
  keyword: 'CONPERM',
  rfc: [4141],
  words: { relay: 'passed on, or converted as CONNEG has it; else 5.6.3' },
  params: { MAIL: [CONPERM] },
  server: {},
  client: {
    offered({ hop }) {
      hop.notes.set('CONPERM', true)
    },
    without: (_mail, hop) =>
      hop.notes.has('CONNEG') ? [] : [{ do: 'refuse', reply: unenforced(hop), next: 'otherHost' }],
  },
  report: {
    // Who asked for all of it wants to see what became of it (RFC 4141 section 3).
    returns: ({ params }, events) =>
      get(params, CONPERM) && String(params['RET']).toUpperCase() === 'FULL' && events.includes('delivered')
        ? 'always'
        : undefined,
  },
})
