import { formatAddress } from '../../src/mail/address.ts'
import type { ReversePath } from '../../src/mail/envelope.ts'
import type { Reporter } from '../../src/reports/report.ts'
import type { ReportEvent, ReportedRecipient } from '../../src/smtp/extension.ts'

export interface ComposedReport {
  readonly about: string
  readonly to: ReversePath
  readonly recipients: readonly ReportedRecipient[]
  /** The message it is written in: committed or not is the spool's affair. */
  readonly draft: string
}

export interface PlainReporter extends Reporter {
  /** Every report written, those thrown away later included. */
  readonly composed: ComposedReport[]
  /** Thrown by the next `compose` calls, one each. */
  readonly failures: Error[]
}

const ALWAYS: readonly ReportEvent[] = ['failed', 'delayed']

/** Reports in one line of text: failures and delays always, the rest where the recipient has `NOTIFY=SUCCESS`. Never to `<>`. */
export const plainReporter = (now: () => number): PlainReporter => {
  const composed: ComposedReport[] = []
  const failures: Error[] = []
  return {
    composed,
    failures,
    owed: (_, recipients) =>
      recipients.filter(
        ({ event, params }) =>
          params['NOTIFY'] !== 'NEVER' && (ALWAYS.includes(event) || params['NOTIFY'] === 'SUCCESS'),
      ),
    passesOn: (params, of, to) => (of === 'message' || to === 'one' ? params : {}),
    schedule: () => ({}),
    async compose(message, to, recipients, open) {
      if (to === null) return undefined
      const draft = open()
      const text = recipients.map((one) => `${one.event} ${formatAddress(one.address)} ${one.last.status}`).join('\n')
      await draft.write(Buffer.from(`Subject: report\r\n\r\n${text}\r\n`))
      const failure = failures.shift()
      if (failure !== undefined) throw failure
      composed.push({ about: message.id, to, recipients, draft: draft.id })
      return {
        draft,
        record: {
          sender: null,
          params: {},
          recipients: [{ address: to, params: {} }],
          prefix: new Uint8Array(),
          bodyFrom: 0,
          facts: { ...message.facts, octets: draft.octets },
          origin: { listener: '', peer: '', helo: '', protocol: 'local', kind: 'report' },
          schedule: {},
          accepted: now(),
        },
      }
    },
  }
}
