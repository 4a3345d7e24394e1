import { z } from 'zod'
import { type Address, addressKey, asciiAddress, BadAddress, formatPath, readAddress } from '../mail/address.ts'
import type { ParamBag, Recipient } from '../mail/envelope.ts'
import { Refusal, type Reply, refuse, reply } from '../mail/reply.ts'
import type { Header } from '../mime/fields.ts'
import type { Extension, Param } from '../smtp/extension.ts'
import { get } from '../smtp/param.ts'

/** Characters of a list of classes at most (RFC 3865 section 2.2). */
const MOST = 1000
/** Characters of them in the trace. */
const ROOM = 180
const CLASS = /^[A-Za-z][A-Za-z0-9._:-]*$/

/** Undefined when it is no list of classes. */
const readClasses = (text: string): readonly string[] | undefined => {
  const classes = text.split(',')
  return text.length <= MOST && classes.every((one) => CLASS.test(one)) ? classes : undefined
}

const SOLICIT: Param<readonly string[]> = {
  name: 'SOLICIT',
  // The RFC says 1007 and forgot the space and the equals sign.
  maxOctets: MOST + 9,
  read: (text) =>
    (text === true ? undefined : readClasses(text)) ?? refuse(501, '5.5.4', 'Malformed SOLICIT parameter'),
}

const classes = z.preprocess(
  // One may stand without its list.
  (given) => (typeof given === 'string' ? [given] : given),
  z.array(z.string().regex(CLASS, 'is no class of solicitation, as com.example:ADV')).superRefine((all, context) => {
    if (all.join(',').length > MOST)
      context.addIssue({ code: 'custom', message: `more than ${MOST} characters in all` })
  }),
)

/** The address of the mailbox that an address leads to; the address itself, where that is none of ours. */
export type MailboxOf = (address: Address) => Promise<Address>

/** Classes of solicitation that nobody here wants, and, by address, those that somebody does not. */
export interface Unwanted {
  readonly refuse: readonly string[]
  readonly recipients: Readonly<Record<string, readonly string[]>>
}

/** Settings. No class is unwanted unless somebody says so (RFC 3865 section 2.8). */
export const noSolicitingSettings: z.ZodType<Unwanted> = z.strictObject({
  refuse: classes.default([]).describe('Classes of solicitation that nobody here wants; clients are told.'),
  recipients: z
    .record(z.string(), classes)
    .default({})
    .superRefine((given, context) => {
      for (const address of Object.keys(given)) {
        try {
          readAddress(address)
        } catch (error) {
          if (!(error instanceof BadAddress)) throw error
          context.addIssue({ code: 'custom', path: [address], message: error.message })
        }
      }
    })
    .describe('By address, a list of the classes that it does not want.'),
})

const matching = (message: readonly string[], unwanted: readonly string[]): readonly string[] => {
  const sought = new Set(unwanted.map((one) => one.toLowerCase()))
  return message.filter((one) => sought.has(one.toLowerCase()))
}

const spaceless = (list: string): string =>
  list
    .split(',')
    .map((one) => one.trim())
    .join(',')

/** Fields that are looked at; one is usual. */
const MOST_FIELDS = 10

/** What the header says of itself. A field that is no list of classes says nothing. */
const declared = (header: Header): readonly string[] =>
  header
    .values('Solicitation')
    .slice(0, MOST_FIELDS)
    .flatMap((value) => (value.length > 2 * MOST ? [] : (readClasses(spaceless(value)) ?? [])))

/** What a hop wants none of, from its greeting to its mail. */
const NOTE = 'NO-SOLICITING'

/**
 * NO-SOLICITING, RFC 3865: mail says of which class of solicitation it is, and who does not want that class is spared. What
 * the header says counts: it is where the parameter comes from (section 2.3).
 */
export const noSoliciting = (
  { refuse: everybody, recipients }: Unwanted,
  mailboxOf: MailboxOf = async (address) => address,
): Extension => {
  const keyOf = (address: Address) => addressKey(address).toLowerCase()
  const byAddress = new Map(Object.entries(recipients).map(([who, all]) => [keyOf(readAddress(who)), all]))
  // Whoever has the mailbox does not want it, however the address is written.
  const unwantedBy = async ({ address }: Recipient): Promise<readonly string[]> =>
    byAddress.size === 0 ? [] : (byAddress.get(keyOf(address)) ?? byAddress.get(keyOf(await mailboxOf(address))) ?? [])
  const refusal = (classes: readonly string[], who = '') =>
    reply(550, '5.7.1', `${who}This is not wanted here: SOLICIT=${classes.join(',')}`)
  const demand = (given: readonly string[], unwanted: readonly string[], who?: string): void => {
    const met = matching(given, unwanted)
    if (met.length > 0) throw new Refusal(refusal(met, who))
  }
  return {
    keyword: 'NO-SOLICITING',
    rfc: [3865],
    words: {
      relay: 'the classes in the header are passed on; a host that does not want them is not sent the mail (5.7.1)',
    },
    params: { MAIL: [SOLICIT] },
    server: {
      offer: () => (everybody.length > 0 ? [everybody.join(',')] : []),
      onMail: (_sender, params) => demand(get(params, SOLICIT) ?? [], everybody),
      async onRcpt(recipient, { params }) {
        const given = get(params, SOLICIT) ?? []
        if (given.length > 0) demand(given, await unwantedBy(recipient), named(recipient))
      },
      // Whoever does not know the extension has not said what the header says (section 2.3).
      async atEnd({ header }, transaction) {
        const given = declared(header)
        if (given.length === 0) return undefined
        demand(given, everybody)
        const refused = new Map<number, Reply>()
        for (const [index, recipient] of transaction.recipients.entries()) {
          const met = matching(given, await unwantedBy(recipient))
          if (met.length > 0) refused.set(index, refusal(met, named(recipient)))
        }
        return { recipients: refused }
      },
      traceMark(_session, params) {
        const told = whole(get(params, SOLICIT) ?? [])
        return told === '' ? undefined : { clause: `(SOLICIT=${told})` }
      },
    },
    client: {
      offered({ hop }, [list = '']) {
        hop.notes.set(NOTE, readClasses(list) ?? [])
      },
      adds({ envelope }, hop) {
        const unwanted = hop.notes.get(NOTE) as readonly string[] | undefined
        const met = matching(get(envelope.params, SOLICIT) ?? [], unwanted ?? [])
        return met.length > 0 ? refuse(550, '5.7.1', `${hop.name} wants no mail with SOLICIT=${met.join(',')}`) : {}
      },
    },
    queue: { fromHeader: (envelope, header) => ({ ...envelope, params: labelled(envelope.params, declared(header)) }) },
  }
}

/** Replies are ASCII (RFC 6531 3.7.4.2). */
const named = ({ address }: Recipient): string => {
  const ascii = asciiAddress(address)
  return ascii ? `${formatPath(ascii)} ` : ''
}

const labelled = ({ SOLICIT: _said, ...others }: ParamBag, classes: readonly string[]): ParamBag => {
  const list = classes.join(',')
  return list === '' || list.length > MOST ? others : { ...others, SOLICIT: list }
}

/** As many classes as a comment of the trace has room for: half a class would be another one. */
const whole = (classes: readonly string[]): string =>
  classes.reduce((told, one) => {
    const more = told === '' ? one : `${told},${one}`
    return more.length <= ROOM ? more : told
  }, '')
