import { z } from 'zod'
import { type Address, addressKey, BadAddress, readAddress } from '../mail/address.ts'
import type { BodyFacts } from '../mail/facts.ts'
import { BadFilter, type Filter } from '../mail/features/filter.ts'
import { readFilter } from '../mail/features/read-filter.ts'
import { filterLines, writeFilter } from '../mail/features/write-filter.ts'
import { domainKey } from '../mail/idna.ts'
import { type Reply, reply } from '../mail/reply.ts'
import type { Attempt, ClientFacet, Extension, Hop, OutboundMail, Param, Sendable, Variant } from '../smtp/extension.ts'
import { flag } from '../smtp/param.ts'

const CONNEG: Param<true> = {
  ...flag('CONNEG', { endsHere: true }),
  answers: { unavailable: reply(504, '5.5.4', 'CONNEG is not supported here') },
}

/** What a recipient of ours takes; undefined: nobody knows. */
export type Capabilities = (recipient: Address) => Promise<Filter | undefined>

/** The mail's content as a recipient with these capabilities takes it. */
export type Adapt = (mail: Pick<Sendable, 'content' | 'defer' | 'now'>, capabilities: Filter) => Promise<Adapted>

export type Adapted =
  | { readonly is: 'asIs' }
  | {
      readonly is: 'converted'
      readonly facts: BodyFacts
      readonly broken: readonly string[]
      content(): AsyncIterable<Uint8Array>
    }
  | { readonly is: 'impossible'; readonly why: string }
  | { readonly is: 'notNow'; readonly reply: Reply }

/** Settings: filters by address, by domain, or by `*` for all mailboxes of ours. */
export const connegSettings: z.ZodType<{ capabilities: Record<string, string> }> = z.strictObject({
  capabilities: z
    .record(z.string(), z.string())
    .default({})
    .superRefine((given, context) => {
      for (const [whose, filter] of Object.entries(given)) {
        const message = faultOf(whose, filter)
        if (message !== undefined) context.addIssue({ code: 'custom', path: [whose], message })
      }
    })
    .describe('What recipients take, as RFC 2533 filters, by address, domain, or `*` for all mailboxes here.'),
})

const faultOf = (whose: string, filter: string): string | undefined => {
  try {
    if (whose !== '*') readAddress(whose.includes('@') ? whose : `x@${whose}`)
    readFilter(filter)
    return undefined
  } catch (error) {
    if (error instanceof BadAddress || error instanceof BadFilter) return error.message
    throw error
  }
}

/** `isMailbox`: mail for it ends in a mailbox of ours, which is asked where only `*` is left. */
export const capabilitiesOf = (
  settings: Readonly<Record<string, string>>,
  isMailbox: (address: Address) => Promise<boolean>,
): Capabilities => {
  const known = new Map(Object.entries(settings).map(([whose, filter]) => [keyOf(whose), readFilter(filter)] as const))
  return async (recipient) => {
    const named = known.get(keyFor(recipient)) ?? known.get(domainKey(recipient.domain))
    const all = known.get('*')
    return named ?? (all !== undefined && (await isMailbox(recipient)) ? all : undefined)
  }
}

const keyOf = (whose: string): string => (whose.includes('@') ? keyFor(readAddress(whose)) : domainKey(whose))

/** To those who write to it, a local part is the same in any case more often than not. */
const keyFor = (address: Address): string => addressKey(address).toLowerCase()

/** Characters of a filter on a line of the reply, `250-CONNEG ` not counted. */
const WIDTH = 64

/**
 * CONNEG, RFC 4141 section 5: the reply to RCPT tells what the recipient takes. As a client it is asked for mail whose
 * content may be converted, or must be (CONPERM), and the content is made to fit, recipient by recipient.
 */
export const conNeg = (capabilities?: Capabilities, adapt?: Adapt): Extension => ({
  keyword: 'CONNEG',
  rfc: [4141, 2533, 2938, 2912],
  words: {
    relay: 'asked for mail that may be converted, which is made to fit; under CONPERM else 5.6.5',
    offered: 'where capabilities are set',
  },
  params: { RCPT: [CONNEG] },
  ...(capabilities
    ? { server: { onRcpt: (recipient) => answer(recipient.params, recipient.address, capabilities) } }
    : {}),
  ...(adapt ? { client: asking(adapt) } : {}),
})

