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

/** Commands that may be on their way unanswered, and octets of them sent at once. Their replies fit into anyone's buffers. */
const MOST_UNANSWERED = 100
const MOST_OCTETS = 16_384

/**
 * Sends commands and takes their replies in order. In batches (RFC 2920) many go out at once, within bounds, and the
 * replies are read while they do, so that neither end waits for the other to read; else one at a time. Replies are
 * counted, never recognized by what they say.
 */
export const exchange = async (wire: ClientWire, steps: readonly Step[], inBatches: boolean): Promise<void> => {
  const most = inBatches ? MOST_UNANSWERED : 1
  let sent = 0
  let answered = 0
  let end = steps.length
  const fill = (): void => {
    let octets = 0
    for (; sent < end && sent - answered < most && octets < MOST_OCTETS; sent += 1) {
      const step = steps[sent]
      if (!step || (step.waits && sent > answered)) break
      wire.say(step.line)
      octets += step.line.length
    }
    if (octets > 0) wire.push()
  }
  for (; answered < end; answered += 1) {
    if (sent === answered) {
      if (wire.pushing) await wire.flush()
      await wire.demandSilence()
    }
    if (!wire.pushing && sent - answered <= most / 2) fill()
    const step = steps[answered]
    if (step?.take(await wire.reply(step.timeout)) === 'stop') end = sent
  }
  if (wire.pushing) await wire.flush()
}
