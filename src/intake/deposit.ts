import { addressKey, formatPath, isAscii } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import type { BodyFacts } from '../mail/facts.ts'
import type { Instant } from '../mail/instant.ts'
import { refuse } from '../mail/reply.ts'
import type { Trail } from '../mail/trail.ts'
import { withHeader, withoutHeader } from '../mime/edited-facts.ts'
import { applyEdits, type Header, type HeaderEdit, readHeader, separator } from '../mime/fields.ts'
import { loops, type Mark, protocol, received } from '../mime/trace.ts'
import type { Fields, Log } from '../observe/log.ts'
import type { Completion, Schedule } from '../smtp/extension.ts'
import { type Draft, type Lane, LeaseLost, type MessageRecord, type Origin, SpoolError } from '../spool/spool.ts'

/** A message that is complete and has to be kept now. */
export interface Deposit {
  readonly sender: ReversePath
  readonly params: ParamBag
  readonly recipients: readonly (Recipient & { readonly lane: Lane; readonly last?: Diagnosis })[]
  readonly header: Header
  readonly facts: BodyFacts
  readonly edits: readonly HeaderEdit[]
  readonly marks: readonly Mark[]
  /** By EHLO or the like; absent for mail that did not come by SMTP. */
  readonly extended?: boolean
  readonly schedule: Schedule
  readonly trail?: Trail
  readonly accepted: Instant
  readonly origin: Omit<Origin, 'protocol'>
  readonly completes?: Completion
}

export interface DepositOptions {
  readonly hostname: string
  /** Received fields before mail counts as going in circles. */
  readonly hops: number
  readonly log: Log
}

/** Writes the trace field and commits the draft: on return the message is safe. Throws a Refusal, after which nothing of it is there. */
export const deposit = async (draft: Draft, mail: Deposit, options: DepositOptions): Promise<void> => {
  if (loops(mail.header, options.hostname, { received: options.hops })) {
    refuse(554, '5.4.6', 'This message has been here too often: a mail loop')
  }
  await orRefuse(() => draft.commit(recordOf(draft.id, mail, options)))
  options.log.event('info', 'accepted', fieldsOf(draft.id, mail))
}

/** How the log tells of mail that has come. */
export const fieldsOf = (
  id: string,
  {
    origin,
    sender,
    recipients,
    facts,
    header,
  }: Pick<Deposit, 'origin' | 'sender' | 'facts' | 'header'> & {
    readonly recipients: readonly unknown[]
  },
): Fields => ({
  id,
  listener: origin.listener,
  peer: origin.peer,
  helo: origin.helo,
  identity: origin.identity,
  sender: formatPath(sender),
  recipients: recipients.length,
  octets: facts.octets,
  'message-id': header.values('Message-ID')[0],
})

const recordOf = (id: string, mail: Deposit, { hostname }: DepositOptions): MessageRecord => {
  const how = mail.extended === undefined ? 'local' : protocol(mail.marks, mail.extended)
  const trace = received({
    helo: mail.origin.helo,
    peer: mail.origin.peer,
    hostname,
    extended: mail.extended ?? false,
    marks: mail.marks,
    utf8: mail.facts.rawHeaders?.utf8 === true,
    ...(mail.extended === undefined ? { protocol: how } : {}),
    id,
    recipients: mail.recipients.map(({ address }) => address),
    at: mail.accepted,
  })
  const header = mail.edits.length > 0 ? applyEdits(mail.header, mail.edits) : undefined
  const between = separator(header ? readHeader(header) : mail.header)
  const top = Buffer.from(trace + between)
  const edited = header ? withHeader(mail.facts, header, mail.facts.headerOctets) : mail.facts
  const facts = between === '' ? edited : withoutHeader(edited)
  return {
    sender: mail.sender,
    params: mail.params,
    recipients: distinct(mail.recipients),
    prefix: header ? Buffer.concat([top, header]) : top,
    bodyFrom: header ? mail.facts.headerOctets : 0,
    // A path or a name in UTF-8 makes a raw header of any.
    facts: isAscii(trace) ? facts : withHeader(facts, Buffer.from(trace), 0),
    origin: { ...mail.origin, protocol: how },
    schedule: mail.schedule,
    accepted: mail.accepted,
    ...(mail.trail ? { trail: mail.trail } : {}),
    ...(mail.completes ? { completes: mail.completes } : {}),
    history: [`accepted by ${mail.origin.listener} from ${mail.origin.peer || mail.origin.kind} as ${how}`],
  }
}

/** Who is named twice, with the same wishes, gets the mail once. */
const distinct = (all: Deposit['recipients']): Deposit['recipients'] => {
  if (all.length < 2) return all
  const met = new Set<string>()
  return all.filter(({ address, params }) => {
    const key = `${addressKey(address)} ${JSON.stringify(params)}`
    return !met.has(key) && met.add(key)
  })
}

/** Runs a step of the spool; its failures are answered in SMTP's words: 452 for want of room, 451 for any other. */
export const orRefuse = async <T>(step: () => T | Promise<T>): Promise<T> => {
  try {
    return await step()
  } catch (error) {
    if (error instanceof LeaseLost) return refuse(451, '4.5.0', 'This mail goes on over another connection')
    if (!(error instanceof SpoolError)) throw error
    if (error.kind === 'full') return refuse(452, '4.3.1', 'There is no room for mail just now')
    return refuse(451, '4.3.0', 'Mail cannot be kept just now')
  }
}
