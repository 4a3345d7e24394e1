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
