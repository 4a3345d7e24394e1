import { type Address, asciiAddress, formatPath } from '../mail/address.ts'
import { reply } from '../mail/reply.ts'
import type { Extension, Session } from '../smtp/extension.ts'
import { mailboxArgument } from '../smtp/param.ts'

/** What VRFY asks of the rest of the program. `elsewhere`: the domain is not ours, and we do not know. */
export type Verify = (address: Address) => Promise<'known' | 'unknown' | 'elsewhere'>

/** VRFY, RFC 5321 3.5: whether a mailbox exists. It is never announced, and those not allowed to ask get 252. `home`: the domain of bare names. */
export const vrfy = (verify: Verify, allow: (session: Session) => boolean, home = ''): Extension => ({
  keyword: 'VRFY',
  rfc: [5321],
  silent: true,
  server: {
    verbs: {
      VRFY: {
        phases: ['connected', 'greeted', 'mail', 'rcpt', 'body'],
        usage: 'VRFY mailbox',
        async run(args, session) {
          const { argument, grammar } = session.readArgument('VRFY', args)
          const asked = mailboxArgument(argument, true)
          // RFC 5321 3.5.2: an answer has a domain.
          const address = asked.domain === '' ? { ...asked, domain: home } : asked
          const known = allow(session) ? await verify(address) : 'elsewhere'
          if (known === 'unknown') return reply(550, '5.1.1', 'There is no such mailbox here')
          if (known === 'elsewhere') return reply(252, '2.1.5', 'Send it and see')
          // What the client did not ask for, no reply may hold (RFC 6531 3.7.4.2).
          const shown = grammar.utf8 ? address : asciiAddress(address)
          return shown
            ? { ...reply(250, '2.1.5', formatPath(shown)), utf8: true }
            : reply(252, '2.6.8', 'It exists; its address is shown to those who say SMTPUTF8 behind it')
        },
      },
    },
  },
})
