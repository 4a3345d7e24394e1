import { isAscii } from '../mail/address.ts'
import type { ParamBag } from '../mail/envelope.ts'
import type { Instant } from '../mail/instant.ts'
import type { Log } from '../observe/log.ts'
import type { Extension, Hop, OutboundMail, OutboundRecipient } from './extension.ts'
import type { Registry } from './registry.ts'

/** Of an extension's parameters for a verb, is one in the bag? */
const carries = (extension: Extension, verb: string, bag: ParamBag): boolean =>
  (extension.params?.[verb] ?? []).some(({ name, values }) => {
    const value = bag[name]
    return value !== undefined && (values === undefined || (value !== true && values.includes(value.toUpperCase())))
  })

/** Whether a mail with these parameters makes use of an extension. */
export const concerns = (extension: Extension, mail: OutboundMail): boolean =>
  extension.client?.concerns
    ? extension.client.concerns(mail)
    : carries(extension, 'MAIL', mail.envelope.params) ||
      mail.envelope.recipients.some(({ params }) => carries(extension, 'RCPT', params))

/**
 * The stored parameters that go on to the hop: those with an owner that is in force there and does not end them here.
 * A parameter that nobody owns any more, or whose owner no longer reads its value, is left out and logged.
 */
const travelling = (verb: string, bag: ParamBag, { registry, used, log }: ParamRules, id: string): ParamBag => {
  const travel: Record<string, string | true> = {}
  for (const name in bag) {
    const value = bag[name]
    if (value === undefined) continue
    const owner = registry
      .owners(verb, name)
      .find(({ param: { values } }) => !values || (value !== true && values.includes(value.toUpperCase())))
    if (owner === undefined) log.event('warn', 'parameter-unowned', { id, verb, name })
    else if (!owner.param.endsHere && used.has(owner.extension)) {
      try {
        owner.param.read(value)
        travel[name] = value
      } catch {
        log.event('warn', 'parameter-malformed', { id, verb, name })
      }
    }
  }
  return travel
}

export interface ParamRules {
  readonly registry: Registry
  /** The extensions in force at the hop. */
  readonly used: ReadonlySet<Extension>
  readonly hop: Hop
  readonly log: Log
}

/** MAIL's parameters, at a time, for the mail or what goes of it. Throws the Refusal of an extension that gives the mail up. */
export const mailParams = (
  mail: OutboundMail,
  rules: ParamRules,
): ((now: Instant, part?: OutboundMail) => ParamBag) => {
  const travel = travelling('MAIL', mail.envelope.params, rules, mail.id)
  const adding = [...rules.used].flatMap(({ client }) => (client?.adds ? [client] : []))
  return (now, part = mail) => {
    const then = now === part.now ? part : { ...part, now }
    return Object.assign({}, travel, ...adding.map((client) => client.adds?.(then, rules.hop)))
  }
}

/** One RCPT's. Throws the Refusal of an extension that gives the recipient up. */
export const recipientParams = (recipient: OutboundRecipient, mail: OutboundMail, rules: ParamRules): ParamBag => {
  let params = travelling('RCPT', recipient.params, rules, mail.id)
  for (const { client } of rules.used) {
    if (client?.forRecipient) params = { ...params, ...client.forRecipient(recipient, mail, rules.hop) }
  }
  return params
}

/** What recipients keep of a hop that takes the mail with these parameters. */
export const notes = (mail: OutboundMail, params: ParamBag, used: ReadonlySet<Extension>): readonly string[] =>
  [...used].flatMap(({ client }) => client?.notes?.(mail, params) ?? [])

/** Verbs that an extension in use wants to see answered before anything further is sent. */
export const awaited = (
  mail: OutboundMail,
  params: ParamBag,
  recipients: ReadonlyMap<number, ParamBag>,
  used: ReadonlySet<Extension>,
): ReadonlySet<'MAIL' | 'RCPT'> => {
  const verbs = new Set<'MAIL' | 'RCPT'>()
  for (const extension of used) {
    if (!extension.client?.awaits) continue
    const inUse = extension.client.concerns
      ? extension.client.concerns(mail)
      : carries(extension, 'MAIL', params) || [...recipients.values()].some((bag) => carries(extension, 'RCPT', bag))
    if (inUse) for (const verb of extension.client.awaits) verbs.add(verb)
  }
  return verbs
}

/** Whether a path may be said to the hop: beyond ASCII only where an extension in force makes that part of the grammar. */
export const sayable = (path: string, params: ParamBag, used: ReadonlySet<Extension>): boolean => {
  if (isAscii(path)) return true
  for (const { server } of used) if (server?.grammar?.(params)?.utf8) return true
  return false
}
