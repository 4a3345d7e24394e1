import { type Address, formatPath } from '../mail/address.ts'
import type { ParamBag, ReversePath } from '../mail/envelope.ts'
import { Refusal, type Reply, reply } from '../mail/reply.ts'
import type { HeaderEdit } from '../mime/fields.ts'
import type { Log } from '../observe/log.ts'
import { inForce } from './client-hop.ts'
import type { ClientFacet, Extension, Hop, OutboundRecipient, Remedy } from './extension.ts'
import type { Registry } from './registry.ts'
import { editHeader, putOnTop } from './relay-edits.ts'
import { type Fit, makeFit, unfit } from './relay-fit.ts'
import {
  type Convert,
  convertedFields,
  forSome,
  type RelayMail,
  type RelayPlan,
  type Scope,
  type Sign,
  type Unsent,
} from './relay-mail.ts'
import { awaited, concerns, mailParams, type ParamRules, recipientParams, sayable } from './relay-params.ts'
import { bySender } from './relay-senders.ts'
import { vary } from './relay-variants.ts'

export interface PlanOptions {
  readonly hop: Hop
  readonly registry: Registry
  /** The extensions in force at the hop, where they are known already. */
  readonly used?: ReadonlySet<Extension>
  readonly log: Log
  /** Absent: what would have to be converted is refused (5.6.3). */
  readonly convert?: Convert
  /** The plans can be carried out until it ends. */
  readonly scope: Scope
  readonly sign?: Sign
}

/** What goes to the hop, and what does not. */
export interface RelayPlans {
  readonly plans: readonly RelayPlan[]
  readonly unsent: readonly Unsent[]
}

/**
 * What is done about what the hop lacks, and how the mail is sent. Variants of the content come first, for recipients who
 * are known to need one; then conversions, to a fixed point; then the
 * other remedies, once; then the signature; then the parameters, on the facts that resulted. Recipients that need
 * different content get plans of their own. Looks at nothing but its arguments, and reads the content only to convert
 * it, to edit its header and to sign it.
 */
export const planRelay = async (mail: RelayMail, options: PlanOptions): Promise<RelayPlans> => {
  const used = options.used ?? inForce(options.registry, options.hop.offers)
  const asked = options.registry.extensions.flatMap((extension): Asked[] => {
    const remedies = used.has(extension) ? extension.client?.with : extension.client?.without
    return remedies ? [{ extension, remedies }] : []
  })
  const rules = { ...options, used, asked }
  const { mails, unsent: refused } = await vary(mail, rules)
  let made: RelayPlans = { plans: [], unsent: refused }
  for (const one of mails) made = join(made, await planAll(one, rules))
  for (const conversion of new Set(made.plans.flatMap((plan) => plan.conversion ?? []))) {
    const where = { hop: options.hop.name, port: options.hop.channel.peer.port }
    options.log.event('info', 'converted', convertedFields(mail.id, where, conversion))
  }
  return made
}

/** An extension that has a say in what is done for the hop, and which say. */
interface Asked {
  readonly extension: Extension
  readonly remedies: NonNullable<ClientFacet['without']>
}

interface Rules extends Omit<PlanOptions, 'used'>, ParamRules {
  readonly asked: readonly Asked[]
}

const planAll = async (mail: RelayMail, rules: Rules): Promise<RelayPlans> => {
  const [one, other] = divide(mail, rules)
  if (other === undefined) return planAlike(one, rules)
  return join(await planAll(one, rules), await planAll(other, rules))
}

const join = (one: RelayPlans, other: RelayPlans): RelayPlans => ({
  plans: [...one.plans, ...other.plans],
  unsent: [...one.unsent, ...other.unsent],
})

const remediesOf = ({ extension, remedies }: Asked, mail: RelayMail, hop: Hop): readonly Remedy[] =>
  concerns(extension, mail) ? remedies(mail, hop, mail.recipients) : []

const CONTENT_STAYS: ReadonlySet<Remedy['do']> = new Set<Remedy['do']>([
  'refuse',
  'report',
  'addParams',
  'sendAs',
  'keepSenders',
])

