import type { Reply } from '../mail/reply.ts'
import type { ClientWire } from './client-wire.ts'

/** One command and what its reply is for. */
export interface Step {
  readonly line: string
  readonly timeout: number
  /** The replies before it must be known before it is sent. */
  readonly waits?: boolean
  /** `stop`: what has not been sent yet is not sent. */
  take(answer: Reply): 'stop' | void
}

/** Commands that may be on their way unanswered. Their replies fit into anyone's buffers. */
const MOST_UNANSWERED = 100
const MOST_OCTETS = 16_384

/**
 * Sends commands and takes their replies in order. In batches (RFC 2920) many go out at once, within bounds, and the
 * replies are read while they do; else one at a time. Replies are counted, never recognized by what they say.
 */
export const exchange = async (wire: ClientWire, steps: readonly Step[], inBatches: boolean): Promise<void> => {
  const most = inBatches ? MOST_UNANSWERED : 1
  let sent = 0
  let end = steps.length
  for (let answered = 0; answered < end; answered += 1) {
    if (sent - answered <= most / 2 && sent < end && !wire.pushing) {
      const from = sent
      sent = write(wire, steps.slice(0, end), sent, answered, most)
      if (sent > from) wire.push()
    }
    if (sent === answered) await wire.flush()
    const step = steps[answered]
    if (step && step.take(await wire.reply(step.timeout)) === 'stop') end = sent
  }
  await wire.flush()
}

/** Writes what may be sent now; how many have been sent then. */
const write = (wire: ClientWire, steps: readonly Step[], from: number, answered: number, most: number): number => {
  let octets = 0
  let sent = from
  for (const step of steps.slice(from)) {
    if (sent - answered >= most || octets > MOST_OCTETS || (step.waits && sent > answered)) break
    wire.say(step.line)
    octets += step.line.length + 2
    sent += 1
  }
  return sent
}
