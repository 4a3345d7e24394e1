import { z } from 'zod'
import { type Address, formatAddress, formatPath, isAscii } from '../mail/address.ts'
import { reply } from '../mail/reply.ts'
import type { Extension, Session } from '../smtp/extension.ts'
import { mailboxArgument } from '../smtp/param.ts'

/** The members of an alias or list; undefined when the address is none. */
export type Expand = (address: Address) => Promise<readonly Address[] | undefined>

/** Settings: `allow` names networks as `relay-from` does. */
export const expnSettings: z.ZodType<{ allow: string[] }> = z.strictObject({
  allow: z.array(z.string()).default([]).describe('Networks whose clients may ask who is on a list.'),
})

/** EXPN, RFC 5321 3.5: who is on a list. On offer only to those who may ask. */
export const expn = (expand: Expand, allow: (session: Session) => boolean): Extension => ({
  keyword: 'EXPN',
  rfc: [5321],
  words: { offered: 'to networks that it allows' },
  server: {
    offer: (session) => (allow(session) ? [] : undefined),
    verbs: {
      EXPN: {
        phases: ['connected', 'greeted', 'mail', 'rcpt', 'body'],
        usage: 'EXPN list',
        async run(args) {
          const [first, ...more] = (await expand(mailboxArgument(args))) ?? []
          if (first === undefined) return reply(550, '5.1.1', 'There is no such list here')
          const members = [first, ...more]
          // Without SMTPUTF8 no reply may hold such an address (RFC 6531 3.7.4.2).
          if (!members.every((member) => isAscii(formatAddress(member))))
            return reply(252, '2.6.8', 'It has members outside ASCII')
          return reply(250, '2.1.5', formatPath(first), ...more.map(formatPath))
        },
      },
    },
  },
})
