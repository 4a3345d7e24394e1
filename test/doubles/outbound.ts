import { readAddress } from '../../src/mail/address.ts'
import type { ParamBag } from '../../src/mail/envelope.ts'
import type { BodyFacts } from '../../src/mail/facts.ts'
import { inspector } from '../../src/mime/inspect.ts'
import { memoryChannels } from '../../src/net/memory-channel.ts'
import { silentLog } from '../../src/observe/log.ts'
import type { SendOutcome } from '../../src/smtp/client-outcomes.ts'
import { type ClientConversation, type ConversationOptions, openConversation } from '../../src/smtp/conversation.ts'
import type { Extension, OutboundRecipient } from '../../src/smtp/extension.ts'
import { createRegistry } from '../../src/smtp/registry.ts'
import type { RelayMail } from '../../src/smtp/relay-mail.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { type Played, playHop } from './scripted-hop.ts'

export const factsOf = (text: string): BodyFacts => {
  const look = inspector({ maxHeader: 65_536 })
  look.write(Buffer.from(text, 'latin1'))
  return look.end().facts
}

export interface Outbound {
  /** One character per octet. */
  readonly text?: string
  readonly sender?: string | null
  readonly params?: ParamBag
  readonly origin?: 'submitted' | 'report'
  /** Seconds since it was accepted; negative: a clock was put back. Absent: 100. */
  readonly age?: number
  /** Addresses, or addresses, their parameters and their own reverse-paths. Keys are 10, 11, 12, … */
  readonly to?: readonly (string | readonly [string, ParamBag, string?])[]
}

/** Mail to be relayed, as the queue would hand it out. */
export const outbound = (mail: Outbound = {}): RelayMail => {
  const {
    text = 'Subject: x\r\n\r\nHello.\r\n',
    sender = 'me@here.test',
    params = {},
    to = ['a@there.test'],
    age = 100,
  } = mail
  const recipients: OutboundRecipient[] = to.map((one, index) => {
    const [address, own, from] = typeof one === 'string' ? [one, {}] : one
    const path = from === undefined ? {} : { sender: readAddress(from) }
    return { key: 10 + index, address: readAddress(address), params: own, ...path }
  })
  return {
    id: 'ID1',
    envelope: { sender: sender === null ? null : readAddress(sender), params, recipients },
    facts: factsOf(text),
    ...(mail.origin ? { origin: mail.origin } : {}),
    accepted: 1_767_225_600_000 - age * 1000,
    now: 1_767_225_600_000,
    recipients,
    async *content() {
      // In pieces, so that borders fall where they may.
      for (let at = 0; at < text.length; at += 7) yield Buffer.from(text.slice(at, at + 7), 'latin1')
    },
  }
}

export interface Talk {
  readonly conversation: ClientConversation
  readonly clock: ManualClock
  /** Sends, and tells each outcome as `KEY CODE STATUS`, with `relayed` or `otherHost` behind it, in the order they came. */
  send(mail: RelayMail): Promise<string[]>
  /** The same, and who was handed back. */
  sendSome(mail: RelayMail): Promise<{ readonly told: string[]; readonly back: readonly number[] }>
}

/** Says as `KEY CODE STATUS` what became of a recipient, and in parentheses what it remembers. */
export const told = ({ of, diagnosis, event, next, notes }: SendOutcome): string =>
  [of, diagnosis.code, diagnosis.status, event, next, notes && `(${notes})`]
    .filter((word) => word !== undefined && word !== '')
    .join(' ')

/** Opens a conversation with a scripted hop and acts on it; fails when either leaves the script. */
export const withHop = async (
  script: string,
  extensions: readonly Extension[],
  act: (talk: Talk) => Promise<void>,
  more: Partial<ConversationOptions> = {},
): Promise<Played> => {
  const clock = manualClock()
  const [here, there] = memoryChannels(clock)
  const played = playHop(there, script)
  // Whoever fails first tells why; the other only sees a closed channel.
  const client = converse().finally(() => here.destroy())
  const [hop, us] = await Promise.allSettled([played, client])
  if (hop.status === 'rejected') throw hop.reason
  if (us.status === 'rejected') throw us.reason
  return hop.value

  async function converse(): Promise<void> {
    const options = { registry: createRegistry(extensions), hostname: 'me.test', name: 'hop.test', clock }
    const conversation = await openConversation(here, { ...options, log: silentLog, ...more })
    const sendSome: Talk['sendSome'] = async (mail) => {
      const outcomes: string[] = []
      const back = await conversation.send(mail, (outcome) => outcomes.push(told(outcome)))
      return { told: outcomes, back: back.map(({ key }) => key) }
    }
    const send: Talk['send'] = async (mail) => {
      const { told: outcomes, back } = await sendSome(mail)
      if (back.length > 0) throw new Error(`Handed back: ${back}`)
      return outcomes
    }
    await act({ conversation, clock, send, sendSome })
    await conversation.quit()
  }
}
