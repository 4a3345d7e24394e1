import { type Address, addressKey, formatAddress } from '../../mail/address.ts'
import { refuse } from '../../mail/reply.ts'
import type { NotProved, ServerMechanism } from '../../sasl/mechanism.ts'
import type { Param, ServerFacet, Session } from '../../smtp/extension.ts'
import { get, toXtext } from '../../smtp/param.ts'
import { authVerb } from './verb.ts'

/** What a server of ours needs for it. */
export interface AuthServer {
  /** In the order in which they are told. */
  readonly mechanisms: readonly ServerMechanism[]
  /** Whether this client may show a password without TLS: for trials. Absent: nobody may. */
  readonly inClear?: (session: Session) => boolean
  /** Nothing is done for whoever has not proved who it is. */
  readonly required?: boolean
  /** Wrong passwords of a session until it ends, 3 at least (RFC 4954 section 9), which is also what holds when absent. */
  readonly failures?: number
  /** Whether a client may try at all, for now. Absent: it may. */
  readonly mayTry?: (session: Session) => boolean
  /** Told how an exchange ended; a failure is answered when this has resolved. */
  readonly ended?: (end: AuthEnd, session: Session) => Promise<void> | void
  /** Whether the mail of who was proved is its own, not that of others which it relays. */
  readonly submission?: boolean
  /** The mailbox of an identity. Undefined: it has none that can be said in ASCII. */
  readonly mailboxOf?: (identity: string) => Address | undefined
  /** Whether a client that proved who it is may say that others submitted its mail. Absent: none may. */
  readonly trusts?: (session: Session) => boolean
}

/** `failed` is absent where somebody was proved. */
export interface AuthEnd {
  readonly mechanism: string
  readonly identity?: string
  readonly failed?: NotProved
}

/** What needs nobody to be proved (RFC 4954 section 6), and what makes it possible to prove it. */
const FREE = new Set(['AUTH', 'EHLO', 'LHLO', 'HELO', 'NOOP', 'RSET', 'QUIT', 'STARTTLS'])

/** The mechanisms that a client may use as it is connected now. */
export const usable = ({ mechanisms, inClear }: AuthServer, session: Session): readonly ServerMechanism[] =>
  mechanisms.filter(({ plaintext }) => !plaintext || session.channel.secured || inClear?.(session) === true)

/** `PARAM`: of MAIL, who submitted the mail. */
export const serverFacet = (server: AuthServer, param: Param<Address | null>): ServerFacet => ({
  offer(session) {
    const names = usable(server, session).map(({ name }) => name)
    return names.length > 0 ? names : undefined
  },
  verbs: { AUTH: authVerb(server) },
  ...(server.required
    ? {
        guard(verb, { identity }) {
          if (identity === undefined && !FREE.has(verb)) refuse(530, '5.7.0', 'Authentication required')
        },
      }
    : {}),
  // RFC 4954 section 5. Without the parameter nobody is taken for known, but for who submits mail of its own.
  onMail(_sender, params, session) {
    const { identity } = session
    const own = identity === undefined ? undefined : server.mailboxOf?.(identity)
    if (!(param.name in params)) {
      if (identity === undefined || !server.submission) return
      const told = { [param.name]: own ? toXtext(formatAddress(own)) : '<>' }
      // One that is too long cannot be said (RFC 4954 section 3).
      return { params: { ...params, ...(get(told, param) === undefined ? { [param.name]: '<>' } : told) } }
    }
    const named = get(params, param)
    if (!named) return
    const itself = own !== undefined && addressKey(own) === addressKey(named)
    const believed = itself || (identity !== undefined && server.trusts?.(session) === true)
    return believed ? undefined : { params: { ...params, [param.name]: '<>' } }
  },
  traceMark: ({ identity }) => (identity === undefined ? undefined : { suffix: 'A' }),
})
