import type { Extension } from '../smtp/extension.ts'

/** PIPELINING, RFC 2920: commands may be sent before the replies to earlier ones have come. */
export const pipelining = (): Extension => ({
  keyword: 'PIPELINING',
  rfc: [2920],
  server: {},
  client: {
    offered({ hop }) {
      hop.mayBatch = true
    },
  },
})
