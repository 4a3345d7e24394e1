// An SMTP extension of one's own: mail carries the number of a support ticket, and every reply about it can be found by it.
// Named in the settings by `modules: [./x-ticket.ts]`; docs/extensions.md says what its parts are.
import type { ExtensionKit, ExtensionModule } from 'smail'

export const extension = ({ z, refuse, reply, get, flag, xtext }: ExtensionKit): ExtensionModule => {
  // MAIL FROM:<ann@example.org> XTICKET=4711, and RCPT TO:<bob@example.org> XURGENT
  const TICKET = xtext('XTICKET', 40)
  const URGENT = flag('XURGENT')
  return {
    keyword: 'X-TICKET',
    settings: z.strictObject({
      prefix: z.string().default('').describe('What every ticket begins with.'),
    }),
    make: (settings) => {
      const { prefix } = settings as { readonly prefix: string }
      return {
        keyword: 'X-TICKET',
        rfc: [],
        words: { relay: 'passed on; a hop that lacks it gets the field X-Ticket' },
        params: { MAIL: [TICKET], RCPT: [URGENT] },
        server: {
          // On offer under TLS and to programs of this machine; the arguments stand behind the keyword.
          offer: ({ channel, peer }) => (channel.secured || peer.startsWith('127.') ? ['40'] : undefined),
          verbs: {
            XTICKET: {
              phases: ['greeted'],
              usage: 'XTICKET number',
              run: (args) =>
                args.startsWith(prefix)
                  ? reply(250, '2.0.0', `${args} is a ticket`)
                  : reply(550, '5.7.1', 'No ticket of ours'),
            },
          },
          onMail: (_sender, params) => {
            const ticket = get(params, TICKET)
            if (ticket !== undefined && !ticket.startsWith(prefix))
              refuse(550, '5.7.1', `A ticket begins with ${prefix}`)
          },
        },
        client: {
          // To a hop that has it the parameters go by themselves.
          without: ({ envelope }) => {
            const ticket = get(envelope.params, TICKET)
            return ticket === undefined ? [] : [{ do: 'prepend', field: ['X-Ticket', ticket] }]
          },
        },
        queue: {
          // Mail that came with the field alone has the parameter from here on.
          fromHeader: (envelope, header) => {
            const [ticket] = header.values('X-Ticket')
            if (ticket === undefined || !/^[A-Za-z0-9-]{1,40}$/.test(ticket) || 'XTICKET' in envelope.params)
              return envelope
            return { ...envelope, params: { ...envelope.params, XTICKET: ticket } }
          },
          schedule: ({ recipients }) => (recipients.some(({ params }) => 'XURGENT' in params) ? { priority: 1 } : {}),
        },
        report: {
          messageFields: ({ params }) => {
            const ticket = get(params, TICKET)
            return ticket === undefined ? [] : [['X-Ticket', ticket]]
          },
        },
      }
    },
  }
}
