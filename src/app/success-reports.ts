import type { DsnBlock } from '../config/schema-extensions.ts'
import type { ListenerSettings } from '../config/settings.ts'
import type { SenderProof } from '../extensions/index.ts'
import { domainKey } from '../mail/idna.ts'
import type { Spf, Verdict } from '../policy/spf.ts'
import type { Extension, Greeting, Session } from '../smtp/extension.ts'
import { clientsOf } from './clients.ts'
import { blockOf } from './extension-settings.ts'

/** Who is granted reports of success at a listener. Absent there: everyone, for all mail. */
export interface SuccessReports {
  readonly trusts: (session: Session) => boolean
  /** Absent: whoever is trusted is so whatever sender it names, and nobody else is. */
  readonly proof?: SenderProof
  /** For people. */
  readonly to: string
}

export interface SuccessServices {
  /** Somebody vouches for the senders that a client names: a program of this machine. Absent: nobody does. */
  readonly vouched?: (session: Session) => boolean
  /** Absent: nobody is proved. */
  readonly spf?: Spf
  /** Told once of each sender in a session whose mail gets no reports of success though it asked for them. */
  readonly unproved?: (session: Session, domain: string, verdict: Verdict) => void
}

/** By the block of DSN, as it holds for a listener. */
export const successReports = (
  { extensions: blocks, protocol }: Pick<ListenerSettings, 'extensions' | 'protocol'>,
  services: SuccessServices,
): SuccessReports | undefined => {
  const block = blockOf<DsnBlock>(blocks, 'dsn')
  if (block === undefined || block.success === 'everyone') return undefined
  const known = clientsOf(block, protocol)
  const knows = (session: Session) => known(session) || services.vouched?.(session) === true
  if (block.success === 'trusted') return { trusts: knows, to: 'to those trusted' }
  return aligned(knows, services)
}

/** Names of one session that are looked up: each may cost a hundred questions of the DNS (RFC 7208 11.1). */
const MOST_NAMES = 10

/**
 * Strangers, too: a host whose name SPF proves may ask (RFC 7208 2.3), and is heard for mail whose sender's domain SPF
 * proves (2.4). Whom settings know is never looked up.
 */
const aligned = (
  knows: (session: Session) => boolean,
  { spf = async () => 'none', unproved }: SuccessServices,
): SuccessReports => {
  const proved = new WeakSet<Greeting>()
  const looked = new WeakMap<Session, number>()
  const senders = new WeakMap<Session, { readonly key: string; readonly isProved: Promise<boolean> }>()

  const proves = async (local: string, domain: string, session: Session): Promise<boolean> => {
    const verdict = await spf({ address: session.peer, helo: session.greeting?.name ?? '', domain, local })
    if (verdict !== 'pass') unproved?.(session, domain, verdict)
    return verdict === 'pass'
  }

  return {
    to: 'to those trusted, and to hosts whose name SPF proves',
    trusts: (session) => knows(session) || (session.greeting !== undefined && proved.has(session.greeting)),
    proof: {
      async greeted(greeting, session) {
        if (!greeting.extended || proved.has(greeting) || knows(session)) return
        const before = looked.get(session) ?? 0
        if (before === MOST_NAMES) return
        looked.set(session, before + 1)
        const { name } = greeting
        if ((await spf({ address: session.peer, domain: name, helo: name })) === 'pass') proved.add(greeting)
      },
      // Of `<>` nobody is told anything.
      async proves(sender, session) {
        if (sender === null || knows(session)) return true
        const key = `${sender.local}@${domainKey(sender.domain)}`
        const before = senders.get(session)
        if (before?.key === key) return before.isProved
        const isProved = proves(sender.local, sender.domain, session)
        senders.set(session, { key, isProved })
        return isProved
      },
    },
  }
}

/** For what goes with DSN: it demands DSN's parameters, or has reports of success as DSN does. */
export const grantedAsDsn = (reports: SuccessReports | undefined, extension: Extension): Extension => {
  const { server, words } = extension
  if (reports === undefined || server === undefined) return extension
  const offer = (session: Session) => {
    if (!reports.trusts(session)) return undefined
    return server.offer ? server.offer(session) : []
  }
  return { ...extension, words: { ...words, offered: reports.to }, server: { ...server, offer } }
}
