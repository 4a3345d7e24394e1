import type { Extension } from '../smtp/extension.ts'
import { oneOf } from '../smtp/param.ts'

const BODY = oneOf('BODY', ['7BIT', '8BITMIME'], { endsHere: true })

/** 8BITMIME, RFC 6152: octets above 127 in the body are carried unharmed. */
export const eightBitMime = (): Extension => ({
  keyword: '8BITMIME',
  rfc: [6152],
  params: { MAIL: [BODY] },
  server: {},
  client: {
    offered({ hop }) {
      hop.encodings.add('8bit')
    },
    // What the body is decides, not what was said of it when it came: BODY=8BITMIME may stand before plain ASCII.
    concerns: ({ facts }) => facts.encoding === '8bit',
    without: () => [{ do: 'convert', into: { encoding: '7bit' } }],
    adds: ({ facts }) => (facts.encoding === '8bit' ? { BODY: '8BITMIME' } : {}),
  },
})
