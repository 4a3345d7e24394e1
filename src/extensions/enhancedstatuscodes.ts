import type { Extension } from '../smtp/extension.ts'

/** ENHANCEDSTATUSCODES, RFC 2034: every line of a reply begins with its RFC 3463 status. */
export const enhancedStatusCodes = (): Extension => ({
  keyword: 'ENHANCEDSTATUSCODES',
  rfc: [2034],
  server: {
    dress: (reply) => ({ ...reply, lines: reply.lines.map((line) => `${reply.status} ${line}`) }),
  },
  client: {
    offered({ hop }) {
      hop.givesStatuses = true
    },
  },
})
