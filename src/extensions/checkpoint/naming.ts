import { createHmac } from 'node:crypto'
import { formatPath } from '../../mail/address.ts'
import type { Hop, OutboundMail } from '../../smtp/extension.ts'

export interface CheckpointNaming {
  /** Octets from which on a message is worth a name: the hop has to make a note of each. */
  readonly from: number
  /** The name of this host. */
  readonly domain: string
  /** Known to this program alone, and the same after a restart: names cannot be guessed, and are met again. */
  secret(): Uint8Array
}

const MOST_SPOILT = 1000
/** Of the 80 that a name may have, those that `<@>` and the local part leave. */
const MOST_OF_DOMAIN = 80 - 3 - 27
const SPOILT = 'CHECKPOINT'
/** With a hop that has spoilt so many names no more are used on this connection. */
const MOST_BY_HOP = 2

/**
 * Names of transactions (RFC 1845): the same for the same octets and the same recipients in the same order, whenever they
 * are sent, and for nothing else.
 */
export class Naming {
  readonly #options: CheckpointNaming
  /** Names that a hop has said nonsense of. */
  readonly #spoilt: Set<string> = new Set()
  /** Of mail under way, by attempt: every reply asks, and a name takes all recipients. */
  readonly #made: WeakMap<OutboundMail, string[]> = new WeakMap()

  constructor(options: CheckpointNaming) {
    this.#options = options
  }

  /** Whether a message of so many octets is worth a name. */
  isFor(octets: number): boolean {
    return octets >= this.#options.from
  }

  /** Undefined: it is not worth one, or the hop is not. */
  of(mail: OutboundMail, hop: Hop): string | undefined {
    if (!this.isFor(mail.facts.octets) || spoiltBy(hop) >= MOST_BY_HOP) return undefined
    for (let attempt = 0; ; attempt += 1) {
      const name = this.#known(mail, attempt)
      if (!this.#spoilt.has(name)) return name
    }
  }

  /** This name cannot be gone on with at the hop. */
  spoil(name: string, hop: Hop): void {
    hop.notes.set(SPOILT, spoiltBy(hop) + 1)
    this.#spoilt.add(name)
    if (this.#spoilt.size <= MOST_SPOILT) return
    for (const oldest of this.#spoilt) {
      this.#spoilt.delete(oldest)
      return
    }
  }

  #known(mail: OutboundMail, attempt: number): string {
    const made = this.#made.get(mail) ?? []
    this.#made.set(mail, made)
    made[attempt] ??= this.#name(mail, attempt)
    return made[attempt]
  }

  #name({ id, version = '', facts, envelope }: OutboundMail, attempt: number): string {
    const { sender, recipients } = envelope
    const to = recipients.map(({ address, params }) => [formatPath(address), params])
    const what = JSON.stringify([id, version, facts.octets, formatPath(sender), to, attempt])
    const local = createHmac('sha256', this.#options.secret()).update(what).digest().subarray(0, 20)
    return `<${local.toString('base64url')}@${domainFor(this.#options.domain)}>`
  }
}

const spoiltBy = (hop: Hop): number => Number(hop.notes.get(SPOILT) ?? 0)

/** As much of our name as there is room for, from its end. */
const domainFor = (name: string): string => {
  const labels = name.split('.')
  while (labels.join('.').length > MOST_OF_DOMAIN) labels.shift()
  const domain = labels.join('.')
  return /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(domain) ? domain : 'smail.invalid'
}
