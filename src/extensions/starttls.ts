import { refuse, reply } from '../mail/reply.ts'
import type { Channel } from '../net/channel.ts'
import { type Conversation, type Extension, type Hop, RetryWithout } from '../smtp/extension.ts'

/** What STARTTLS needs of the rest of the program. Both reject when the handshake fails. */
export interface Tls {
  asServer(channel: Channel): Promise<Channel>
  asClient(channel: Channel, name: string): Promise<Channel>
}

/** `may`: TLS if it can be had, in clear if not. `encrypt`: never in clear. `verify`: and only with the right certificate. */
export type TlsDemand = 'may' | 'encrypt' | 'verify'

// The channel is another one after the handshake, which the compiler cannot know.
const secureOf = (hop: Hop): Hop['channel']['secured'] => hop.channel.secured

/** STARTTLS, RFC 3207: the connection goes on under TLS, and all that was said before is forgotten. */
export const startTls = (tls: Tls, demand: TlsDemand = 'may'): Extension => {
  const insist = ({ lenient }: Conversation, why: string): void => {
    if (demand !== 'may' && !lenient)
      refuse(451, '4.7.10', `TLS is demanded for this host and was not to be had: ${why}`)
  }
  const begin = async (talk: Conversation): Promise<'greetAgain' | void> => {
    if (secureOf(talk.hop)) return
    const answer = await talk.command('STARTTLS')
    if (answer.code !== 220) return insist(talk, `${answer.code} ${answer.lines.join(' ')}`)
    try {
      await talk.replaceChannel((channel) => tls.asClient(channel, talk.hop.name))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      insist(talk, why)
      throw new RetryWithout('STARTTLS', why)
    }
    const verified = talk.hop.channel.secured?.verified === true
    talk.hop.assurance = verified ? 'verified' : 'encrypted'
    if (demand === 'verify' && !verified && !talk.lenient) {
      refuse(
        451,
        '4.7.10',
        `The certificate of ${talk.hop.name} does not prove its name: ${talk.hop.channel.secured?.why}`,
      )
    }
    return 'greetAgain'
  }
  return {
    keyword: 'STARTTLS',
    rfc: [3207],
    words: { offered: 'before TLS' },
    server: {
      offer: ({ channel }) => (channel.secured ? undefined : []),
      verbs: {
        STARTTLS: {
          phases: ['greeted'],
          alone: true,
          usage: 'STARTTLS',
          unavailable: reply(503, '5.5.1', 'This connection is under TLS already'),
          run: (args) =>
            args === ''
              ? {
                  replies: [reply(220, '2.0.0', 'Ready for TLS')],
                  after: { channel: 'replace', with: (channel) => tls.asServer(channel) },
                }
              : reply(501, '5.5.4', 'STARTTLS takes no argument'),
        },
      },
      traceMark: ({ channel: { secured } }) => secured && { suffix: 'S', clause: `tls ${secured.cipher}` },
    },
    client: {
      offered: begin,
      notOffered(talk) {
        if (!talk.hop.channel.secured) insist(talk, 'it does not offer STARTTLS')
      },
    },
  }
}
