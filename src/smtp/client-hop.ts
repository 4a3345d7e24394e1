import type { BodyFacts } from '../mail/facts.ts'
import type { BodySender, Extension, Hop, HostProof, Proofs } from './extension.ts'
import type { Registry } from './registry.ts'

/** The smallest limit that any extension gave is the one that holds. Less than one of anything is no limit but a mistake. */
class Limits extends Map<string, number> {
  override set(name: string, limit: number): this {
    return limit >= 1 && limit < (this.get(name) ?? Number.POSITIVE_INFINITY) ? super.set(name, limit) : this
  }
}

/** What is known of a hop after one greeting; the next greeting begins a new one (RFC 5321 4.1.4, RFC 3207 4.2). */
export class GreetedHop implements Hop {
  readonly name: string
  readonly offers: ReadonlyMap<string, readonly string[]>
  readonly limits: Map<string, number> = new Limits()
  readonly encodings: Set<BodyFacts['encoding']> = new Set<BodyFacts['encoding']>(['7bit'])
  readonly notes: Map<string, unknown> = new Map<string, unknown>()
  assurance: Hop['assurance']
  readonly proofs: Proofs
  takesUtf8Headers?: true
  mayBatch?: boolean
  givesStatuses?: boolean
  sendBody?: BodySender
  closingReplyPerRecipient?: boolean
  isStore?: true
  reports?: true

  readonly #wire: Line

  /** `assured`: what was known of this connection before; a new greeting does not make it less secure. */
  constructor(wire: Line, offers: Hop['offers'], assured: Hop['assurance'], host: HostProof = 'named') {
    this.name = wire.name
    this.offers = offers
    this.#wire = wire
    const { secured } = wire.channel
    this.proofs = { ...(secured?.verified ? { certificate: secured.by ?? 'pkix' } : {}), host }
    const proved = secured === undefined ? 'none' : secured.verified ? 'verified' : 'encrypted'
    this.assurance = ASSURANCE[proved] > ASSURANCE[assured] ? proved : assured
  }

  get channel(): Hop['channel'] {
    return this.#wire.channel
  }

  get address(): string {
    return this.#wire.channel.peer.address
  }
}

const ASSURANCE = { none: 0, encrypted: 1, verified: 2 } as const

/** Whom we talk to, and over what; the channel may be replaced. */
interface Line {
  readonly name: string
  readonly channel: Hop['channel']
}

/** The extensions that may be used with a hop that makes these offers: on its list with all they require, or silent. */
export const inForce = (registry: Registry, offers: Hop['offers']): ReadonlySet<Extension> => {
  const usable = new Map(
    registry.extensions.filter((e) => e.silent || offers.has(e.keyword)).map((e) => [e.keyword, e] as const),
  )
  for (let before = -1; before !== usable.size; ) {
    before = usable.size
    for (const [keyword, { requires }] of usable) {
      if (requires?.some((needed) => !usable.has(needed))) usable.delete(keyword)
    }
  }
  return new Set(usable.values())
}

/** The same extensions but one, which is left alone as if it were not there. */
export const leaveOut = (registry: Registry, keyword: string): Registry => ({
  extensions: registry.extensions.filter((extension) => extension.keyword !== keyword),
  owners: (verb, name) => registry.owners(verb, name),
})

/**
 * The lines of a greeting verb's reply after its first, as keyword to arguments. `KEYWORD=ARGUMENT …` is an old way to write
 * them, which counts where there is no other. What is no keyword is passed over.
 */
export const readOffers = (lines: readonly string[]): Map<string, readonly string[]> => {
  const offers = new Map<string, readonly string[]>()
  const old = new Map<string, readonly string[]>()
  for (const line of lines.slice(1)) {
    const [, keyword = '', equals, rest = ''] = /^ *([^ =]+)(=?)(.*)$/.exec(line) ?? []
    const upper = keyword.toUpperCase()
    const found = equals === '' ? offers : old
    if (!/^[A-Z0-9][A-Z0-9-]*$/.test(upper) || found.has(upper)) continue
    found.set(
      upper,
      rest.split(' ').filter((word) => word !== ''),
    )
  }
  return new Map([...old, ...offers])
}
