import type { Extension } from '../smtp/extension.ts'
import { oneOf } from '../smtp/param.ts'

const BODY = oneOf('BODY', ['7BIT', '8BITMIME'], { endsHere: true })

/**
 * 8BITMIME, RFC 6152: octets above 127 in the body are carried unharmed. A hop that lacks it takes 7bit alone, as
 * `Hop.encodings` then says, and the relay converts the mail or gives it up.
 */
export const eightBitMime = (): Extension => ({
  keyword: '8BITMIME',
  rfc: [6152],
  words: { relay: 'BODY=8BITMIME where it is offered; else converted, or 5.6.3' },
  params: { MAIL: [BODY] },
  server: {},
  client: {
    offered({ hop }) {
      hop.encodings.add('8bit')
    },
    // What the body is decides, not what was said of it when it came: BODY=8BITMIME may stand before plain ASCII.
    adds: ({ facts }) => (facts.encoding === '8bit' ? { BODY: '8BITMIME' } : {}),
  },
})
