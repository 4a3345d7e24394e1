import type { Adapt, Capabilities } from '../extensions/index.ts'
import { reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Fit } from '../transports/local-delivery.ts'

export interface MailboxForms {
  readonly capabilities: Capabilities
  readonly adapt: Adapt
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

/**
 * The last relay to know what a mailbox takes is the host that has it (RFC 4141 section 3): whoever did not ask for it, or
 * submitted mail here, may have sent it in another form.
 */
export const mailboxForms =
  ({ capabilities, adapt, clock, log }: MailboxForms): Fit =>
  async (message, { address }, scope) => {
    const { id, params, facts } = message
    const demanded = 'CONPERM' in params
    const taken = demanded || facts.permitsConversion ? await capabilities(address) : undefined
    if (taken === undefined) return message
    const sendable = { content: () => message.content(), defer: scope.defer.bind(scope), now: clock.now() }
    const adapted = await adapt(sendable, taken)
    if (adapted.is === 'asIs') return message
    if (adapted.is === 'notNow') return adapted.reply
    if (adapted.is === 'impossible') {
      return demanded
        ? reply(554, '5.6.5', `It cannot be given a form that its recipient takes (${adapted.why})`)
        : message
    }
    const signatures = adapted.broken.length > 0 ? { 'broken-signatures': adapted.broken } : {}
    log.event('info', 'converted', { id, to: 'a form that its recipient takes', ...signatures })
    const { facts: made } = adapted
    return { ...message, facts: made, octets: made.octets, content: () => adapted.content() }
  }
