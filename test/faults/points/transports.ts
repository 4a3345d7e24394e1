import { makeTransports as real, type TransportMeans } from '../../../src/app/transports.ts'
import type { Settings } from '../../../src/config/settings.ts'
import type { Transport } from '../../../src/transports/transport.ts'
import { type Points, threadPoints } from './points.ts'

const stepwise = (transport: Transport, points: Points): Transport => {
  const { name } = transport
  return {
    name,
    limits: transport.limits,
    async deliver(job, signal, settled) {
      points.pass(`${name} deliver: before`)
      await transport.deliver(job, signal, (outcome) => {
        points.pass(`${name} outcome: before`)
        settled(outcome)
        points.pass(`${name} outcome: after`)
      })
      points.pass(`${name} deliver: after`)
    },
    close: () => transport.close(),
  }
}

/** In place of the program's own: each can die around every delivery and outcome. */
export const makeTransports = (settings: Settings, means: TransportMeans): Map<string, Transport> => {
  const points = threadPoints()
  return new Map([...real(settings, means)].map(([name, transport]) => [name, stepwise(transport, points)]))
}