/** In two, where some recipients need other content than the rest. */
const divide = (mail: RelayMail, { asked, hop }: Rules): readonly [RelayMail, RelayMail?] => {
  if (mail.recipients.length < 2) return [mail]
  for (const one of asked) {
    if (remediesOf(one, mail, hop).every(({ do: what }) => CONTENT_STAYS.has(what))) continue
    const [some = [], rest = []] = partition(mail.recipients, (r) => concerns(one.extension, forSome(mail, [r])))
    if (some.length > 0 && rest.length > 0) return [forSome(mail, some), forSome(mail, rest)]
  }
  return [mail]
}

const partition = <T>(all: readonly T[], test: (one: T) => boolean): readonly [T[], T[]] => {
  const yes: T[] = []
  const no: T[] = []
  for (const one of all) (test(one) ? yes : no).push(one)
  return [yes, no]
}

const planAlike = async (mail: RelayMail, rules: Rules): Promise<RelayPlans> => {
  const { hop, asked, sign } = rules
  const remedies = (now: RelayMail): readonly Remedy[] =>
    asked.length === 0 ? [] : asked.flatMap((one) => remediesOf(one, now, hop))
  const fit = await makeFit(mail, remedies, rules)
  if ('code' in fit) return refuseContent(mail, fit, rules)
  const others = remedies(fit.mail)
  const refused = refusals(fit.mail.recipients, others)
  if (refused.length > 0) return without(mail, refused, rules)
  const edited = await editHeader(fit.mail, others.flatMap(editOf))
  const signature = await sign?.(edited, hop)
  const final = signature ? putOnTop(edited, signature) : edited
  const why = unfit(final.facts, hop, fit.conversion !== undefined)
  return why ? refuseContent(mail, why, rules) : address(mail, { ...fit, mail: final }, others, rules)
}

/** What remedies are still needed is asked anew: some may have been needed for the sake of those that do not go. */
const without = async (mail: RelayMail, unsent: readonly Unsent[], rules: Rules): Promise<RelayPlans> => {
  const gone = new Set(unsent.map(({ recipient }) => recipient.key))
  const left = mail.recipients.filter(({ key }) => !gone.has(key))
  return join({ plans: [], unsent }, left.length === 0 ? NOTHING : await planAll(forSome(mail, left), rules))
}

const NOTHING: RelayPlans = { plans: [], unsent: [] }

const refuseAll = (mail: RelayMail, said: Reply, next: Unsent['next']): RelayPlans => ({
  plans: [],
  unsent: mail.recipients.map((recipient) => unsent(recipient, said, next)),
})

/** Where the envelope cannot be said either, that is the reason: no other content would do. */
const refuseContent = (mail: RelayMail, said: Reply, rules: Rules): RelayPlans => {
  const { envelope, recipients } = readdressed(mail, rules)
  const params = attempt(() => mailParams(mail, rules)(mail.now))
  const mute = (path: ReversePath) => !(params instanceof Refusal) && !sayable(formatPath(path), params, rules.used)
  const why = mute(envelope.sender) ? SENDER_NOT_ASCII : said
  const mutes = new Set(recipients.flatMap(({ key, address }) => (mute(address) ? [key] : [])))
  const of = (one: OutboundRecipient) => unsent(one, mutes.has(one.key) ? NOT_ASCII : why, 'otherHost')
  return { plans: [], unsent: mail.recipients.map(of) }
}

const unsent = (recipient: OutboundRecipient, said: Reply, next: Unsent['next']): Unsent => ({
  recipient,
  reply: next === 'otherHost' && said.code >= 400 ? said : ofClass(said, next === 'never' ? 5 : 4),
  next,
})

const ofClass = ({ code, status, lines }: Reply, digit: 4 | 5): Reply => ({
  code: digit * 100 + (code % 100),
  status: `${digit}${status.slice(1) || '.0.0'}`,
  lines,
})

const refusals = (recipients: readonly OutboundRecipient[], remedies: readonly Remedy[]): readonly Unsent[] => {
  const refused = new Map<number, Unsent>()
  for (const remedy of remedies) {
    if (remedy.do !== 'refuse') continue
    const of = remedy.of && new Set(remedy.of)
    for (const recipient of recipients) {
      if ((of === undefined || of.has(recipient.key)) && !refused.has(recipient.key)) {
        refused.set(recipient.key, unsent(recipient, remedy.reply, remedy.next))
      }
    }
  }
  return [...refused.values()]
}

