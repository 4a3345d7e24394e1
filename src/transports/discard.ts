import { formatAddress } from '../mail/address.ts'
import { reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Transport } from './transport.ts'

export interface DiscardOptions {
  readonly name: string
  readonly clock: Clock
  readonly log: Log
}

/** Takes everything and keeps nothing; the log says whose mail it was. */
export const discardTransport = ({ name, clock, log }: DiscardOptions): Transport => ({
  name,
  limits: { perDestination: 20, recipientsPerDelivery: 1000 },
  async deliver({ message, recipients }, _signal, settled) {
    for (const { key, address } of recipients) {
      log.event('info', 'discarded', { id: message.id, transport: name, recipient: formatAddress(address) })
      const diagnosis = { ...reply(250, '2.0.0', 'Discarded'), by: 'local', at: clock.now() } as const
      settled({ of: key, diagnosis, event: 'delivered' })
    }
  },
  async close() {},
})
