import { formatAddress } from '../../src/mail/address.ts'
import type { Diagnosis } from '../../src/mail/diagnosis.ts'
import type { SpooledRecipient } from '../../src/spool/spool.ts'
import type { Job, Outcome, Transport } from '../../src/transports/transport.ts'

/** What a transport says of one recipient. A number is a bare code; `down` a 421 that means the destination. */
export type Say = number | 'down' | Omit<Outcome, 'of'> | undefined

export interface Delivery {
  readonly id: string
  readonly to: readonly string[]
  readonly at: number
  readonly job: Job
}

export interface ScriptedTransport extends Transport {
  /** Every call, in order. */
  readonly deliveries: Delivery[]
  /** Recipients that were told a 2yz, as often as they were. */
  readonly delivered: string[]
  /** Deliveries under way, and the most there ever were. */
  running: number
  peak: number
  closed: boolean
}

export interface Script {
  readonly name?: string
  readonly limits?: Partial<Transport['limits']>
  /** Asked for each recipient; `attempt` counts from 0. Undefined: no outcome. May throw. */
  say?(recipient: SpooledRecipient, attempt: number, job: Job): Say | Promise<Say>
  /** In place of the above. */
  deliver?: Transport['deliver']
}

export const diagnosisOf = (code: number, at: number, text = 'So it is'): Diagnosis => ({
  code,
  status: `${Math.trunc(code / 100)}.0.0`,
  lines: [text],
  by: 'smtp',
  remote: { name: 'mx.example.net', address: '192.0.2.1' },
  phase: 'body',
  at,
})

export const nameOf = ({ address }: Pick<SpooledRecipient, 'address'>): string => formatAddress(address)

/** Does what the test says. Without a script it takes everything. */
export const scriptedTransport = (now: () => number, script: Script = {}): ScriptedTransport => {
  const attempts = new Map<string, number>()
  const transport: ScriptedTransport = {
    name: script.name ?? 'smtp',
    limits: { perDestination: 20, recipientsPerDelivery: 1000, ...script.limits },
    deliveries: [],
    delivered: [],
    running: 0,
    peak: 0,
    closed: false,
    async deliver(job, signal, settled) {
      const { message, recipients } = job
      transport.deliveries.push({ id: message.id, to: recipients.map(nameOf), at: now(), job })
      transport.running += 1
      transport.peak = Math.max(transport.peak, transport.running)
      const tell = (outcome: Outcome): void => {
        const recipient = recipients.find((one) => one.key === outcome.of)
        if (recipient !== undefined && outcome.diagnosis.code < 300) transport.delivered.push(nameOf(recipient))
        settled(outcome)
      }
      try {
        if (script.deliver !== undefined) return await script.deliver(job, signal, tell)
        for (const recipient of recipients) {
          const key = `${message.id}/${recipient.key}`
          const attempt = attempts.get(key) ?? 0
          attempts.set(key, attempt + 1)
          const said = script.say === undefined ? 250 : await script.say(recipient, attempt, job)
          if (said === undefined) continue
          if (said === 'down') {
            const diagnosis = { ...diagnosisOf(421, now(), 'Connection refused'), phase: 'connect' }
            tell({ of: recipient.key, diagnosis, destinationDown: true })
          } else if (typeof said === 'number') tell({ of: recipient.key, diagnosis: diagnosisOf(said, now()) })
          else tell({ of: recipient.key, ...said })
        }
      } finally {
        transport.running -= 1
      }
    },
    async close() {
      transport.closed = true
    },
  }
  return transport
}
