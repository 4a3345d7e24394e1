import { makeTransports as real, type TransportMeans } from '../../../src/app/transports.ts'
import type { Settings } from '../../../src/config/settings.ts'
import type { Transport } from '../../../src/transports/transport.ts'

const throwing = (transport: Transport): Transport => ({
  name: transport.name,
  limits: transport.limits,
  deliver(job, signal, settled) {
    const to = job.recipients.map(({ address }) => address.local)
    if (to.includes('throws')) throw new TypeError('A bug in a transport')
    if (to.includes('rejects')) return Promise.reject(new TypeError('A bug in a transport'))
    if (to.includes('forgets')) return Promise.resolve()
    return transport.deliver(job, signal, settled)
  },
  close: () => transport.close(),
})

/** In place of the program's own: local delivery has bugs that some recipients meet. */
export const makeTransports = (settings: Settings, means: TransportMeans): Map<string, Transport> =>
  new Map([...real(settings, means)].map(([name, transport]) => [name, throwing(transport)]))
