import type { Envelope } from '../mail/envelope.ts'
import { Refusal, refuse, reply } from '../mail/reply.ts'
import { type Inspection, inspector } from '../mime/inspect.ts'
import type { Extension } from '../smtp/extension.ts'
import { forQueue } from '../smtp/queueing.ts'
import type { Lane } from '../spool/spool.ts'
import { admit } from './admission.ts'
import { deposit, orRefuse } from './deposit.ts'
import type { IntakeOptions } from './intake.ts'

/** Mail of a local program: by `sendmail`, or by a program that embeds us. */
export interface LocalMail extends Envelope {
  readonly user?: string
}

export interface LocalOptions extends Omit<IntakeOptions, 'mayRelay' | 'submission'> {
  readonly maxOctets: number
  readonly maxHeader: number
  readonly maxRecipients: number
  readonly extensions: readonly Extension[]
}

/**
 * Keeps mail of a local program, which may send anywhere; its lines end with CRLF. On return it is as safe as after a 250.
 * Throws a Refusal when any recipient is unknown or anything else is wrong; then nothing is kept.
 */
export const takeLocal = async (
  mail: LocalMail,
  body: AsyncIterable<Uint8Array>,
  options: LocalOptions,
): Promise<{ readonly id: string }> => {
  if (mail.recipients.length === 0) refuse(554, '5.5.1', 'No recipients')
  if (mail.recipients.length > options.maxRecipients) refuse(452, '4.5.3', 'Too many recipients')
  const lanes: Lane[] = []
  for (const { address } of mail.recipients) {
    const { lane } = await admit(address, options.resolver, true, options.log)
    lanes.push(lane)
  }
  const draft = options.spool.open()
  try {
    const { header, facts } = await orRefuse(() => fill(draft, body, options))
    const accepted = options.clock.now()
    const { envelope, ...queued } = forQueue(options.extensions, mail, header, accepted)
    await deposit(
      draft,
      {
        sender: mail.sender,
        params: envelope.params,
        recipients: envelope.recipients.map((recipient, index) => ({ ...recipient, lane: lanes[index] ?? null })),
        header,
        facts,
        edits: [],
        marks: [],
        ...queued,
        accepted,
        origin: {
          listener: options.listener,
          peer: '',
          helo: '',
          kind: 'local',
          submitted: true,
          ...(mail.user ? { identity: mail.user } : {}),
        },
      },
      options,
    )
    return { id: draft.id }
  } catch (error) {
    await draft.abort()
    throw error
  }
}

const fill = async (
  draft: { write(chunk: Uint8Array): Promise<void> | void; readonly octets: number },
  body: AsyncIterable<Uint8Array>,
  options: LocalOptions,
): Promise<Inspection> => {
  const inspect = inspector({ maxHeader: options.maxHeader })
  for await (const chunk of body) {
    inspect.write(chunk)
    await draft.write(chunk)
    if (draft.octets > options.maxOctets) {
      throw new Refusal(reply(552, '5.3.4', `Message too big; at most ${options.maxOctets} octets are taken`))
    }
  }
  const inspection = inspect.end()
  if (inspection.headerTooLong) refuse(552, '5.3.4', 'The header is too long')
  if (inspection.facts.bareNewline) refuse(554, '5.6.0', 'A bare CR or LF is in the message')
  return inspection
}
