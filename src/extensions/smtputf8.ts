import { asciiAddress } from '../mail/address.ts'
import { isInternational } from '../mail/international.ts'
import type { Extension } from '../smtp/extension.ts'
import { flag, get } from '../smtp/param.ts'

/** What was said of a mail when it came proves no need: each hop is told what is true of what it gets (RFC 6531 3.4, 3.6). */
const SMTPUTF8 = flag('SMTPUTF8', { endsHere: true })

/**
 * SMTPUTF8, RFC 6531: addresses and header fields in UTF-8. To a hop that lacks it goes what is ASCII, with the domains of
 * addresses as A-labels; for the rest, `Hop.takesUtf8Headers` tells whether the relay converts the header or gives it up.
 */
export const smtpUtf8 = (): Extension => ({
  keyword: 'SMTPUTF8',
  rfc: [6531, 6532, 6533],
  requires: ['8BITMIME'],
  words: { relay: 'asked for where addresses or header fields need it; else domains as A-labels, or 5.6.7 and 5.6.9' },
  params: { MAIL: [SMTPUTF8], VRFY: [SMTPUTF8], EXPN: [SMTPUTF8] },
  server: {
    grammar: (params) => (get(params, SMTPUTF8) ? { utf8: true } : undefined),
    traceMark: (_session, params) => (get(params, SMTPUTF8) ? { prefix: 'UTF8' } : undefined),
  },
  client: {
    offered({ hop }) {
      hop.takesUtf8Headers = true
    },
    adds: (mail) => (isInternational(mail) ? { SMTPUTF8: true } : {}),
    readdress: asciiAddress,
  },
})
