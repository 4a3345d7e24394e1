import type { Resolver } from '../addressing/resolve.ts'
import type { RrvsBlock } from '../config/schema-extensions.ts'
import type { Settings } from '../config/settings.ts'
import { type Owners, parseOwners, sameOwner } from '../directors/owners.ts'
import { fileSource, keep } from '../directors/source.ts'
import type { Ownership } from '../extensions/index.ts'
import { refuse } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Faults } from './unfit.ts'

const isBlock = (block: unknown): block is RrvsBlock => typeof block === 'object' && block !== null

/** Reads the files of owners that blocks of `rrvs` name, and tells ownership by any of these blocks. Adds to the faults. */
export const ownerships = async (
  settings: Settings,
  resolver: () => Resolver,
  means: { readonly clock: Clock; readonly log: Log },
  faults: Faults,
): Promise<(block: unknown) => Ownership> => {
  const files = new Map<string, (() => Promise<Owners>) | undefined>()
  const blocks = [
    { at: ['extensions', 'rrvs', 'owners'], block: settings.extensions['rrvs'] },
    ...settings.listen.map(({ name, extensions }) => ({
      at: ['listen', name, 'extensions', 'rrvs', 'owners'],
      block: extensions['rrvs'],
    })),
  ]
  for (const { at, block } of blocks) {
    const file = isBlock(block) ? block.owners : undefined
    if (file === undefined || files.has(file)) continue
    files.set(file, await faults.of(at, () => keep(fileSource(file), parseOwners, means)))
  }
  return (block) => {
    const { owners: file = '', latest } = isBlock(block) ? block : {}
    const current = files.get(file) ?? (async (): Promise<Owners> => new Map())
    return async (address, since) => {
      if (!resolver().isOurs(address.domain)) return 'elsewhere'
      try {
        const found = await resolver().resolve(address)
        // An alias has no folder; it may be on record. Who is not there at all is refused for that.
        if (found.to === 'host' || found.to === 'nobody') return 'elsewhere'
        const mailbox = found.to === 'mailbox' ? found.mailbox : undefined
        const known = { owners: await current(), ...(latest === undefined ? {} : { latest }) }
        return await sameOwner(address, mailbox, since, known)
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        means.log.event('warn', 'owner-unknown', { address: `${address.local}@${address.domain}`, why })
        return refuse(451, '4.3.0', 'It cannot be found out just now since when the mailbox has its owner')
      }
    }
  }
}
