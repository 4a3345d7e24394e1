import { networks } from '../config/networks.ts'
import type { KnownClients } from '../config/schema-extensions.ts'
import type { ListenerSettings } from '../config/settings.ts'
import type { Session } from '../smtp/extension.ts'

/** Tells whether a client is one of those that a block of settings names. */
export const clientsOf = (
  block: KnownClients,
  protocol: ListenerSettings['protocol'],
): ((session: Session) => boolean) => {
  const among = networks(block.networks)
  const submission = block.submission && protocol === 'submission'
  const { identities } = block
  return ({ peer, identity }) =>
    submission || among(peer) || (identity !== undefined && (identities.includes('*') || identities.includes(identity)))
}

/** For people, whom a block names. Undefined: everybody; null: nobody. */
export const whoAre = (
  { networks: nets, identities, submission }: KnownClients,
  protocol: ListenerSettings['protocol'],
): string | null | undefined => {
  if (submission && protocol === 'submission') return undefined
  const proven = identities.includes('*') ? 'who prove who they are' : 'of its identities'
  const whom = [...(nets.length > 0 ? ['of its networks'] : []), ...(identities.length > 0 ? [proven] : [])]
  return whom.length > 0 ? `to clients ${whom.join(', or ')}` : null
}
