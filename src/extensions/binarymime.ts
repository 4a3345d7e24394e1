import { reply } from '../mail/reply.ts'
import type { Extension } from '../smtp/extension.ts'
import { get, oneOf } from '../smtp/param.ts'

const BODY = oneOf('BODY', ['BINARYMIME'], { endsHere: true })

const NOT_BY_DATA = reply(503, '5.5.1', 'A binary body comes by BDAT (RFC 3030 section 3); RSET, or send it so')

/** Octets of a line that may be sent without calling the body binary (RFC 2045 2.7, 2.8). */
const TEXT_LINE = 998

/**
 * BINARYMIME, RFC 3030 section 3: a body of any octets in lines of any length, or in none, comes and goes octet for octet,
 * by BDAT alone. A hop that lacks it takes no binary mail, as `Hop.encodings` then says, and the relay converts the mail
 * or gives it up.
 */
export const binaryMime = (): Extension => ({
  keyword: 'BINARYMIME',
  rfc: [3030],
  words: { relay: 'BODY=BINARYMIME by BDAT where it is offered; else converted, or 5.6.3' },
  requires: ['CHUNKING'],
  params: { MAIL: [BODY] },
  server: {
    onVerb: (verb, _args, { transaction }) =>
      verb === 'DATA' && transaction && get(transaction.params, BODY) ? { reply: NOT_BY_DATA } : undefined,
    grammar: (params) => (get(params, BODY) ? { binaryBody: true } : undefined),
  },
  client: {
    offered({ hop }) {
      hop.encodings.add('binary')
    },
    // What the body is decides. To a hop that takes binary bodies and no 8-bit ones, an 8-bit body is a binary one.
    adds: ({ facts }, { encodings }) =>
      facts.longestLine > TEXT_LINE || facts.encoding === 'binary' || !encodings.has(facts.encoding)
        ? { BODY: 'BINARYMIME' }
        : {},
  },
})
