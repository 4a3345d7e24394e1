import { type Address, addressKey } from '../mail/address.ts'
import { ours } from '../mail/diagnosis.ts'
import type { ParamBag, ReversePath } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import { reply } from '../mail/reply.ts'
import type { Reporter } from '../reports/report.ts'
import type { Schedule } from '../smtp/extension.ts'
import type { Fork, NewRecipient, SpooledMessage, SpooledRecipient } from '../spool/spool.ts'
import type { Verdict } from './verdict.ts'

/** One transaction adds and forks this many slices of members at most; what is left is for the next claim. */
const SLICES = 20

/** Members up to and with this key have become messages. */
const UPTO = 'members<='

/** Of so many of its ancestors, the farthest, a recipient is no business: they were expanded in another message, a list's. */
const BEFORE = 'before='

const beforeOf = ({ reported }: Pick<SpooledRecipient, 'reported'>): number =>
  Number(reported.find((note) => note.startsWith(BEFORE))?.slice(BEFORE.length) ?? 0)

/** The address that we were given with the mail, where the recipient is one that it was expanded into. */
export const acceptedAs = (recipient: Pick<SpooledRecipient, 'ancestors' | 'reported'>): Address | undefined =>
  recipient.ancestors.slice(0, Math.max(0, recipient.ancestors.length - beforeOf(recipient))).at(-1)

type Known = Pick<SpooledRecipient, 'address' | 'ancestors'>

/** Expands recipients of one message into their members, each address served once within the message. */
export interface Expansion {
  /** Undefined: no room left in this transaction. */
  expand(recipient: SpooledRecipient, members: readonly Address[], owner: ReversePath | undefined): Verdict | undefined
}

/** `known`: all recipients of the message, as far as can be told. */
export const expansion = (
  message: Pick<SpooledMessage, 'sender' | 'params' | 'schedule' | 'accepted'>,
  known: readonly Known[],
  slice: number,
  reporter: Pick<Reporter, 'passesOn' | 'schedule'>,
  now: Instant,
): Expansion => {
  const seen = new Set<string>()
  // An alias may name itself, and then means the mailbox. So an address may come once more below itself, but not twice.
  const again = new Set<string>()
  for (const { address, ancestors } of known) {
    const key = addressKey(address)
    if (ancestors.some((one) => addressKey(one) === key)) again.add(key)
    else seen.add(key)
  }
  let room = SLICES * slice

  const fresh = (members: readonly Address[], lineage: readonly Address[]): Address[] => {
    const above = new Set(lineage.map(addressKey))
    return members.filter((member) => {
      const key = addressKey(member)
      const met = above.has(key) ? again : seen
      if (met.has(key)) return false
      met.add(key)
      return true
    })
  }

  const passed = (params: ParamBag, of: 'message' | 'recipient', to: 'one' | 'many' | 'list'): ParamBag =>
    reporter.passesOn(params, of, to)

  const expanded = (
    served: number,
    kind: 'one' | 'many' | 'list',
    adds: readonly NewRecipient[],
    forks: readonly Fork[],
  ): Verdict => ({
    is: 'expanded',
    last: ours(reply(250, '2.1.5', `Expanded into ${served} ${served === 1 ? 'address' : 'addresses'}`), now),
    // RFC 3461 5.2.7: a list is the end of the sender's mail, an alias with one member nothing to speak of.
    ...(kind === 'one' ? {} : { event: kind === 'list' ? 'delivered' : 'expanded' }),
    adds,
    forks,
  })

  return {
    expand(recipient, members, owner) {
      const lineage = [recipient.address, ...recipient.ancestors]
      const distinct = new Map<string, Address>()
      for (const member of members) distinct.set(addressKey(member), member)
      // A report must not come back as mail from a list's owner: it stays without sender (RFC 5321 4.5.5).
      const list = owner !== undefined && message.sender !== null
      // A list in itself is a mistake; its mail must not go round.
      if (list) for (const address of lineage) distinct.delete(addressKey(address))
      if (distinct.size === 0) {
        const last = ours(reply(550, '5.2.4', 'Nobody is behind this address'), now)
        return { is: 'failed', last, attempted: false }
      }
      const before = list ? lineage.length : beforeOf(recipient)
      const kind = list ? 'list' : distinct.size === 1 ? 'one' : 'many'
      const params = passed(recipient.params, 'recipient', kind)

      const mail = passed(message.params, 'message', kind)
      if (!list && distinct.size <= slice && alike(mail, message.params)) {
        if (distinct.size > room) return undefined
        room -= distinct.size
        const more = { ...(recipient.sender === undefined ? {} : { sender: recipient.sender }), ...noted(before) }
        const adds = fresh([...distinct.values()], lineage).map((address) => ({ address, params, ...more }))
        return expanded(distinct.size, kind, adds, [])
      }

      // In the order of their keys, so that a list that was changed in between is still taken up at the right place.
      const upTo = recipient.reported
        .filter((note) => note.startsWith(UPTO))
        .map((note) => note.slice(UPTO.length))
        .sort()
        .at(-1)
      const left = [...distinct.keys()].filter((key) => upTo === undefined || key > upTo).sort()
      const part = left.slice(0, Math.floor(room / slice) * slice)
      if (part.length === 0 && left.length > 0) return undefined
      room -= Math.ceil(part.length / slice) * slice

      const some = part.flatMap((key) => distinct.get(key) ?? [])
      const served = list ? some : fresh(some, lineage)
      const sender = list ? owner : recipient.sender === undefined ? message.sender : recipient.sender
      const forks: Fork[] = []
      for (let from = 0; from < served.length; from += slice) {
        const envelope = {
          sender,
          params: mail,
          recipients: served
            .slice(from, from + slice)
            .map((address) => ({ address, params, ancestors: lineage, ...noted(before) })),
        }
        // A list's mail is new, and due as what is left of its parameters says.
        const schedule = list ? released(reporter.schedule(envelope, message.accepted), now) : message.schedule
        forks.push({ ...envelope, schedule })
      }
      const end = part.at(-1)
      return end === undefined || part.length === left.length
        ? expanded(distinct.size, kind, [], forks)
        : { is: 'expanding', forks, note: `${UPTO}${end}` }
    },
  }
}

/** Whatever is expanded has been released, maybe before its sender's time. */
const released = ({ notBefore, ...rest }: Schedule, now: Instant): Schedule =>
  notBefore === undefined ? rest : { ...rest, notBefore: Math.min(notBefore, now) }

const noted = (before: number): Pick<NewRecipient, 'reported'> =>
  before === 0 ? {} : { reported: [`${BEFORE}${before}`] }

/** Members whose mail lost a parameter cannot stay in a message that has it. */
const alike = (one: ParamBag, other: ParamBag): boolean =>
  Object.keys(one).length === Object.keys(other).length && Object.keys(one).every((name) => one[name] === other[name])
