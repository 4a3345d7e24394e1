import type { Address } from '../../mail/address.ts'
import { type Reply, reply } from '../../mail/reply.ts'
import type { ClientMechanism, Credentials } from '../../sasl/client-mechanism.ts'
import { Barred, type ClientFacet, type Conversation, type Hop, type Param } from '../../smtp/extension.ts'
import { get } from '../../smtp/param.ts'
import { type Attempted, attempt } from './attempt.ts'

/** How we prove to hops who we are. */
export interface AuthClient {
  /** What is set for the hop. Undefined: mail goes there without. */
  login(hop: Hop): Login | undefined
  /** Told how each login ended. */
  note(event: LoginEvent): void
}

export interface Login extends Credentials {
  /** Those that may be used, the most wanted first. */
  readonly mechanisms: readonly ClientMechanism[]
}

/** How it was refused, or that it was not. Without secrets. */
export interface LoginEvent {
  readonly hop: string
  readonly user: string
  /** Absent: none would do. */
  readonly mechanism?: string
  /** What kept us out; absent: nothing did. */
  readonly why?: string
}

/** After these another mechanism may do (RFC 4954 section 6); a password that is wrong is not tried by another. */
const TRY_ANOTHER: readonly number[] = [432, 500, 504, 534, 538]

/**
 * Nothing is sent to a hop for which a login is set unless it has taken it; the password is never said in clear, nor to a
 * hop whose certificate does not prove its name (RFC 4954 section 14): only such mechanisms are for that as have the hop
 * prove that it knows the password. What goes wrong is ours to mend, so mail waits.
 */
export const clientFacet = ({ login, note }: AuthClient, who: Param<Address | null>): ClientFacet => {
  /** The channels over which a hop knows us: a further greeting asks for no further login. */
  const known = new WeakSet<Hop['channel']>()
  const bar = (hop: Hop, said: Reply, about: Omit<LoginEvent, 'hop'>): never => {
    note({ hop: hop.name, ...about })
    throw new Barred(said)
  }
  const enter = async (talk: Conversation, own: Login, offered: readonly string[]): Promise<void> => {
    const { hop } = talk
    const { user } = own
    const usable = own.mechanisms.filter(({ name, mutual }) => offered.includes(name) && isSafe(hop, mutual))
    if (usable.length === 0) {
      const why = whyNone(hop, own, offered)
      return bar(hop, reply(454, '4.7.0', `${hop.name} gets no mail without a login: ${why}`), { user, why })
    }
    let last: Attempted & { readonly mechanism: string } = { is: 'refused', answer: UNASKED, mechanism: '' }
    for (const mechanism of usable) {
      last = { ...(await attempt(talk, mechanism, own)), mechanism: mechanism.name }
      if (last.is === 'proved') return note({ hop: hop.name, user, mechanism: mechanism.name })
      if (last.is !== 'refused' || !TRY_ANOTHER.includes(last.answer.code)) break
    }
    const { mechanism } = last
    if (last.is !== 'refused') {
      const why = last.is === 'nonsense' ? last.why : UNPROVED
      return bar(hop, reply(454, '4.7.0', `The login at ${hop.name} by ${mechanism} was broken off: ${why}`), {
        user,
        mechanism,
        why,
      })
    }
    const why = words(last.answer)
    return bar(hop, ofOurs(last.answer, `${hop.name} refused the login by ${mechanism}: ${why}`), {
      user,
      mechanism,
      why,
    })
  }
  return {
    async offered(talk, args) {
      const { hop } = talk
      const own = login(hop)
      if (own === undefined || known.has(hop.channel)) return
      await enter(
        talk,
        own,
        args.map((name) => name.toUpperCase()),
      )
      known.add(hop.channel)
    },
    notOffered({ hop }) {
      const own = login(hop)
      if (own === undefined || known.has(hop.channel)) return
      const why = hop.channel.secured ? 'it does not offer AUTH' : 'it does not offer AUTH in clear'
      bar(hop, reply(454, '4.7.0', `${hop.name} gets no mail without a login: ${why}`), { user: own.user, why })
    },
    // Whom we do not know is said to be nobody, lest the hop takes the mail for ours (RFC 4954 section 5).
    adds: ({ envelope }, { channel }) => (known.has(channel) && !get(envelope.params, who) ? { [who.name]: '<>' } : {}),
    onReply(verb, answer, { hop }) {
      // Of hosts that the DNS names nobody can say which login they want: there the mail had better come back.
      if (answer.code !== 530 || (verb !== 'MAIL' && verb !== 'RCPT') || hop.proofs.host !== 'named') return undefined
      const lacking = known.has(hop.channel) ? 'another login than ours' : 'a login, and none is set for it'
      return { wait: reply(450, '4.7.0', `${hop.name} wants ${lacking}: ${words(answer)}`) }
    },
  }
}

/** Of what a hop says, so much is repeated. */
const MOST_REPEATED = 500

const words = ({ code, lines }: Reply): string => `${code} ${lines.join(' ')}`.slice(0, MOST_REPEATED)

const UNASKED = reply(454, '4.7.0', 'Nobody was asked')
const UNPROVED = 'it did not prove that it knows the password'

const isSafe = ({ assurance }: Hop, mutual: true | undefined): boolean =>
  assurance === 'verified' || (assurance === 'encrypted' && mutual === true)

const whyNone = ({ assurance, channel }: Hop, { mechanisms }: Login, offered: readonly string[]): string => {
  if (assurance === 'none') return 'the connection is in clear'
  const names = mechanisms.map(({ name }) => name)
  const both = names.filter((name) => offered.includes(name))
  if (both.length > 0)
    return `its certificate does not prove its name, as it must for ${both.join(' ')} (${channel.secured?.why})`
  const there = offered.join(' ').slice(0, MOST_REPEATED) || 'nothing'
  return `it offers ${there}, and what may be used is ${names.join(' ')}`
}

/** What a hop says of our login is no word on the mail: a 4yz, whatever it was, with its status. */
const ofOurs = ({ code, status }: Reply, text: string): Reply =>
  reply(code < 500 ? code : 454, status === '' ? '4.7.0' : `4${status.slice(1)}`, text)