const editOf = (remedy: Remedy): readonly HeaderEdit[] => {
  if (remedy.do === 'removeField') return [{ field: 'remove', name: remedy.name }]
  if (remedy.do !== 'prepend' && remedy.do !== 'replaceField') return []
  const [name, value] = remedy.field
  return [{ field: remedy.do === 'prepend' ? 'add' : 'replace', name, value }]
}

/** The last step: parameters, on the final facts, and whether all of it can be said. One plan for each reverse-path. */
const address = async (
  original: RelayMail,
  { mail: fitted, conversion }: Fit,
  remedies: readonly Remedy[],
  rules: Rules,
): Promise<RelayPlans> => {
  const plans: RelayPlan[] = []
  const refused: Unsent[] = []
  for (const part of bySender(fitted, remedies, rules.hop, rules.used)) {
    const made = addressed(readdressed(part.mail, rules), remedies, rules)
    if (!('mail' in made)) {
      refused.push(...made)
      continue
    }
    const otherwise = (part.otherwise ?? []).flatMap((one) => {
      const plan = addressed(readdressed(one, rules), remedies, rules)
      return 'mail' in plan ? plan : []
    })
    plans.push({ ...made, ...(conversion ? { conversion } : {}), ...(otherwise.length > 0 ? { otherwise } : {}) })
  }
  return refused.length > 0 ? without(original, refused, rules) : { plans, unsent: [] }
}

/** The plan, or who has to be left out of it. */
const addressed = (mail: RelayMail, remedies: readonly Remedy[], rules: Rules): RelayPlan | readonly Unsent[] => {
  const paramsAt = mailParams(mail, rules)
  const params = attempt(() => paramsAt(mail.now))
  if (params instanceof Refusal) return refuseAll(mail, params.reply, lasting(params.reply)).unsent
  if (!sayable(formatPath(mail.envelope.sender), params, rules.used))
    return refuseAll(mail, SENDER_NOT_ASCII, 'otherHost').unsent
  const byKey = new Map<number, ParamBag>()
  const refused: Unsent[] = []
  for (const recipient of mail.recipients) {
    const own = attempt(() => recipientParams(withParams(recipient, remedies), mail, rules))
    if (own instanceof Refusal) refused.push(unsent(recipient, own.reply, lasting(own.reply)))
    else if (sayable(formatPath(recipient.address), params, rules.used)) byKey.set(recipient.key, own)
    else refused.push(unsent(recipient, NOT_ASCII, 'otherHost'))
  }
  if (refused.length > 0) return refused
  const relayed = new Set(remedies.flatMap((remedy) => (remedy.do === 'report' ? remedy.of : [])))
  const awaits = awaited(mail, params, byKey, rules.used)
  return { mail, params, paramsAt, recipientParams: byKey, relayed, awaits }
}

const withParams = (recipient: OutboundRecipient, remedies: readonly Remedy[]): OutboundRecipient => {
  const added = remedies.flatMap((one) =>
    one.do === 'addParams' && one.of.includes(recipient.key) ? [one.params] : [],
  )
  return added.length === 0 ? recipient : { ...recipient, params: Object.assign({}, recipient.params, ...added) }
}

/** RFC 6531 3.5. */
const NOT_ASCII = reply(553, '5.6.7', 'The next host does not take internationalized addresses')
const SENDER_NOT_ASCII = reply(550, '5.6.7', 'The next host does not take internationalized addresses, not of a sender')

/** The mail with its envelope as it is said to a hop that lacks extensions. */
const readdressed = (mail: RelayMail, { registry, used }: Rules): RelayMail => {
  const ways = registry.extensions.flatMap((one) => (used.has(one) ? [] : (one.client?.readdress ?? [])))
  if (ways.length === 0) return mail
  const said = (address: Address): Address => ways.reduce((now, way) => way(now) ?? now, address)
  const { sender } = mail.envelope
  const recipients = mail.recipients.map((one) => ({ ...one, address: said(one.address) }))
  return {
    ...mail,
    recipients,
    envelope: { ...mail.envelope, sender: sender && said(sender), recipients },
    content: () => mail.content(),
  }
}

const lasting = (said: Reply): Unsent['next'] => (said.code >= 500 ? 'never' : 'later')

const attempt = <T>(what: () => T): T | Refusal => {
  try {
    return what()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}