const answer = async (
  params: OutboundMail['envelope']['params'],
  address: Address,
  capabilities: Capabilities,
): Promise<{ readonly reply: Reply } | undefined> => {
  const known = 'CONNEG' in params ? await capabilities(address) : undefined
  if (known === undefined) return undefined
  const bare = filterLines(known, WIDTH).map((line) => `CONNEG ${line}`)
  return { reply: { ...reply(250, '2.1.5', 'Recipient ok'), bare } }
}

/** What a hop said of a recipient: what it takes, nothing, or that it is not to be asked. */
type Said = { readonly filter: Filter; readonly text: string } | 'nothing' | 'unaskable'

/** Recipients of mail under way about whom something is remembered, over connections to a hop. */
const MOST = 1000

const restricted = ({ envelope }: OutboundMail): boolean => 'CONPERM' in envelope.params

const asking = (adapt: Adapt): ClientFacet => {
  const memory = new Map<string, Said>()
  const memoKey = (mail: OutboundMail, hop: Hop, key: number) => `${hop.name} ${mail.id} ${key}`
  const concerns = (mail: OutboundMail) => restricted(mail) || mail.facts.permitsConversion === true
  const learn = (key: string, said: Said): { readonly learned: true } | undefined => {
    const before = memory.get(key)
    memory.delete(key)
    memory.set(key, said)
    const [oldest = ''] = memory.keys()
    if (memory.size > MOST) memory.delete(oldest)
    // A hop that says something else each time is believed once.
    return before === undefined ? { learned: true } : undefined
  }
  return {
    offered({ hop }) {
      hop.notes.set('CONNEG', true)
    },
    concerns,
    awaits: ['RCPT'],
    forRecipient: ({ key }, mail, hop) =>
      concerns(mail) && memory.get(memoKey(mail, hop, key)) !== 'unaskable' ? { CONNEG: true } : {},
    onReply(verb, said, { mail, hop, asked }: Attempt) {
      if (verb !== 'RCPT' || asked === undefined || !concerns(mail)) return undefined
      const key = memoKey(mail, hop, asked.key)
      if (said.code === 504 || said.code === 555) return learn(key, 'unaskable')
      return said.code >= 400 || memory.get(key) === 'unaskable' ? undefined : learn(key, told(said))
    },
    async variants(mail, hop) {
      const groups = new Map<string, { readonly said: Said; readonly of: number[] }>()
      for (const { key } of mail.recipients) {
        const said = memory.get(memoKey(mail, hop, key))
        if (said === undefined) continue
        const text = typeof said === 'string' ? '' : said.text
        const group = groups.get(text)
        if (group) group.of.push(key)
        else groups.set(text, { said, of: [key] })
      }
      const variants: Variant[] = []
      for (const { said, of } of groups.values()) variants.push({ of, ...(await made(mail, hop, said, adapt)) })
      return variants
    },
  }
}

/** Lines of the reply that begin with CONNEG, be it behind a status, are the filter (RFC 4141 5.2). */
const told = ({ lines }: Reply): Said => {
  const text = lines.flatMap((line) => /^(?:2\.\d+\.\d+ )?CONNEG(?: (.*))?$/i.exec(line)?.[1] ?? []).join(' ')
  try {
    const filter = readFilter(text)
    return { filter, text: writeFilter(filter) }
  } catch (error) {
    if (error instanceof BadFilter) return 'nothing'
    throw error
  }
}

const made = async (mail: Sendable, hop: Hop, said: Said, adapt: Adapt): Promise<Omit<Variant, 'of'>> => {
  // Whoever enforces the sender's wishes after us may do what we cannot.
  const mayPass = !restricted(mail) || hop.notes.has('CONPERM')
  if (typeof said === 'string') return mayPass ? {} : failed(`${hop.name} does not say what this recipient takes`)
  const adapted = await adapt(mail, said.filter)
  switch (adapted.is) {
    case 'asIs':
      return {}
    case 'converted':
      return { body: { ...adapted, name: said.text, content: () => adapted.content() } }
    case 'notNow':
      return { refuse: { reply: adapted.reply, next: 'later' } }
    case 'impossible':
      return mayPass ? {} : failed(`It cannot be given a form that its recipient takes (${adapted.why})`)
  }
}

const failed = (why: string): Omit<Variant, 'of'> => ({ refuse: { reply: reply(554, '5.6.5', why), next: 'never' } })
