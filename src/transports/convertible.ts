import type { Convertible } from '../smtp/relay-mail.ts'
import type { SpooledMessage } from '../spool/spool.ts'

/** A message as it leaves us: the spool's facts are those of what came, and what we wrote before it is part of its header. */
export const asConvertible = (message: SpooledMessage): Convertible => {
  const { id, facts, octets, origin } = message
  const from = REPORTS.has(origin.kind) ? 'report' : origin.submitted ? 'submitted' : undefined
  return {
    id,
    facts: { ...facts, octets, headerOctets: facts.headerOctets + octets - facts.octets },
    ...(from ? { origin: from } : {}),
    content: () => message.content(),
  }
}

/** What of `Origin.kind` this program writes itself. */
const REPORTS: ReadonlySet<string> = new Set(['report', 'double-bounce'])
