import { type Address, asciiAddress, formatPath } from '../mail/address.ts'
import { reply } from '../mail/reply.ts'
import type { Extension, Session } from '../smtp/extension.ts'
import { mailboxArgument } from '../smtp/param.ts'

/** The members of an alias or list; undefined when the address is none. */
export type Expand = (address: Address) => Promise<readonly Address[] | undefined>

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
        async run(args, session) {
          const { argument, grammar } = session.readArgument('EXPN', args)
          const members = (await expand(mailboxArgument(argument, true))) ?? []
          if (members.length === 0) return reply(550, '5.1.1', 'There is no such list here')
          const [first, ...more] = members.flatMap((member) => (grammar.utf8 ? member : (asciiAddress(member) ?? [])))
          // What the client did not ask for, no reply may hold (RFC 6531 3.7.4.2).
          if (first === undefined || more.length + 1 < members.length)
            return reply(252, '2.6.8', 'It has members that are shown to those who say SMTPUTF8 behind it')
          return { ...reply(250, '2.1.5', formatPath(first), ...more.map(formatPath)), utf8: true }
        },
      },
    },
  },
})
